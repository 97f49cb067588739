"""How are labels of single points written: our CSV, TRAINSET's and TSB-AD's?

* **CSV points**: ``series,time,label,analyst``, a row per point; an empty label says nothing.
* **TRAINSET** (https://trainset.geocene.com/help): ``series,timestamp,value,label``, a row per point and channel, times
  in ISO 8601 with their zone, label 1 or 0. TRAINSET knows neither channels nor sample numbers: a channel of several is
  the series ``name:channel``, and sample numbers are written as seconds since 1970. It starts at 0 everywhere, so a 0
  says nothing.
* **TSB-AD** (TheDatumOrg/TSB-AD, ``Datasets/README.md``; Liu and Paparrizos, NeurIPS 2024): a file per series, value
  columns and ``Label``, no times, named ``[index]_[name]_id_[id]_[domain]_tr_[training points]_1st_[first
  anomaly].csv``. A 0 may be normal or unknown, so it says nothing here either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.annotations.moments import nearest, read_moments, ticks_of, write_times
from rl_tsad.data.annotations.names import Recordings, file_name, guard, unguard
from rl_tsad.data.annotations.stretches import WORDS, Annotations, Stretch, points_of
from rl_tsad.data.annotations.stretches import stretches_of_points as joined
from rl_tsad.data.annotations.texts import failing, groups_of, load_texts, read_label_column
from rl_tsad.data.published import is_tsb
from rl_tsad.data.understanding import Place, cell_error
from rl_tsad.errors import DataError
from rl_tsad.types import Int64, Series

TRAINSET_COLUMNS = ("series", "timestamp", "value", "label")
_POINTS: Mapping[str, Sequence[str]] = {
    "series": ("series",),
    "time": ("time", "timestamp"),
    "label": ("label", "answer"),
    "analyst": ("analyst", "annotator", "who"),
}
_TSB = re.compile(r"^\d+_(.+)_id_\d+_[^_]+_tr_\d+(?:_1st_-?\d+)?$")
_DOMAIN = "Sensor"


def write_points(stretches: Mapping[str, Sequence[Stretch]], series: Mapping[str, Series]) -> str:
    """Write a row per point of every series: time, what is said of it, by whom."""
    parts = ["series,time,label,analyst\n"]
    words = np.array([*WORDS, ""])
    for name in sorted(series):
        said, who, analysts = points_of(stretches.get(name, ()), series[name].length)
        guarded = np.array([guard(one) for one in analysts])
        columns = {"series": guard(name), "time": write_times(series[name].times), "label": words[said]}
        parts.append(_csv(columns | {"analyst": guarded[who]}))
    return "".join(parts)


def write_trainset(stretches: Mapping[str, Sequence[Stretch]], series: Mapping[str, Series]) -> str:
    """Write a row per point and channel for TRAINSET; anomalies are 1, everything else is 0."""
    parts = [",".join(TRAINSET_COLUMNS) + "\n"]
    for name in sorted(series):
        one = series[name]
        label = (points_of(stretches.get(name, ()), one.length)[0] == 0).astype(np.int8)
        times = write_times(one.times if one.has_clock else _as_seconds(one))
        for number, channel in enumerate(one.channels):
            called = guard(name if one.width == 1 else f"{name}:{channel}")
            values = np.asarray(one.values[:, number])
            parts.append(_csv({"series": called, "timestamp": times, "value": values, "label": label}))
    return "".join(parts)


def write_tsb(
    stretches: Mapping[str, Sequence[Stretch]], series: Mapping[str, Series], train: Mapping[str, int]
) -> dict[str, str]:
    """Write a TSB-AD file per series; anomalies are 1, everything else is 0.

    Args:
        stretches: by series.
        series: by name; one whose name is in TSB-AD's form already keeps it.
        train: points of each series that may be trained on; no anomaly lies among those that the name declares.

    Returns:
        Contents by name of the file.
    """
    files = {}
    for index, name in enumerate(sorted(series), 1):
        one = series[name]
        label = (points_of(stretches.get(name, ()), one.length)[0] == 0).astype(np.int8)
        first = int(np.argmax(label)) if label.any() else -1
        before = min(train[name], first) if first >= 0 else train[name]
        own = f"{index:03d}_{file_name(name)}_id_{index}_{_DOMAIN}_tr_{before}_1st_{first}"
        called = name if is_tsb(Path(f"{name}.csv")) and file_name(name) == name else own
        names = ["Data"] if one.width == 1 else [_channel_name(channel) for channel in one.channels]
        frame = pd.DataFrame(np.asarray(one.values), columns=pd.Index(names)).assign(Label=label)
        files[f"{called}.csv"] = frame.to_csv(index=False, lineterminator="\n")
    return files


def read_points(path: Path, known: Recordings) -> Annotations:
    """Read labels of points, all or some of a series.

    Raises:
        DataError: names file, line and column of what cannot be read, or of a time that is no point's.
    """
    table = load_texts(path, _POINTS, optional=("series", "analyst"))
    frame, strange, names = table.frame, [], set()
    stretches: list[Stretch] = []
    if "series" not in frame:
        frame["series"] = known.alone(path.stem)
    answers = read_label_column(table, known.anomaly_words)
    who, analysts = pd.factorize(frame["analyst"] if "analyst" in frame else pd.Series([""] * len(frame), dtype=str))
    for written, rows in groups_of(frame["series"]):
        name = known.find(written)
        if name is None and not known.skip_strange:
            raise known.strange(table.place(int(rows[0])), written)
        if name is None:
            strange.append(written)
            continue
        names.add(name)
        one = known.series[name]
        cells = frame["time"].iloc[rows].reset_index(drop=True)
        fail = failing(table.place, "time", cells, rows)
        points = _points_at(one, read_moments(cells, one, known.timezone, fail), fail)
        said, by, at = np.full(one.length, -1, np.int8), np.zeros(one.length, np.int64), np.zeros(one.length, np.int64)
        said[points], by[points], at[points] = answers[rows], who[rows], rows
        stretches += joined(name, said, by, names=[unguard(str(each).strip()) for each in analysts], rows=at)
    return Annotations(tuple(stretches), frozenset(names), table.place, tuple(strange))


def read_trainset(path: Path, known: Recordings) -> Annotations:
    """Read TRAINSET's labels; a point is anomalous where it is so in any channel.

    Raises:
        DataError: names file, line and column of what cannot be read, or of a time that is no point's.
    """
    table = load_texts(path, {name: (name,) for name in TRAINSET_COLUMNS if name != "value"})
    frame, strange = table.frame, []
    anomalous = read_label_column(table, known.anomaly_words) == 0
    found: dict[str, Int64] = {}
    for written, rows in groups_of(frame["series"]):
        name = known.find(written) or known.find(unguard(written).split(":", 1)[0])
        if name is None and not known.skip_strange:
            raise known.strange(table.place(int(rows[0])), written)
        if name is None:
            strange.append(written)
            continue
        _check_channel(known.series[name], unguard(written), table.place, int(rows[0]))
        own = found.setdefault(name, np.full(known.series[name].length, -1, np.int64))
        marked = rows[anomalous[rows]]
        if len(marked):
            own[_trainset_points(known.series[name], frame["timestamp"].iloc[marked], known, table.place)] = marked
    stretches = [
        one
        for name, rows in found.items()
        for one in joined(name, np.where(rows < 0, -1, 0).astype(np.int8), rows=rows)
    ]
    return Annotations(tuple(stretches), frozenset(found), table.place, tuple(strange))


def read_tsb_labels(paths: Iterable[Path], known: Recordings) -> Annotations:
    """Read the labels of TSB-AD files; the series is that of the file's name, its points are as many.

    Raises:
        DataError: names file and line of what cannot be read.
    """
    stretches: list[Stretch] = []
    names, strange, place = set(), [], str
    for path in paths:
        inner = _TSB.match(path.stem)
        name = known.only or known.find(path.stem) or (known.find(inner.group(1)) if inner else None)
        if name is None and known.skip_strange:
            strange.append(path.name)
            continue
        name = name or known.alone(path.stem)
        table = load_texts(path, {"label": ("label",)})
        if len(table.frame) != known.series[name].length:
            raise DataError(
                f"{path.name}: expected {known.series[name].length} rows, one for each point of {name!r}, got "
                f"{len(table.frame)}; ingest this file as a series of its own, or write the labels with their times"
            )
        said = read_label_column(table, known.anomaly_words)
        stretches += joined(name, np.where(said == 0, 0, -1).astype(np.int8))
        names.add(name)
    return Annotations(tuple(stretches), frozenset(names), place, tuple(strange))


def _csv(columns: Mapping[str, Any]) -> str:
    return pd.DataFrame(dict(columns)).to_csv(index=False, header=False, lineterminator="\n")


def _channel_name(channel: str) -> str:
    """Write a channel's name as a column that cannot be taken for the label or a formula."""
    return guard(f"{channel} (channel)" if channel.strip().lower() == "label" else channel)


