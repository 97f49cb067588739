"""Files in: read, look through, keep; whole or not at all, and the same content only once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from db import series as series_rows
from db.errors import StoreError
from db.records import NewSeries, SeriesRecord
from rl_tsad.data.channel_order import in_one_order
from rl_tsad.data.readers import read_path
from rl_tsad.data.role_agreement import agree_on_roles, check_known, exogenous_names
from rl_tsad.data.understanding import Reading, ReadOptions, Understanding
from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.services.roles import stored_roles
from rl_tsad.services.workspace import Workspace, list_series, load_series, write_series
from rl_tsad.types import Series


@dataclass(frozen=True)
class Ingested:
    """What became of one series.

    Attributes:
        understanding: what was understood of the file.
        record: the stored series; None on a dry run.
        is_new: False when the same content was there already.
    """

    understanding: Understanding
    record: SeriesRecord | None
    is_new: bool


def preview(
    paths: Sequence[Path], options: ReadOptions | None = None, *, workspace: Workspace | None = None
) -> list[Understanding]:
    """Read without keeping anything, and say what was understood.

    Args:
        paths: files or folders.
        options: how to read them.
        workspace: whose series' roles hold for the same channels; none when omitted.

    Raises:
        DataError: names file, line and column.
    """
    options = options or ReadOptions()
    readings = [reading for path in paths for reading in read_path(path, options)]
    readings = in_one_order(readings, _orders(workspace) if workspace else {})
    known = stored_roles(workspace) if workspace else None
    return [one.understanding for one in agree_on_roles(readings, options.roles, known)]


def ingest(
    workspace: Workspace,
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    *,
    progress: Progress = no_progress,
) -> list[Ingested]:
    """Keep the series of files or folders: all of a call's series become visible together, or none does.

    Raises:
        DataError: when a file is not understood, or a name is taken by other content.
    """
    options, readings = options or ReadOptions(), []
    for number, path in enumerate(paths, 1):
        readings += list(read_path(path, options))
        progress("reading", number, len(paths))
    readings = in_one_order(readings, _orders(workspace))
    readings = agree_on_roles(readings, options.roles, stored_roles(workspace))
    _check_names(workspace, readings)
    changes = []
    for number, reading in enumerate(readings, 1):
        changes.append(_write(workspace, reading.series, source=str(reading.understanding.path)))
        progress("storing", number, len(readings))
    known = {record.digest for record in list_series(workspace)}
    records = _record(workspace, changes)
    understood = [reading.understanding for reading in readings]
    return [Ingested(one, record, record.digest not in known) for one, record in zip(understood, records, strict=True)]


def keep_series(workspace: Workspace, series: Series, *, source: str) -> SeriesRecord:
    """Keep one series that is already in memory (a simulated plant, say).

    Raises:
        DataError: when its name is taken by other content, or its roles are not those of the series already there.
    """
    known = stored_roles(workspace).get(frozenset(series.channels))
    if known is not None:
        check_known(exogenous_names(series), known, f"series {series.name!r}")
    return _record(workspace, [_write(workspace, series, source=source)])[0]


@dataclass(frozen=True)
class _Change:
    """A series whose arrays are written and whose row is not: a new one, or an old one that grew."""

    new: NewSeries
    old: SeriesRecord | None


def _write(workspace: Workspace, series: Series, *, source: str) -> _Change:
    digest = series_digest(series)
    folder = workspace.root / "series" / digest[:16]
    if not folder.exists():
        write_series(folder, series)
    new = NewSeries(
        name=series.name,
        digest=digest,
        path=str(folder.relative_to(workspace.root)),
        rows=series.length,
        channels=series.channels,
        timezone=series.timezone,
        has_truth=series.truth is not None,
        source=source,
        exogenous=exogenous_names(series),
    )
    old = next((record for record in list_series(workspace) if record.name == series.name), None)
    grows = old is not None and old.digest != digest and continues(workspace, old, series)
    return _Change(new, old if grows else None)


def _record(workspace: Workspace, changes: Sequence[_Change]) -> list[SeriesRecord]:
    """Make all rows visible in one transaction."""
    try:
        with workspace.store.begin() as session:
            return [
                series_rows.extend(session, one.old, one.new) if one.old else series_rows.add(session, one.new)
                for one in changes
            ]
    except StoreError as error:
        raise DataError(str(error)) from error


def continues(workspace: Workspace, old: SeriesRecord, series: Series) -> bool:
    """Say whether a series starts with all that is stored under its name and goes on from there."""
    before = load_series(workspace, old)
    if old.channels != series.channels or old.timezone != series.timezone or old.rows >= series.length:
        return False
    same_times = np.array_equal(before.times, series.times[: old.rows])
    return same_times and np.array_equal(before.values, series.values[: old.rows])


def series_digest(series: Series) -> str:
    """Name a series by its content: name, channels, times, values, truth.

    Example:
        >>> a = Series("a", np.zeros((2, 1), np.float32), np.arange(2), ("x",))
        >>> series_digest(a) == series_digest(a)
        True
    """
    total = hashlib.sha256(f"{series.name}\n{series.channels}\n{series.timezone}\n{series.times.dtype}".encode())
    for array in (series.values, series.times, series.truth):
        if array is not None:
            total.update(np.ascontiguousarray(array).view(np.uint8).data)
        total.update(b"\n")
    return total.hexdigest()


def _orders(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Give the channels of the stored series in their order, the oldest series first."""
    return {record.name: record.channels for record in sorted(list_series(workspace), key=lambda record: record.id)}


def _check_names(workspace: Workspace, readings: Sequence[Reading]) -> None:
    """Refuse a call as a whole before anything of it is kept."""
    stored = {record.name: record for record in list_series(workspace)}
    widths = {len(record.channels) for record in stored.values()} or {readings[0].series.width} if readings else set()
    taken = {record.name: record.digest for record in stored.values()}
    for reading in readings:
        series, path = reading.series, reading.understanding.path
        if series.width not in widths:
            raise DataError(
                f"{path}: expected {min(widths)} channels as in the other series of this workspace, got "
                f"{series.width}; choose columns with --value, or use another --workspace"
            )
        digest = series_digest(series)
        if taken.setdefault(series.name, digest) == digest:
            continue
        if series.name not in stored or not continues(workspace, stored[series.name], series):
            raise DataError(
                f"{path}: expected a series name that is not taken by other content, got {series.name!r}; "
                "give the file another one with --name (a file that goes on where the stored one ended is welcome)"
            )
