import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.data.annotations.forms import Form, form_of, read_annotations
from rl_tsad.data.annotations.grid import Grid, codes_of, said_of_grid
from rl_tsad.data.annotations.interval_files import write_interval_csv, write_interval_json, write_nab
from rl_tsad.data.annotations.label_studio import write_tasks
from rl_tsad.data.annotations.names import Recordings
from rl_tsad.data.annotations.point_files import write_points, write_trainset, write_tsb
from rl_tsad.data.annotations.stretches import Stretch, by_series, merged, points_of, stretches_of_points
from rl_tsad.types import Int8, Series

ALL = (Form.POINTS, Form.INTERVALS, Form.INTERVALS_JSON, Form.LABEL_STUDIO)
ANOMALIES_ONLY = (Form.NAB, Form.TSB_AD, Form.TRAINSET)
NAMES = ("pump", "=SUM(A1)", "'-x", "Lager 3, süd")


@st.composite
def recordings(draw: st.DrawFn) -> Series:
    """A series with gaps: times to the microsecond in some zone, or sample numbers."""
    count = draw(st.integers(20, 60))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 40]), min_size=count, max_size=count))
    numbers = np.cumsum(steps) + draw(st.integers(0, 10**6))
    name, zone = draw(st.sampled_from(NAMES)), draw(st.sampled_from([None, "Europe/Berlin", "-03:30"]))
    channels = draw(st.sampled_from([("flow",), ("Flow", "flow"), ("time", "Label")]))
    values = np.arange(count * len(channels), dtype=np.float32).reshape(count, -1) / 7 - 3
    times = numbers
    if draw(st.booleans()):
        step = draw(st.sampled_from([1_000, 1_000_000, 1_000_000_000, 3_600_000_000_000]))
        times = (np.datetime64("2024-03-30T23:00", "ns").astype(np.int64) + numbers * step).view("datetime64[ns]")
    return Series(name, values, times, channels, timezone=zone)


def said(draw: st.DrawFn, points: int, answers: int) -> Int8:
    edges = sorted(draw(st.sets(st.integers(1, points - 1), max_size=8)))
    bounds = [0, *edges, points]
    codes = np.full(points, -1, np.int8)
    for low, high in pairwise(bounds):
        codes[low:high] = draw(st.integers(-1, answers - 1))
    return codes


@st.composite
def cases(draw: st.DrawFn) -> tuple[Series, list[Stretch], Grid]:
    series = draw(recordings())
    codes = said(draw, series.length, 3)
    who = said(draw, series.length, 2).clip(0).astype(np.int64)
    stretches = stretches_of_points(series.name, codes, who, names=["ann", "@bob"])
    length = draw(st.integers(2, 12))
    return series, stretches, Grid(series.length, length, draw(st.integers(1, length)))


def written(form: Form, stretches: list[Stretch], series: dict[str, Series], folder: Path) -> Path:
    found = by_series(stretches, series)
    if form == Form.TSB_AD:
        files = write_tsb(found, series, dict.fromkeys(series, 5))
    else:
        texts = {
            Form.POINTS: lambda: write_points(found, series),
            Form.INTERVALS: lambda: write_interval_csv(stretches, series),
            Form.INTERVALS_JSON: lambda: write_interval_json(stretches, series),
            Form.NAB: lambda: write_nab(stretches, series),
            Form.TRAINSET: lambda: write_trainset(found, series),
            Form.LABEL_STUDIO: lambda: write_tasks(found, series),
        }
        ending = ".json" if form in (Form.INTERVALS_JSON, Form.NAB, Form.LABEL_STUDIO) else ".csv"
        files = {f"labels{ending}": texts[form]()}
    ((name, text),) = files.items()
    (folder / name).write_bytes(text.encode())
    return folder / name