def _as_seconds(series: Series) -> Any:
    return np.asarray(series.times).astype("datetime64[s]")


def _points_at(series: Series, moments: Int64, fail: Any) -> Int64:
    points, close = nearest(ticks_of(series), moments)
    if not close.all():
        row = int(np.flatnonzero(~close)[0])
        fail(row, f"the time of a point of {series.name!r}", "check the series and the time zone (--timezone)")
    return points


def _trainset_points(series: Series, cells: pd.Series[Any], known: Recordings, place: Any) -> Int64:
    rows, cells = cells.index.to_numpy().astype(np.int64), cells.reset_index(drop=True)
    fail = failing(place, "timestamp", cells, rows)
    if series.has_clock:
        return _points_at(series, read_moments(cells, series, known.timezone, fail), fail)
    clocked = Series(series.name, series.values, _as_seconds(series).astype("datetime64[ns]"), series.channels)
    return _points_at(clocked, read_moments(cells, clocked, "UTC", fail), fail)


def _check_channel(series: Series, written: str, place: Place, row: int) -> None:
    channel = written.split(":", 1)[1] if ":" in written else ""
    if channel and channel not in series.channels:
        raise cell_error(
            place(row),
            "series",
            expected=f"a channel of {series.name!r}",
            got=channel,
            advice="see `rl-tsad series list`",
        )
