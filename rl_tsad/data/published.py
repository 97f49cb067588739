"""How are the published benchmarks read: TSB-AD's file form, NAB and SKAB?

Protocols, where the publishers leave a choice:

* **NAB**: every point is kept and a window's start and end both belong to the anomaly. (TSB-AD drops the first point
  and excludes a window's start; see :func:`read_tsb` for its files.) Times that repeat or run backward (summer time in
  six of its files) keep the file's order and are set a millisecond apart.
* **SKAB**: one series a run; ``anomaly`` is the truth, ``changepoint`` is left out; the anomaly-free run's truth is
  zero everywhere.

SMAP and MSL: see :mod:`rl_tsad.data.telemanom`.
"""

from __future__ import annotations

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
from rl_tsad.data.understanding import Found, Reading, ReadOptions, naming
from rl_tsad.errors import DataError
from rl_tsad.types import Int8, Int64

_TSB_NAME = re.compile(r"_tr_(\d+)(?:_|$)")


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
        with naming(path, root if only is None else path.parent):
            reading = _nab_series(path, windows, options)
        yield reading


def skab_runs(path: Path) -> tuple[Path, ...]:
    """List the runs of a SKAB folder in order of group and number; empty when it is none."""
    for root in (path, path / "data"):
        groups = [folder for folder in sorted(root.glob("*")) if folder.is_dir()]
        runs = [run for group in groups for run in sorted(group.glob("*.csv"), key=_number) if _is_skab(run)]
        if runs and any(group.name.startswith("valve") for group in groups):
            return tuple(runs)
    return ()


def read_skab(
    paths: tuple[Path, ...], options: ReadOptions | None = None, *, folder: Path | None = None
) -> Iterator[Reading]:
    """Read SKAB runs: ';'-separated, ``anomaly`` is the truth, named ``valve1-0``, ``anomaly-free``.

    Args:
        paths: the runs.
        options: as for any CSV file; repeated times are shifted, never refused.
        folder: errors name the runs by their paths inside it; when omitted, inside the folder above their group.

    Raises:
        DataError: when a run cannot be read.
    """
    options = replace(options or ReadOptions(), repeated="shift")
    for path in paths:
        with naming(path, folder or path.parent.parent):
            reading = _skab_series(path, options)
        yield reading


def _nab_series(path: Path, windows: dict[str, Any], options: ReadOptions) -> Reading:
    found = find_in_csv(path, options, "NAB")
    listed = windows.get(f"{path.parent.name}/{path.name}")
    if listed is None:
        return assemble(found.note("not listed in combined_windows.json: no truth"), options)
    truth = _inside(found, _instants(listed, path))
    return assemble(replace(found, truth=truth, label_column="combined_windows.json"), options)


def _skab_series(path: Path, options: ReadOptions) -> Reading:
    found = find_in_csv(path, options, "SKAB")
    group = path.parent.name
    name = group if group == path.stem else f"{group}-{path.stem}"
    truth = found.truth
    if truth is None and group == "anomaly-free":
        truth = np.zeros(len(found.values), dtype=np.int8)
    return assemble(replace(found, name=name, truth=truth), options)


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
        instants = pd.DatetimeIndex(pd.to_datetime([str(each) for each in np.ravel(listed)], format="ISO8601"))
        return np.asarray(instants.as_unit("ns").to_numpy(), dtype=np.int64).reshape(-1, 2)
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
