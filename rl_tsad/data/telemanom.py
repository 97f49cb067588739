"""How are the telemetry channels of NASA's SMAP satellite and MSL rover read (Hundman et al., 2018)?

Protocol: the test array only, all columns (the first is the value and the target, the rest are commands and exogenous),
numbered points, anomalous index ranges with both ends inside. Where a channel is listed twice (P-2), its first line
counts.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from rl_tsad.data.assembly import assemble
from rl_tsad.data.understanding import Found, Reading, ReadOptions, naming
from rl_tsad.errors import DataError
from rl_tsad.types import Int8

_CHANNEL = re.compile(r"^[A-Za-z]+-\d+$")


def telemanom_root(path: Path) -> Path | None:
    """Find the SMAP/MSL folder that a path is or lies in."""
    for folder in (path, *path.parents[:2]):
        if (folder / "labeled_anomalies.csv").is_file() and (folder / "test").is_dir():
            return folder
    return None


def read_telemanom(root: Path, options: ReadOptions | None = None, *, only: Path | None = None) -> Iterator[Reading]:
    """Read SMAP and MSL channels: the test arrays, with truth from ``labeled_anomalies.csv``, in order of name.

    Raises:
        DataError: when an array or the table of anomalies cannot be read.
    """
    options = options or ReadOptions()
    ranges = telemanom_ranges(root / "labeled_anomalies.csv")
    files = sorted((root / "test").glob("*.npy")) if only is None else [only]
    for path in files:
        with naming(path, root if only is None else path.parent):
            reading = _channel(path, ranges.get(path.stem), options)
        yield reading


def telemanom_ranges(path: Path) -> dict[str, list[tuple[int, int]]]:
    r"""Read the anomalous index ranges (both ends inside) of each channel; the first line of a channel counts.

    Raises:
        DataError: names the line that cannot be read.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "labeled_anomalies.csv")
        >>> _ = path.write_text('chan_id,spacecraft,anomaly_sequences\nP-1,SMAP,"[[3, 5]]"\n')
        >>> telemanom_ranges(path)
        {'P-1': [(3, 5)]}
        >>> folder.cleanup()
    """
    ranges: dict[str, list[tuple[int, int]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            channel, listed = str(row.get("chan_id")), str(row.get("anomaly_sequences"))
            try:
                pairs = [(int(low), int(high)) for low, high in ast.literal_eval(listed)]
            except (ValueError, SyntaxError, TypeError) as error:
                raise _bad_ranges(path, reader.line_num, listed) from error
            if not _CHANNEL.match(channel) or any(not 0 <= low <= high for low, high in pairs):
                raise _bad_ranges(path, reader.line_num, f"{channel}: {listed}")
            ranges.setdefault(channel, pairs)
    return ranges


def _bad_ranges(path: Path, line: int, got: str) -> DataError:
    return DataError(
        f"{path.name}, line {line}: expected a channel such as P-1 with ranges such as [[10, 20]], got {got!r}; "
        "take the file from its publisher (rl-tsad datasets fetch smap)"
    )


def _channel(path: Path, ranges: list[tuple[int, int]] | None, options: ReadOptions) -> Reading:
    found = _array(path)
    if ranges is None:
        return assemble(found.note("not listed in labeled_anomalies.csv: no truth"), options)
    truth = _marked(len(found.values), ranges, path)
    return assemble(replace(found, truth=truth, label_column="labeled_anomalies.csv"), options)


def _array(path: Path) -> Found:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"{path.name}: expected a NumPy array of numbers without pickled objects, got {error}; save it with np.save"
        ) from error
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiub":
        raise DataError(f"{path.name}: expected numbers (T, C), got {values.shape} {values.dtype}; reshape the array")
    table = values.reshape(len(values), -1)
    rows = np.arange(len(table), dtype=np.int64)
    commands = tuple(f"command {i}" for i in range(1, table.shape[1]))
    return Found(
        path=path,
        format="SMAP/MSL",
        name=path.stem,
        values=table,
        times=rows,
        channels=("value", *commands),
        truth=None,
        rows=rows,
        place=lambda row: f"{path.name}, row {row + 1}",
        exogenous=commands,
    )


def _marked(length: int, ranges: list[tuple[int, int]], path: Path) -> Int8:
    truth = np.zeros(length, dtype=np.int8)
    for low, high in ranges:
        if low >= length:
            raise DataError(
                f"{path.name}: expected anomalies inside its {length} rows, got {low} to {high}; "
                "array and labeled_anomalies.csv belong to different versions"
            )
        truth[low : high + 1] = 1
    return truth
