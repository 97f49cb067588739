import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rl_tsad.data.annotations.forms import Form, form_of, read_annotations
from rl_tsad.data.annotations.names import Recordings, guard, unguard
from rl_tsad.data.annotations.stretches import Annotations
from rl_tsad.errors import DataError
from rl_tsad.types import Series

HOURS = np.datetime64("2024-10-26T22:00", "ns") + np.arange(48) * np.timedelta64(3600, "s")
PUMP = Series("pump", np.zeros((48, 2), np.float32), HOURS, ("flow", "temp"), timezone="Europe/Berlin")
FAN = Series("fan", np.zeros((20, 1), np.float32), np.arange(20) * 10, ("x",))
BOTH = {"pump": PUMP, "fan": FAN}


def read(path: Path, text: str, **options: object) -> Annotations:
    path.write_text(text)
    return read_annotations(path, form_of(path), Recordings(BOTH, **options))  # type: ignore[arg-type]


def found(said: Annotations) -> list[tuple[str, int, int, str]]:
    return [(one.series, one.low, one.high, one.answer) for one in said.stretches]


@pytest.mark.parametrize(
    ("times", "points"),
    [
        ("2024-10-27T00:00:00Z,2024-10-27T01:00:00Z", (2, 4)),  # UTC
        ("2024-10-27 02:30,2024-10-27 04:30", None),  # twice in Berlin: refused below
        ("2024-10-27 04:00,2024-10-27 05:00", (5, 7)),  # the series' own zone, winter time
        ("2024-10-27 00:00,2024-10-27 01:00", (0, 2)),  # summer time
        ("2024-10-27T05:00:00+02:00,2024-10-27T05:00:00+02:00", (5, 6)),
        ("1729980000,1729983600", (0, 2)),  # seconds since 1970
        ("1729980000000,1729983600000", (0, 2)),  # milliseconds
    ],
)
def test_times_are_read_as_where_the_series_was_ingested(
    tmp_path: Path, times: str, points: tuple[int, int] | None
) -> None:
    path = tmp_path / "pump.csv"
    if points is None:
        with pytest.raises(DataError, match=r"pump.csv, line 2, .*expected a time that happened once in Europe/Berlin"):
            read(path, f"start,end\n{times}\n")
    else:
        assert found(read(path, f"start,end\n{times}\n")) == [("pump", *points, "anomaly")]


