"""How are labelled intervals written: lists in CSV and JSON, and NAB's windows?

* **CSV**: ``series,start,end,label,analyst``; a file of ``start,end`` only is about one series and anomalies.
* **JSON**: ``{"intervals": [{"series", "start", "end", "label", "analyst"}, ...]}``, or the list alone.
* **NAB**: ``{"group/file.csv": [[start, end], ...]}`` as ``labels/combined_windows.json`` of numenta/NAB (Lavin and
  Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015); anomalies only.

Start and end are the times of the first and the last point: both belong to the interval.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.data.annotations.moments import points_between, read_moments, ticks_of, write_times
from rl_tsad.data.annotations.names import Recordings, guard, unguard
from rl_tsad.data.annotations.stretches import ANOMALY, WORDS, Annotations, Stretch
from rl_tsad.data.annotations.texts import failing, groups_of, load_texts, read_label_column
from rl_tsad.data.columns import Table
from rl_tsad.data.timestamps import Fail
from rl_tsad.data.understanding import Place
from rl_tsad.errors import DataError
from rl_tsad.types import Int64, Series

INTERVAL_COLUMNS = ("series", "start", "end", "label", "analyst")
_NAMES: Mapping[str, Sequence[str]] = {
    "series": ("series", "file", "name", "id"),
    "start": ("start", "from", "begin", "start_time"),
    "end": ("end", "to", "stop", "end_time"),
    "label": ("label", "answer", "class"),
    "analyst": ("analyst", "annotator", "who"),
}
Reader = Callable[["pd.Series[Any]", Series, "str | None", Fail], Int64]


def write_interval_csv(stretches: Sequence[Stretch], series: Mapping[str, Series]) -> str:
    """Write intervals in CSV, names guarded against being taken for formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INTERVAL_COLUMNS)
    for row in _rows(stretches, series):
        writer.writerow([guard(str(row[name])) if name in ("series", "analyst") else row[name] for name in row])
    return text.getvalue()


def write_interval_json(stretches: Sequence[Stretch], series: Mapping[str, Series]) -> str:
    """Write intervals in JSON."""
    return json.dumps({"intervals": _rows(stretches, series)}, indent=1, ensure_ascii=False) + "\n"


def write_nab(stretches: Sequence[Stretch], series: Mapping[str, Series]) -> str:
    """Write the anomalies in the form of NAB's ``combined_windows.json``, every series named."""
    found: dict[str, list[list[Any]]] = {name: [] for name in sorted(series)}
    for row in _rows(stretches, series):
        if row["label"] == ANOMALY:
            found[row["series"]].append([row["start"], row["end"]])
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def read_interval_csv(path: Path, known: Recordings) -> Annotations:
    """Read a list of intervals in CSV.

    Raises:
        DataError: names file, line and column of what cannot be read.
    """
    table = load_texts(path, _NAMES, optional=("series", "label", "analyst"))
    frame = table.frame
    if "series" not in frame:
        frame["series"] = known.alone(path.stem)
    return read_intervals(frame, known, table.place)


def read_interval_json(path: Path, content: Any, known: Recordings) -> Annotations:
    """Read a list of intervals in JSON, already parsed.

    Raises:
        DataError: names file and number of the interval that cannot be read.
    """
    listed = content["intervals"] if isinstance(content, dict) else content
    place: Place = lambda row: f"{path.name}, interval {row + 1}"  # noqa: E731
    for row, one in enumerate(listed):
        if not isinstance(one, dict) or not {"start", "end"} <= set(one):
            raise DataError(f"{place(row)}: expected an object with start and end, got {one!r:.80}; mend it")
    blank = {"label": ANOMALY, "analyst": ""}
    rows = [{name: as_text(one.get(name, blank.get(name, ""))) for name in INTERVAL_COLUMNS} for one in listed]
    for each in rows:
        each["series"] = each["series"] or known.alone(path.stem)
    return read_intervals(pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS), dtype=str), known, place)


def read_nab(path: Path, content: Mapping[str, Any], known: Recordings) -> Annotations:
    """Read NAB's windows, already parsed; also a series without any is spoken of.

    Raises:
        DataError: names file, series and number of the window that cannot be read.
    """
    pairs: list[tuple[str, str, str]] = []
    for name, windows in content.items():
        for number, pair in enumerate(windows, 1):
            if not isinstance(pair, list) or len(pair) != 2:
                raise DataError(
                    f"{path.name}, {name!r}, window {number}: expected [start, end], got {pair!r:.80}; mend it"
                )
            pairs.append((name, as_text(pair[0]), as_text(pair[1])))
    frame = pd.DataFrame(pairs, columns=["series", "start", "end"], dtype=str)
    place: Place = lambda row: f"{path.name}, {pairs[row][0]!r}, [{pairs[row][1]}, {pairs[row][2]}]"  # noqa: E731
    return read_intervals(frame, known, place, also=tuple(content))


