"""How are the published benchmarks read: TSB-AD's file form, NAB, SKAB, SMAP and MSL?

Protocols, where the publishers leave a choice:

* **NAB**: every point is kept and a window's start and end both belong to the anomaly. (TSB-AD drops the first point
  and excludes a window's start; see :func:`read_tsb` for its files.) Times that repeat or run backward (summer time in
  six of its files) keep the file's order and are set a millisecond apart.
* **SKAB**: one series a run; ``anomaly`` is the truth, ``changepoint`` is left out; the anomaly-free run's truth is
  zero everywhere.
* **SMAP/MSL**: the test array only, all columns, index ranges with both ends inside; where a channel is listed twice
  (P-2), the first line counts.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.assembly import assemble
from rl_tsad.data.tabular import find_in_csv
from rl_tsad.data.understanding import Found, Reading, ReadOptions
from rl_tsad.errors import DataError
from rl_tsad.types import Int8, Int64

_TSB_NAME = re.compile(r"_tr_(\d+)(?:_|$)")
_CHANNEL = re.compile(r"^[A-Za-z]+-\d+$")


def is_tsb(path: Path) -> bool:
    """Whether a file's name is in TSB-AD's form.

    Example:
        >>> is_tsb(Path("001_NAB_id_1_Facility_tr_1007_1st_2014.csv")), is_tsb(Path("pump.csv"))
        (True, False)
    """
    return path.suffix == ".csv" and _TSB_NAME.search(path.stem) is not None


def read_tsb(path: Path, options: ReadOptions | None = None) -> Reading:
    r"""Read a TSB-AD file: value columns and ``Label``, no time; the name says how many points are for training.

    Raises:
        DataError: names file, line and column of what cannot be read.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "1_NAB_id_1_Web_tr_2_1st_3.csv")
        >>> _ = path.write_text("Data,Label\n1,0\n2,0\n9,1\n")
        >>> read_tsb(path).understanding.train_points
        2
        >>> folder.cleanup()
    """
    options = options or ReadOptions()
    found = find_in_csv(path, options, "TSB-AD")
    match = _TSB_NAME.search(path.stem)
    train = int(match.group(1)) if match else None
    return assemble(replace(found, train_points=train), options)


def nab_root(path: Path) -> Path | None:
    """Find the NAB folder that a path is or lies in."""
    for folder in (path, *path.parents[:3]):
        if (folder / "labels" / "combined_windows.json").is_file() and (folder / "data").is_dir():
            return folder
    return None


def read_nab(root: Path, options: ReadOptions | None = None, *, only: Path | None = None) -> Iterator[Reading]:
    """Read NAB's series with the truth from its windows, in order of group and name.

    Args:
        root: folder with ``data/`` and ``labels/combined_windows.json``.
        options: as for any CSV file; repeated times are shifted, never refused.
        only: one file of the folder; all when omitted.

    Raises:
        DataError: when a file or the windows cannot be read.
    """
    options = replace(options or ReadOptions(), repeated="shift")
    windows = _json(root / "labels" / "combined_windows.json")
    files = sorted((root / "data").glob("*/*.csv")) if only is None else [only]
    for path in files:
        found = find_in_csv(path, options, "NAB")
        listed = windows.get(f"{path.parent.name}/{path.name}")
        if listed is None:
            yield assemble(found.note("not listed in combined_windows.json: no truth"), options)
        else:
            truth = _inside(found, _instants(listed, path))
            yield assemble(replace(found, truth=truth, label_column="combined_windows.json"), options)


def skab_runs(path: Path) -> tuple[Path, ...]:
    """List the runs of a SKAB folder in order of group and number; empty when it is none."""
    for root in (path, path / "data"):
        groups = [folder for folder in sorted(root.glob("*")) if folder.is_dir()]
        runs = [run for group in groups for run in sorted(group.glob("*.csv"), key=_number) if _is_skab(run)]
        if runs and any(group.name.startswith("valve") for group in groups):
            return tuple(runs)
    return ()


def read_skab(paths: tuple[Path, ...], options: ReadOptions | None = None) -> Iterator[Reading]:
    """Read SKAB runs: ';'-separated, ``anomaly`` is the truth, named ``valve1-0``, ``anomaly-free``.

    Raises:
        DataError: when a run cannot be read.
    """
    options = replace(options or ReadOptions(), repeated="shift")
    for path in paths:
        found = find_in_csv(path, options, "SKAB")
        group = path.parent.name
        name = group if group == path.stem else f"{group}-{path.stem}"
        truth = found.truth
        if truth is None and group == "anomaly-free":
            truth = np.zeros(len(found.values), dtype=np.int8)
        yield assemble(replace(found, name=name, truth=truth), options)


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
        found = _array(path)
        if path.stem not in ranges:
            yield assemble(found.note("not listed in labeled_anomalies.csv: no truth"), options)
        else:
            truth = _marked(len(found.values), ranges[path.stem], path)
            yield assemble(replace(found, truth=truth, label_column="labeled_anomalies.csv"), options)


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
    channels = ("value", *(f"command {i}" for i in range(1, table.shape[1])))
    return Found(
        path, "SMAP/MSL", path.stem, table, rows, channels, None, rows, lambda row: f"{path.name}, row {row + 1}"
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


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: expected JSON, got {error}; take the file from its publisher") from error
    if not isinstance(content, dict):
        raise DataError(f"{path.name}: expected a JSON object by file name, got {type(content).__name__}; take it anew")
    return content


def _instants(listed: Any, path: Path) -> Int64:
    try:
        return np.asarray(pd.to_datetime(np.ravel(listed)).as_unit("ns").to_numpy(), dtype=np.int64).reshape(-1, 2)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"combined_windows.json, {path.name}: expected pairs of times, got {listed!r:.80}; take it anew"
        ) from error


def _inside(found: Found, windows: Int64) -> Int8:
    """Mark the points between a window's first and last time, both inside, by the file's own times."""
    ticks = found.times.astype(np.int64)
    truth = np.zeros(len(ticks), dtype=np.int8)
    for start, end in windows:
        truth[(ticks >= start) & (ticks <= end)] = 1
    return truth


def _is_skab(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().startswith("datetime;")


def _number(path: Path) -> tuple[int, str]:
    digits = re.match(r"\d+", path.stem)
    return (int(digits.group()) if digits else 0, path.stem)
