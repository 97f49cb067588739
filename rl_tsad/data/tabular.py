"""How does any CSV or Parquet file become a series?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rl_tsad.data.assembly import assemble
from rl_tsad.data.columns import Table, read_clock, read_labels, read_numbers
from rl_tsad.data.csv_form import load_csv, sniff
from rl_tsad.data.numerals import Numbers
from rl_tsad.data.roles import find_roles, join_date_and_time
from rl_tsad.data.understanding import Found, Reading, ReadOptions
from rl_tsad.errors import DataError


def read_csv(path: Path, options: ReadOptions | None = None) -> Reading:
    r"""Read a CSV file with or without time and label columns.

    Raises:
        DataError: names file, line and column of what cannot be read.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "pump.csv")
        >>> _ = path.write_text("time,flow,anomaly\n2024-01-01T00:00,1.5,0\n2024-01-01T00:05,9,1\n")
        >>> reading = read_csv(path)
        >>> reading.series.name, reading.series.values.ravel().tolist(), reading.series.truth.tolist()
        ('pump', [1.5, 9.0], [0, 1])
        >>> folder.cleanup()
    """
    options = options or ReadOptions()
    return assemble(find_in_csv(path, options), options)


def read_parquet(path: Path, options: ReadOptions | None = None) -> Reading:
    """Read a Parquet file with or without time and label columns.

    Raises:
        DataError: names file, row and column of what cannot be read.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "pump.parquet")
        >>> pd.DataFrame({"ts": [1704067200, 1704067500], "flow": [1.0, 2.0]}).to_parquet(path)
        >>> read_parquet(path).understanding.first
        '2024-01-01T00:00:00'
        >>> folder.cleanup()
    """
    options = options or ReadOptions()
    return assemble(find_columns(_load_parquet(path), path, options, "Parquet"), options)


def find_in_csv(path: Path, options: ReadOptions, form_name: str = "CSV") -> Found:
    """Read a CSV file up to, but without, settling order and missing values."""
    form = sniff(path, options.delimiter)
    found = find_columns(load_csv(path, form), path, options, form_name)
    notes = ["not UTF-8: read as Latin-1"] if form.encoding == "latin-1" else []
    return replace(found.note(*notes), delimiter=form.delimiter)


def find_columns(table: Table, path: Path, options: ReadOptions, form_name: str) -> Found:
    """Understand a table's columns.

    Raises:
        DataError: names row and column of what cannot be read.
    """
    if options.time is None:
        table = replace(table, frame=join_date_and_time(table.frame))
    roles = find_roles(table, options)
    times = read_clock(table, roles.time, options)
    numbers = {name: read_numbers(table, name) for name in roles.values}
    values = np.stack([each.values for each in numbers.values()], axis=1)
    return Found(
        path=path,
        format=form_name,
        name=path.stem,
        values=values,
        times=times.values,
        channels=roles.values,
        truth=None if roles.label is None else read_labels(table, roles.label),
        rows=np.arange(len(values), dtype=np.int64),
        place=table.place,
        time_column=roles.time,
        label_column=roles.label,
        timezone=times.timezone,
        decimal=table.decimal,
        notes=(*roles.notes, *times.notes, *_thousands(table, numbers)),
    )


def _thousands(table: Table, numbers: Mapping[str, Numbers]) -> Iterator[str]:
    """Say for each column how a number with thousands separators was read, since it could be meant otherwise."""
    for name, each in numbers.items():
        if each.grouped is not None:
            cell = str(table.frame[name].iloc[each.grouped]).strip()
            yield f"column {name!r}: thousands separators; {cell!r} read as {each.values[each.grouped]:.15g}"


def _load_parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.name}: expected a Parquet file, got one that cannot be opened ({error}); export it again"
        ) from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if len(frame) == 0:
        raise DataError(f"{path.name}: expected data rows, got none; check that the file is complete")
    return Table(frame, lambda row: f"{path.name}, row {row + 1}", path.name)
