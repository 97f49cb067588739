"""How are labelled stretches written for Label Studio, and read from its exports?

A task per series, with its data inside (``valueType="json"``), and one annotation per analyst, whose ``result`` holds a
``timeserieslabels`` region per stretch. Sources: labelstud.io/templates/time_series (data, regions),
labelstud.io/tags/timeseries and /tags/timeserieslabels (labeling configuration), labelstud.io/guide/task_format (tasks,
annotations, predictions). Its chart looks columns up in lower case and reads times without ``timeFormat`` as numbers
(``TimeSeries.js`` of label-studio-frontend): channels are therefore ``c1``, ``c2``, ... with their names as legends,
and times are milliseconds since 1970, or sample numbers. Who said it stands in each region's note (``meta``), as Label
Studio refuses a ``completed_by`` that is none of its own users.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import pandas as pd

from rl_tsad.data.annotations.interval_files import as_text, read_intervals
from rl_tsad.data.annotations.moments import nearest, read_moments, ticks_of
from rl_tsad.data.annotations.names import Recordings
from rl_tsad.data.annotations.stretches import WORDS, Annotations, Stretch
from rl_tsad.data.timestamps import Fail
from rl_tsad.data.understanding import Place
from rl_tsad.errors import DataError
from rl_tsad.types import Int64, Series

_MILLISECOND = 1_000_000
_COLORS = {"anomaly": "#d55e00", "normal": "#0072b2", "unsure": "#999999"}
_DAY = 86_400_000_000_000
_WHO = "analyst: "


def write_tasks(
    stretches: Mapping[str, Sequence[Stretch]],
    series: Mapping[str, Series],
    *,
    predicted: Mapping[str, Sequence[Stretch]] | None = None,
    model: str = "",
) -> str:
    """Write a task for each series of equally many channels.

    Args:
        stretches: what people said, by series.
        series: by name.
        predicted: what the model said, by series; Label Studio shows it as predictions.
        model: what Label Studio is to call the model.
    """
    tasks = [
        _task(number, series[name], stretches.get(name, ()), (predicted or {}).get(name, ()), model)
        for number, name in enumerate(sorted(series), 1)
    ]
    return json.dumps(tasks, ensure_ascii=False, allow_nan=False) + "\n"


def write_labeling_config(series: Series) -> str:
    """Write the labeling configuration that the tasks need: labels, time axis and channels.

    Example:
        >>> config = write_labeling_config(Series("a", np.zeros((2, 1), np.float32), np.arange(2), ("flow",)))
        >>> '<Channel column="c1" legend="flow" />' in config
        True
    """
    view = Element("View")
    labels = SubElement(view, "TimeSeriesLabels", name="label", toName="ts")
    for word in WORDS:
        SubElement(labels, "Label", value=word, background=_COLORS[word])
    chart = SubElement(view, "TimeSeries", name="ts", value="$ts", valueType="json", timeColumn="time")
    if series.has_clock:
        chart.set("timeDisplayFormat", "date")
    for number, channel in enumerate(series.channels, 1):
        SubElement(
            chart, "Channel", column=f"c{number}", legend="".join(each for each in channel if each.isprintable())
        )
    indent(view)
    return tostring(view, encoding="unicode") + "\n"


def read_tasks(path: Path, content: Any, known: Recordings) -> Annotations:
    """Read the regions of an export (JSON or JSON-MIN), already parsed; predictions and cancelled annotations are not.

    Raises:
        DataError: names file, task and region of what cannot be read.
    """
    rows: list[dict[str, str]] = []
    places: list[str] = []
    names: list[str] = []
    for number, task in enumerate([content] if isinstance(content, dict) else content, 1):
        where = (
            f"{path.name}, task {task.get('id', number)}" if isinstance(task, dict) else f"{path.name}, task {number}"
        )
        names.append(_series_of(task, known, where))
        for count, (region, analyst) in enumerate(_regions(task, where), 1):
            rows += [
                {"series": names[-1], **one, "analyst": analyst} for one in _cells(region, f"{where}, region {count}")
            ]
            places += [f"{where}, region {count}"] * (len(rows) - len(places))
    frame = pd.DataFrame(rows, columns=["series", "start", "end", "label", "analyst"], dtype=str)
    place: Place = lambda row: places[row]  # noqa: E731
    return read_intervals(frame, known, place, also=names, reader=_read_times)


def _task(
    number: int, series: Series, said: Sequence[Stretch], predicted: Sequence[Stretch], model: str
) -> dict[str, Any]:
    times = _written(series)
    data: dict[str, Any] = {"time": times}
    for column in range(series.width):
        data[f"c{column + 1}"] = np.asarray(series.values[:, column], dtype=np.float64).tolist()
    analysts = sorted({one.analyst for one in said})
    task: dict[str, Any] = {"id": number, "data": {"series": series.name, "ts": data}, "annotations": []}
    for who in analysts:
        result = [_region(one, times, count) for count, one in enumerate(said, 1) if one.analyst == who]
        task["annotations"].append({"was_cancelled": False, "result": result})
    if predicted:
        result = [_region(one, times, count) for count, one in enumerate(predicted, 1)]
        task["predictions"] = [{"model_version": model, "result": result}]
    return task


def _region(one: Stretch, times: Sequence[float], number: int) -> dict[str, Any]:
    value = {
        "start": times[one.low],
        "end": times[one.high - 1],
        "instant": one.high - one.low == 1,
        "timeserieslabels": [one.answer],
    }
    return {
        "id": f"r{one.low}-{number}",
        "from_name": "label",
        "to_name": "ts",
        "type": "timeserieslabels",
        "value": value,
    } | ({"meta": {"text": [_WHO + one.analyst]}} if one.analyst else {})


def _written(series: Series) -> list[Any]:
    """Milliseconds since 1970, whole where they are, or sample numbers."""
    ticks = ticks_of(series)
    if not series.has_clock:
        return list(ticks.tolist())
    whole = not (ticks % _MILLISECOND).any()
    return list((ticks // _MILLISECOND if whole else ticks / _MILLISECOND).tolist())


def _series_of(task: Any, known: Recordings, where: str) -> str:
    """Name the series of a task: as its data says, by the file of its data, or the one that is told."""
    if not isinstance(task, dict):
        raise DataError(f"{where}: expected a task, got {task!r:.80}; export the project as JSON")
    data = task["data"] if isinstance(task.get("data"), dict) else task
    told = [str(data[name]) for name in ("series", "name") if data.get(name)]
    paths = [one for one in (*data.values(), task.get("file_upload")) if isinstance(one, str) and one not in told]
    for written in [*told, *paths]:
        found = known.find(written)
        if found is not None:
            return found
    return known.only or (told or paths or ["?"])[0]


def _regions(task: Mapping[str, Any], where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the regions of a task with who drew them."""
    if "annotations" not in task and "completions" not in task:  # JSON-MIN
        for value in task.values():
            yield from ((one, _person(task.get("annotator"))) for one in _regions_in(value))
        return
    annotations = task.get("annotations", task.get("completions"))
    if not isinstance(annotations, list):
        raise DataError(f"{where}: expected a list of annotations, got {annotations!r:.80}; export the project again")
    for one in annotations:
        if not isinstance(one, dict) or not isinstance(one.get("result"), list):
            raise DataError(f"{where}: expected an annotation with a result, got {one!r:.80}; export the project again")
        if not one.get("was_cancelled"):
            parts = (part for part in one["result"] if part.get("type") == "timeserieslabels")
            yield from ((part.get("value"), _noted(part) or _person(one.get("completed_by"))) for part in parts)


