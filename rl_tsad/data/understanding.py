"""What may a reader be told, and what does it say it understood?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from rl_tsad.data.role_choice import ChannelRole, RoleChoice, describe_roles
from rl_tsad.errors import DataError
from rl_tsad.types import Int8, Int64, Series

Place = Callable[[int], str]
"""Says where a data row stands: ``place(0) -> "pump.csv, line 2"``."""


@dataclass(frozen=True)
class ReadOptions:
    """What the reader should not guess.

    Attributes:
        time: name of the time column.
        values: names of the value columns; all numeric ones when empty.
        label: name of the label column.
        delimiter: of a CSV file; sniffed when absent.
        timezone: zone in which times without an offset are written: an IANA name or ``+02:00``; UTC when absent.
        nan: what a missing value becomes. ``interpolate``: a straight line between its neighbours; stretches of more
            than ``LONGEST_FILL`` rows without any value stay gaps. ``drop``: its row is left out. ``refuse``: an error.
        repeated: what happens to a time that comes twice. ``refuse``: an error. ``first``: the first row stays.
            ``shift``: all rows stay in the file's order, each at least a millisecond after the one before.
        name: of the series; the file's name without its ending when absent.
        roles: which channels are scored and which only explain them.
    """

    time: str | None = None
    values: tuple[str, ...] = ()
    label: str | None = None
    delimiter: str | None = None
    timezone: str | None = None
    nan: Literal["interpolate", "drop", "refuse"] = "interpolate"
    repeated: Literal["refuse", "first", "shift"] = "refuse"
    name: str | None = None
    roles: RoleChoice = field(default_factory=RoleChoice)


@dataclass(frozen=True)
class Understanding:
    """What a reader made of a file, for the preview.

    Attributes:
        path: the file.
        format: ``CSV``, ``Parquet``, ``TSB-AD``, ``NAB``, ``SKAB`` or ``SMAP/MSL``.
        name: of the series.
        rows: points read.
        channels: names of the value columns.
        time_column: None where there is no clock.
        label_column: None where there is no truth.
        delimiter: None where there is none.
        timezone: zone or offset of the file's own times.
        first: first time, ISO, in that zone; the sample number where there is no clock.
        last: last time, likewise.
        median_step: seconds (or samples) between two points.
        gaps: pauses in the recording, longer than 10 median steps.
        filled: cells that were missing and interpolated.
        dropped: rows left out.
        anomalies: anomalous points; 0 where there is no truth.
        notes: whatever else a user should know, in plain words.
        train_points: points that the file's name declares as training data (TSB-AD form).
        decimal: the file's decimal sign, ``.`` or ``,``.
        roles: of the channels, in their order; empty until all series of a call have agreed on them.
    """

    path: Path
    format: str
    name: str
    rows: int
    channels: tuple[str, ...]
    time_column: str | None
    label_column: str | None
    delimiter: str | None
    timezone: str | None
    first: str
    last: str
    median_step: float
    gaps: int
    filled: int
    dropped: int
    anomalies: int
    notes: tuple[str, ...] = ()
    train_points: int | None = None
    decimal: str = "."
    roles: tuple[ChannelRole, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Say in plain words what was understood, one fact a line, for the preview."""
        unit = "s" if self.time_column and "T" in self.first else "samples"
        separated = f", separated by {self.delimiter!r}" if self.delimiter else ""
        separated += ", decimal comma" if self.decimal == "," else ""
        names = ", ".join(self.channels[:20]) + (" ..." if len(self.channels) > 20 else "")
        times = f"column {self.time_column!r}" if self.time_column else "no time column"
        return (
            f"{self.path}: {self.format}{separated}; series {self.name!r}",
            f"{self.rows} points of {len(self.channels)} channels: {names}",
            *([describe_roles(self.roles)] if self.roles else []),
            f"times: {times}, {self.first} to {self.last}, step {self.median_step:g} {unit}, "
            f"zone {self.timezone or 'not given'}",
            self._counts(),
            f"truth: {self.label_column}, {self.anomalies} anomalous points" if self.label_column else "truth: none",
            *(f"note: {note}" for note in self.notes),
        )

    def losses(self) -> str:
        """Say what was missing, as in the preview; nothing where nothing was."""
        return self._counts() if self.gaps or self.filled or self.dropped else ""

    def _counts(self) -> str:
        return f"gaps: {self.gaps}; missing cells interpolated: {self.filled}; rows left out: {self.dropped}"


@dataclass(frozen=True)
class Reading:
    """A series and what was understood of its file."""

    series: Series
    understanding: Understanding


@dataclass(frozen=True)
class Found:
    """What a format's reader hands over, before order, repetitions and missing values are settled.

    Attributes:
        path: the file.
        format: its form.
        name: wanted for the series.
        values: (T, C) float64 or float32, NaN where missing.
        times: (T,) datetime64[ns] in UTC or int64 sample numbers, in the file's order.
        channels: C names.
        truth: (T,) int8 or None.
        rows: (T,) data row of each point in the file.
        place: where a data row stands.
        exogenous: channels that the data's publisher calls commands or the like.
    """

    path: Path
    format: str
    name: str
    values: NDArray[Any]
    times: NDArray[Any]
    channels: tuple[str, ...]
    truth: Int8 | None
    rows: Int64
    place: Place
    time_column: str | None = None
    label_column: str | None = None
    delimiter: str | None = None
    timezone: str | None = None
    filled: int = 0
    notes: tuple[str, ...] = ()
    train_points: int | None = None
    decimal: str = "."
    exogenous: tuple[str, ...] = ()

    def take(self, which: NDArray[Any]) -> Found:
        """Keep some points, by position or mask, in the given order."""
        truth = None if self.truth is None else self.truth[which]
        return replace(self, values=self.values[which], times=self.times[which], truth=truth, rows=self.rows[which])

    def note(self, *notes: str) -> Found:
        """Add something that a user should know."""
        return replace(self, notes=(*self.notes, *notes))


@contextmanager
def naming(path: Path, folder: Path) -> Iterator[None]:
    """Let errors about a file of a folder name its path inside the folder, since base names may come twice.

    Raises:
        DataError: the one raised inside, its message beginning with the path.

    Example:
        >>> with naming(Path("data/valve1/0.csv"), Path("data")):
        ...     raise DataError("0.csv, line 4: expected a number, got 'x'; correct the cell")
        Traceback (most recent call last):
        rl_tsad.errors.DataError: valve1/0.csv, line 4: expected a number, got 'x'; correct the cell
    """
    try:
        yield
    except DataError as error:
        message = str(error)
        about = message.removeprefix(path.name) if message.startswith(path.name) else f": {message}"
        raise DataError(f"{path.relative_to(folder).as_posix()}{about}") from error


def cell_error(place: str, column: str, *, expected: str, got: object, advice: str) -> DataError:
    """Name file, line and column of a cell that cannot be read.

    Example:
        >>> print(cell_error("pump.csv, line 14", "flow", expected="a number", got="n/a?", advice="correct the cell"))
        pump.csv, line 14, column 'flow': expected a number, got 'n/a?'; correct the cell
    """
    shown = repr(got) if not isinstance(got, str) or got.strip() else "an empty cell"
    return DataError(f"{place}, column {column!r}: expected {expected}, got {shown}; {advice}")
