"""How are names written where a spreadsheet, a file system or another tool reads them, and found again?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from rl_tsad.errors import DataError, listed
from rl_tsad.types import Series

_FORMULA = re.compile(r"^'*[=+\-@\t\r]")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")


def guard(name: str) -> str:
    """Write a name so that no spreadsheet takes it for a formula: an apostrophe before ``= + - @``.

    The characters are those of OWASP, "CSV Injection".

    Example:
        >>> guard("=HYPERLINK(1)"), guard("pump")
        ("'=HYPERLINK(1)", 'pump')
    """
    return f"'{name}" if _FORMULA.match(name) else name


def unguard(cell: str) -> str:
    """Read a name that :func:`guard` wrote.

    Example:
        >>> unguard("'=1"), unguard("pump"), unguard("'pump")
        ('=1', 'pump', "'pump")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def file_name(name: str) -> str:
    """Write a series' name so that it can be part of a file's name on every system.

    Example:
        >>> file_name("../line 1/pump")
        '.._line_1_pump'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:120]


@dataclass(frozen=True)
class Recordings:
    """The series that a file may speak of.

    Attributes:
        series: by name.
        timezone: zone of times that carry none; when omitted, that in which the series' own source was written, else
            UTC, as where it is ingested.
        only: the series that is meant where a file names none.
        skip_strange: whether names that are no series here are left out; an error when not.
        anomaly_words: further words that mean an anomaly.
    """

    series: Mapping[str, Series]
    timezone: str | None = None
    only: str | None = None
    skip_strange: bool = False
    anomaly_words: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.only is not None and self.only not in self.series:
            raise DataError(f"expected a series of this workspace, got {self.only!r}; see `rl-tsad series list`")

    def find(self, written: str) -> str | None:
        """Find the series that a name means: itself, its file's path or stem, or what an upload made of that.

        Example:
            >>> import numpy as np
            >>> pump = Series("pump", np.zeros((1, 1), np.float32), np.arange(1), ("x",))
            >>> known = Recordings({"pump": pump})
            >>> [known.find(name) for name in ("pump", "plant/pump.csv", "/upload/1/01ab23cd-pump.csv", "fan")]
            ['pump', 'pump', 'pump', None]
        """
        name = unguard(written.strip())
        path = PurePosixPath(name)
        stem = path.stem if path.suffix else path.name
        joined = "-".join(path.with_suffix("").parts) if path.suffix else name
        for candidate in (written, name, joined, path.name, stem, _UPLOADED.sub("", stem)):
            if candidate in self.series:
                return candidate
        as_files = [own for own in self.series if file_name(own) == stem]
        return as_files[0] if len(as_files) == 1 else None

    def alone(self, stem: str) -> str:
        """Name the series of a file that names none: the one that was told, that of the file's name, the only one.

        Raises:
            DataError: when it could be several.
        """
        found = self.only or self.find(stem)
        if found is None and len(self.series) == 1:
            return next(iter(self.series))
        if found is None:
            raise DataError(
                f"{stem}: expected the name of a series, as the file names none, got {len(self.series)} series here "
                f"({listed(sorted(self.series))}); say which with --series"
            )
        return found

    def strange(self, place: str, written: str) -> DataError:
        """Complain of a name that is no series here."""
        return DataError(
            f"{place}: expected a series of this workspace ({listed(sorted(self.series))}), got {written!r}; ingest it "
            "first, or leave such names out with --skip-unknown"
        )