@pytest.mark.slow
@pytest.mark.parametrize("form", ALL)
@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory, form: Form, case: tuple[Series, list[Stretch], Grid]
) -> None:
    series, stretches, _ = case
    known = {series.name: series}
    path = written(form, stretches, known, tmp_path_factory.mktemp("labels"))
    back = read_annotations(path, form, Recordings(known))
    assert merged(back.stretches) == merged(stretches)
    assert back.empty == 0
    assert not back.strange
    if stretches:
        assert form_of(path) == form


@pytest.mark.slow
@pytest.mark.parametrize("form", ANOMALIES_ONLY)
@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_of_formats_that_know_two_labels_the_anomalies_come_back(
    tmp_path_factory: pytest.TempPathFactory, form: Form, case: tuple[Series, list[Stretch], Grid]
) -> None:
    series, stretches, grid = case
    known = {series.name: series}
    path = written(form, stretches, known, tmp_path_factory.mktemp("labels"))
    back = read_annotations(path, form, Recordings(known))
    anomalies = [one for one in stretches if one.answer == "anomaly"]
    points = points_of(anomalies, series.length)[0]
    assert points_of(back.stretches, series.length)[0].tolist() == points.tolist()
    assert {one.answer for one in back.stretches} <= {"anomaly"}
    assert back.series == {series.name}
    assert form_of(path) == form
    before, after = (codes_of(said_of_grid(each, grid), grid.count) for each in (anomalies, back.stretches))
    assert after.tolist() == before.tolist()


@given(case=cases())
@settings(max_examples=200, deadline=None)
def test_a_grid_is_labelled_as_its_points_are(case: tuple[Series, list[Stretch], Grid]) -> None:
    series, stretches, grid = case
    points = points_of(stretches, series.length)[0]
    codes = codes_of(said_of_grid(stretches, grid), grid.count)
    whole = points_of([one for one in stretches if one.analyst == "ann"], series.length)[0]
    for low, high, code in zip(grid.lows.tolist(), grid.highs.tolist(), codes.tolist(), strict=True):
        assert (code == 0) == (points[low:high] == 0).any()
        for answer in (1, 2):
            if (whole[low:high] == answer).all():
                assert code == answer
        if code > 0:
            assert (points[low:high] == code).all()


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_spans_tile_the_series(case: tuple[Series, list[Stretch], Grid]) -> None:
    _, _, grid = case
    edges = np.append(grid.lows, grid.points)
    assert edges[0] == 0
    assert (np.diff(edges) > 0).all()
    starts = np.arange(grid.count) * grid.stride
    assert [grid.span(start) for start in starts.tolist()] == list(zip(grid.lows, grid.highs, strict=True))


@pytest.mark.parametrize("form", [*ALL, *ANOMALIES_ONLY])
def test_no_cell_is_taken_for_a_formula(tmp_path: Path, form: Form) -> None:
    series = Series("=cmd|' /C calc'!A0", np.ones((4, 2), np.float32), np.arange(4), ("@x", "+y"))
    path = written(form, [Stretch(series.name, 1, 2, "anomaly", "-ann")], {series.name: series}, tmp_path)
    if path.suffix == ".csv":
        cells = [cell for line in path.read_text().splitlines() for cell in line.split(",")]
        assert not [cell for cell in cells if cell.strip('"')[:1] in set("=+@\t")]
        assert not [cell for cell in cells if cell.startswith("-a")]
    else:
        json.loads(path.read_text())
    back = read_annotations(path, form, Recordings({series.name: series}))
    assert [(one.low, one.high) for one in back.stretches] == [(1, 2)]


def test_a_channel_called_label_is_not_taken_for_the_labels(tmp_path: Path) -> None:
    series = Series("pump", np.full((4, 2), 7, np.float32), np.arange(4), ("flow", "Label"))
    path = written(Form.TSB_AD, [Stretch("pump", 1, 2, "anomaly")], {"pump": series}, tmp_path)
    assert path.name == "001_pump_id_1_Sensor_tr_1_1st_1.csv"
    assert path.read_text().splitlines()[:3] == ["flow,Label (channel),Label", "7.0,7.0,0", "7.0,7.0,1"]