def _regions_in(value: Any) -> Iterable[Mapping[str, Any]]:
    return (
        (one for one in value if isinstance(one, dict) and "timeserieslabels" in one) if isinstance(value, list) else ()
    )


def _noted(part: Mapping[str, Any]) -> str:
    """Who is named in the note of a region that we wrote."""
    notes = (part.get("meta") or {}).get("text") or []
    return next((str(note).removeprefix(_WHO) for note in notes if str(note).startswith(_WHO)), "")


def _person(written: Any) -> str:
    if isinstance(written, dict):
        return str(written.get("email") or written.get("username") or written.get("id") or "")
    return "" if written is None else f"label-studio-{written}" if isinstance(written, int) else str(written)


def _cells(region: Any, where: str) -> list[dict[str, str]]:
    if not isinstance(region, dict) or not {"start", "end", "timeserieslabels"} <= set(region):
        raise DataError(f"{where}: expected start, end and timeserieslabels, got {region!r:.80}; export again")
    start, end = as_text(region["start"]), as_text(region["end"])
    return [{"start": start, "end": end, "label": str(label)} for label in region["timeserieslabels"]]


def _read_times(cells: pd.Series[Any], series: Series, zone: str | None, fail: Fail) -> Int64:
    """Read times as Label Studio writes them: numbers are milliseconds, points are met to the microsecond."""
    ticks = ticks_of(series)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    if not series.has_clock and np.isfinite(numbers).all():
        whole: Int64 = np.where(np.arange(len(numbers)) % 2, np.floor(numbers), np.ceil(numbers)).astype(np.int64)
        return whole
    moments = numbers * _MILLISECOND
    if not np.isfinite(numbers).all() or (moments < ticks[0] - _DAY).any() or (moments > ticks[-1] + _DAY).any():
        return read_moments(cells, series, zone, fail)
    rounded = np.round(moments).astype(np.int64)
    point, _ = nearest(ticks, rounded)
    met: Int64 = np.where(np.abs(ticks[point] - rounded) <= 1_000, ticks[point], rounded)
    return met