def test_a_zone_that_is_told_wins(tmp_path: Path) -> None:
    text = "series,start,end\npump,2024-10-27 00:00,2024-10-27 01:00\n"
    assert found(read(tmp_path / "a.csv", text, timezone="UTC")) == [("pump", 2, 4, "anomaly")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("series,start,end\nfan,0,10\nfan,x,20\n", "line 3, column 'start or end': expected a sample number.*got 'x'"),
        ("series,start,end\nfan,0,10\nfan,0.5,20\n", "line 3, .*expected a sample number"),
        ("series,start,end\n\nfan,20,10\n", "line 3: expected an end at or after the start, got 20 to 10"),
        ("series,start,end\nfan,300,310\n", "line 2: expected times between 0 and 190.*got 300 to 310"),
        ("series,start,end\npump,1,2\n", "line 2, .*expected a time, as 'pump' has a clock"),
        ("series,start,end\npump,,2024-10-27\n", "line 2, .*expected a time such as .*got an empty cell"),
        ("series,start,end,label\nfan,0,10,spike\n", "line 2, column 'label': expected anomaly, normal.*got 'spike'"),
        ("series,start,end\nfan,0,1\nsnail,0,10\n", r"line 3: expected a series of this workspace \(fan, pump\)"),
        ("start,end\n0,10\n", "a: expected the name of a series, as the file names none, got 2 series"),
        ("series,time,label\nfan,14,1\nfan,16,1\nfan,999,1\n", "line 4, column 'time': expected the time of a point"),
        ("series,time,label\nfan,10,perhaps\n", "line 2, column 'label': expected anomaly"),
        ("series,timestamp,value,label\npump:x,2024-10-27,1,1\n", "line 2, column 'series': expected a channel of"),
        ("x,Label\n1,0\n", "expected the name of a series"),
        ("x,y\n1,0\n", "line 1: expected the columns of a format that is known, got x, y"),
        ("", "expected a header and data rows, got an empty file"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read(tmp_path / "a.csv", text)
    assert str(caught.value).startswith("a")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"fan": [[0, 10], [5]]}', r"a.json, 'fan', window 2: expected \[start, end\], got \[5\]"),
        ('{"fan": [[0, 10], [30, 20]]}', r"'fan', \[30, 20\]: expected an end at or after the start"),
        ('[{"start": 1, "end": 2}, {"start": 1}]', r"a.json, interval 2: expected an object with start and end"),
        ('[{"id": 7, "annotations": [{"result": 3}]}]', "task 7: expected an annotation with a result"),
        (
            '[{"data": {"series": "fan"}, "annotations": [{"result": [{"type": "timeserieslabels", "value": {}}]}]}]',
            "task 1, region 1: expected start, end and timeserieslabels",
        ),
        ("[", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("3", "expected JSON of"),
    ],
)
def test_errors_name_the_place_in_json(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read(tmp_path / "a.json", content)


def test_a_list_of_starts_and_ends_is_about_the_series_of_its_name(tmp_path: Path) -> None:
    assert found(read(tmp_path / "fan.csv", "from;to\n0;10\n")) == [("fan", 0, 2, "anomaly")]
    assert found(read(tmp_path / "a.csv", "start,end\n0,10\n", only="fan")) == [("fan", 0, 2, "anomaly")]


def test_strange_names_are_left_out_only_when_told(tmp_path: Path) -> None:
    said = read(tmp_path / "a.json", '{"x/snail.csv": [[0, 1]], "y/fan.csv": [], "pump": []}', skip_strange=True)
    assert (said.series, said.strange, said.stretches) == ({"fan", "pump"}, ("x/snail.csv",), ())


def test_what_lies_between_two_points_is_counted(tmp_path: Path) -> None:
    said = read(tmp_path / "a.csv", "series,start,end\nfan,11,19\nfan,14,14\n")
    assert (found(said), said.empty) == ([("fan", 1, 2, "anomaly")], 1)


def test_kinds_of_faults_mean_anomalies_when_told(tmp_path: Path) -> None:
    text = "series,start,end,label\nfan,0,10,Spike\nfan,30,40,normal\nfan,60,60,\n"
    said = read(tmp_path / "a.csv", text, anomaly_words=("spike",))
    assert found(said) == [("fan", 0, 2, "anomaly"), ("fan", 3, 5, "normal")]


def test_label_studio_as_it_exports(tmp_path: Path) -> None:
    region = {"start": 1729980000000.4, "end": 1729983600000.9, "instant": False, "timeserieslabels": ["Anomaly"]}
    result = [{"id": "a", "from_name": "label", "to_name": "ts", "type": "timeserieslabels", "value": region}]
    task = {"id": 3, "data": {"csv": "/data/upload/1/01ab23cd-pump.csv"}, "file_upload": "01ab23cd-pump.csv"}
    people = [
        {"completed_by": {"id": 1, "email": "ann@x.org"}, "was_cancelled": False, "result": result},
        {"completed_by": 7, "was_cancelled": True, "result": result},
    ]
    said = read(tmp_path / "a.json", json.dumps([{**task, "annotations": people, "predictions": [{"result": result}]}]))
    assert [(one.low, one.high, one.analyst) for one in said.stretches] == [(1, 2, "ann@x.org")]
    least = {"id": 3, "csv": "/data/upload/1/01ab23cd-pump.csv", "label": [region], "annotator": 7}
    said = read(tmp_path / "b.json", json.dumps([least]))
    assert [(one.low, one.high, one.analyst) for one in said.stretches] == [(1, 2, "label-studio-7")]
    region |= {"start": "2024-10-27T00:00:00.000Z", "end": "2024-10-27T01:00:00.000Z"}
    assert found(read(tmp_path / "c.json", json.dumps([least]))) == [("pump", 2, 4, "anomaly")]


def test_trainset_as_it_exports(tmp_path: Path) -> None:
    rows = [
        f"{name},{time}.000Z,0,{int(i in marks)}"
        for name, marks in (("pump:flow", {3}), ("pump:temp", {4, 9}))
        for i, time in enumerate(HOURS.astype("datetime64[s]").astype(str))
    ]
    said = read(tmp_path / "pump-labeled.csv", "\n".join(["series,timestamp,value,label", *rows]))
    assert found(said) == [("pump", 3, 5, "anomaly"), ("pump", 9, 10, "anomaly")]


def test_a_tsb_file_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected 20 rows, one for each point of 'fan', got 2"):
        read(tmp_path / "001_fan_id_1_Sensor_tr_2_1st_3.csv", "Data,Label\n1,0\n2,1\n")


@pytest.mark.parametrize("name", ["=1", "'=1", "''=1", "pump", "'pump", "+a", "-", "@", "\tx", "a=1", "'"])
def test_guarded_names_are_read_as_they_were(name: str) -> None:
    assert unguard(guard(name)) == name
    assert guard(name)[0] not in "=+-@\t\r"


@pytest.mark.data
@pytest.mark.slow
def test_nab_windows_label_the_points_that_its_reader_calls_true(nab: Path) -> None:
    from rl_tsad.data.readers import read_path

    series = {one.series.name: one.series for one in read_path(nab)}
    path = nab / "labels" / "combined_windows.json"
    assert form_of(path) == Form.NAB
    said = read_annotations(path, Form.NAB, Recordings(series, skip_strange=True))
    assert said.series == set(series)
    for name, one in series.items():
        points = np.zeros(one.length, np.int8)
        for stretch in said.stretches:
            if stretch.series == name:
                points[stretch.low : stretch.high] = 1
        assert one.truth is not None
        shifted = (np.diff(one.times) < np.timedelta64(1, "s")).any()  # repeated times were moved by a millisecond
        assert (points != one.truth).sum() <= (2 if shifted else 0), name


@pytest.mark.data
@pytest.mark.slow
def test_tsb_files_of_real_series_bring_their_labels(nab: Path, tmp_path: Path) -> None:
    from rl_tsad.data.readers import read_path

    raw = next(iter(read_path(nab / "data" / "realKnownCause" / "ec2_request_latency_system_failure.csv"))).series
    assert raw.truth is not None
    lines = [f"{value},{label}" for value, label in zip(raw.values[1:, 0], raw.truth[1:], strict=True)]
    path = tmp_path / "001_NAB_id_1_Facility_tr_1007_1st_2014.csv"
    path.write_text("\n".join(["Data,Label", *lines]))
    series = next(iter(read_path(path))).series
    assert form_of(path) == Form.TSB_AD
    said = read_annotations(tmp_path, Form.TSB_AD, Recordings({series.name: series}))
    assert series.truth is not None
    edges = np.flatnonzero(np.diff(np.concatenate([[0], series.truth, [0]])))
    assert [(one.low, one.high) for one in said.stretches] == list(pairwise(edges.tolist()))[::2]


@pytest.fixture
def nab() -> Path:
    import os

    folder = Path(os.environ.get("RL_TSAD_DATA", "")) / "nab"
    if not folder.is_dir():
        pytest.skip("RL_TSAD_DATA does not name a folder with NAB")
    return folder