def read_intervals(
    frame: pd.DataFrame,
    known: Recordings,
    place: Place,
    *,
    also: Sequence[str] = (),
    reader: Reader = read_moments,
) -> Annotations:
    """Find the points of intervals.

    Args:
        frame: N rows of texts: series, start, end and, where the file has them, label and analyst.
        known: the series.
        place: says where a row stands.
        also: further names of series that the file is about.
        reader: of times.

    Raises:
        DataError: at the first row that cannot be read, ends before it starts or lies outside its series.
    """
    frame = frame.assign(**{name: "" for name in ("analyst",) if name not in frame})
    said = read_label_column(Table(frame, place, ""), known.anomaly_words) if "label" in frame else None
    answers = [ANOMALY] * len(frame) if said is None else ["" if code < 0 else WORDS[code] for code in said.tolist()]
    analysts = [unguard(str(cell).strip()) for cell in frame["analyst"]]
    stretches: list[Stretch] = []
    names, strange, empty = set(), [], 0
    for written, rows in [*groups_of(frame["series"]), *((name, np.zeros(0, np.int64)) for name in also)]:
        name = known.find(written)
        if name is None and not known.skip_strange:
            raise known.strange(place(int(rows[0])) if len(rows) else "the file", written)
        if name is None:
            strange.append(written)
            continue
        names.add(name)
        low, high = _points(frame, rows, known.series[name], known, (place, reader))
        empty += int((low >= high).sum())
        stretches += [
            Stretch(name, first, last, answers[row], analysts[row], row)
            for row, first, last in zip(rows.tolist(), low.tolist(), high.tolist(), strict=True)
            if answers[row] and first < last
        ]
    return Annotations(tuple(stretches), frozenset(names), place, tuple(dict.fromkeys(strange)), empty)


def as_text(value: Any) -> str:
    """Write a value of JSON as a cell of CSV would hold it."""
    if value is None:
        return ""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _points(
    frame: pd.DataFrame, rows: Int64, series: Series, known: Recordings, how: tuple[Place, Reader]
) -> tuple[Int64, Int64]:
    if not len(rows):
        return rows, rows
    place, reader = how
    cells = frame[["start", "end"]].iloc[rows].to_numpy().reshape(-1)  # start, end, start, end: times run forward
    both: pd.Series[Any] = pd.Series(cells, dtype=object).astype(str)
    moments = reader(both, series, known.timezone, failing(place, "start or end", both, np.repeat(rows, 2)))
    first, last = moments[::2], moments[1::2]
    ticks = ticks_of(series)
    backward, outside = first > last, (last < ticks[0]) | (first > ticks[-1])
    if backward.any():
        row = int(rows[np.flatnonzero(backward)[0]])
        raise DataError(
            f"{place(row)}: expected an end at or after the start, got {frame['start'].iat[row]} to "
            f"{frame['end'].iat[row]}; exchange them"
        )
    if outside.any():
        row, (begin, finish) = int(rows[np.flatnonzero(outside)[0]]), write_times(series.times[[0, -1]])
        raise DataError(
            f"{place(row)}: expected times between {begin} and {finish}, as in {series.name!r}, got "
            f"{frame['start'].iat[row]} to {frame['end'].iat[row]}; check the series and the time zone (--timezone)"
        )
    return points_between(ticks, first, last)


def _rows(stretches: Sequence[Stretch], series: Mapping[str, Series]) -> list[dict[str, Any]]:
    moments = {name: write_times_of(series[name], [one for one in stretches if one.series == name]) for name in series}
    place = dict.fromkeys(series, 0)
    rows = []
    for one in stretches:
        start, end = moments[one.series][place[one.series]]
        place[one.series] += 1
        rows.append({"series": one.series, "start": start, "end": end, "label": one.answer, "analyst": one.analyst})
    return rows


def write_times_of(series: Series, stretches: Sequence[Stretch]) -> list[tuple[Any, Any]]:
    """Write the times of the first and the last point of stretches of one series."""
    ends = np.array([(one.low, one.high - 1) for one in stretches], dtype=np.int64).reshape(-1)
    written = write_times(np.asarray(series.times[ends])).tolist()
    return list(zip(written[::2], written[1::2], strict=True))
