import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from db import details, labels, vetoes
from db.desk_records import AnswerDetail
from db.imports import append_all
from db.records import Answer, NewLabel
from rl_tsad.data.annotations.forms import Form
from rl_tsad.errors import DataError
from rl_tsad.services.exchange import export_answers, exported
from rl_tsad.services.importing import Imported, ImportOptions, import_answers
from rl_tsad.services.ingest import keep_series
from rl_tsad.services.labeling import ask, tell, undo
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.settings import load_settings
from rl_tsad.types import Series, window_key

pytestmark = pytest.mark.slow

LENGTH, STRIDE, POINTS = 16, 4, 203
ENDING = {Form.TSB_AD: ".zip", Form.LABEL_STUDIO: ".zip", Form.NAB: ".json", Form.INTERVALS_JSON: ".json"}
ENDINGS = dict.fromkeys(Form, ".csv") | ENDING | {Form.HISTORY: ".json"}
REMARK = ('leak; "süd"', "second\nline", 2.5)
EXACT = (Form.HISTORY, Form.WINDOWS, Form.POINTS, Form.INTERVALS, Form.INTERVALS_JSON, Form.LABEL_STUDIO)
ANOMALIES_ONLY = (Form.NAB, Form.TSB_AD, Form.TRAINSET)


def recorded() -> list[Series]:
    """One with a clock and a gap at 100, one with sample numbers, one whose name looks like a formula."""
    rng = np.random.default_rng(0)
    steps = np.where(np.arange(POINTS) == 100, 500, 1).cumsum() * 60
    clock = (np.datetime64("2024-03-30T22:00", "s") + steps).astype("datetime64[ns]")
    values = rng.normal(size=(POINTS, 2)).astype(np.float32)
    return [
        Series("pump", values, clock, ("flow", "temp"), timezone="Europe/Berlin"),
        Series("fan", values[:, ::-1].copy(), np.arange(POINTS) * 3 - 60, ("flow", "temp")),
        Series("=line 1/süd", values + 1, clock, ("flow", "temp")),
    ]


def made(folder: Path, **settings: Any) -> Workspace:
    ws = create_workspace(folder, load_settings(window={"length": LENGTH, "stride": STRIDE}, **settings))
    for series in recorded():
        keep_series(ws, series, source="test")
    return ws


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Workspace]:
    with made(tmp_path / "source") as ws:
        yield ws


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Workspace]:
    with made(tmp_path / "twin") as ws:
        yield ws


def say(
    ws: Workspace, series: str, windows: range, answer: Answer, who: str = "ann", mark: tuple[int, int] | None = None
) -> None:
    low, high = mark or (None, None)
    rows = [
        NewLabel(
            window_key(series, number * STRIDE, LENGTH),
            series,
            number * STRIDE,
            LENGTH,
            answer,
            who,
            mark_low=low,
            mark_high=high,
        )
        for number in windows
    ]
    with ws.store.begin() as session:
        append_all(session, [rows], f"said by {who}")


def fill(ws: Workspace) -> None:
    """Marked and unmarked anomalies, some beside each other, normal and unsure, by two people, at both ends."""
    say(ws, "pump", range(20, 24), Answer.ANOMALY, mark=(93, 107))
    say(ws, "pump", range(24, 30), Answer.NORMAL)
    say(ws, "pump", range(30, 31), Answer.UNSURE, who="@bob")
    say(ws, "pump", range(46, 47), Answer.ANOMALY, who="@bob")
    say(ws, "fan", range(1), Answer.ANOMALY)
    say(ws, "fan", range(1, 9), Answer.NORMAL, who="@bob")
    say(ws, "fan", range(9, 12), Answer.ANOMALY, mark=(50, 51))  # windows 10 and 11 were labelled by hand
    say(ws, "=line 1/süd", range(46, 47), Answer.NORMAL)


def standing(ws: Workspace) -> dict[str, tuple[Answer | None, str]]:
    with ws.store.read() as session:
        return {label.key: (label.answer, label.analyst) for label in labels.standing(session)}


def answers(ws: Workspace) -> dict[str, Answer | None]:
    return {key: answer for key, (answer, _) in standing(ws).items()}


def load(ws: Workspace, path: Path, *, dry_run: bool = False, **options: object) -> Imported:
    return import_answers(ws, path, ImportOptions(**options), dry_run=dry_run)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", EXACT)
def test_a_twin_stands_as_its_source(source: Workspace, twin: Workspace, tmp_path: Path, form: Form) -> None:
    fill(source)
    path = tmp_path / f"a{ENDINGS[form]}"
    export_answers(source, path, form)
    before = standing(source)
    assert load(twin, path, dry_run=True).added == len(before)
    assert standing(twin) == {}
    done = load(twin, path)
    assert (done.form, done.added, done.conflicts, done.unheard) == (form, len(before), (), 0)
    assert standing(twin) == before
    again = load(twin, path)
    assert (again.added, again.known, again.answers) == (0, len(before), 0)
    assert standing(twin) == before
    assert len(history(twin)) == len(before)


@pytest.mark.parametrize("form", ANOMALIES_ONLY)
def test_what_knows_two_labels_brings_the_anomalies(
    source: Workspace, twin: Workspace, tmp_path: Path, form: Form
) -> None:
    fill(source)
    path = tmp_path / f"a{ENDINGS[form]}"
    export_answers(source, path, form)
    load(twin, path, analyst="x")
    anomalies = {key: (Answer.ANOMALY, "x") for key, said in answers(source).items() if said == Answer.ANOMALY}
    assert standing(twin) == anomalies
    every = load(twin, path, rest="normal")
    assert every.counts[Answer.NORMAL] == 3 * 47 - len(anomalies)
    assert every.known == len(anomalies)
    assert {key for key, said in answers(twin).items() if said == Answer.ANOMALY} == set(anomalies)


def history(ws: Workspace) -> list[object]:
    with ws.store.read() as session:
        return list(labels.history(session))


def test_a_mark_keeps_its_exact_points(source: Workspace, twin: Workspace, tmp_path: Path) -> None:
    fill(source)
    export_answers(source, tmp_path / "a.csv", "intervals")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    times = recorded()[0].times
    assert f"pump,{times[93].astype('datetime64[s]')}Z,{times[106].astype('datetime64[s]')}Z,anomaly,ann" in lines
    assert {"fan,90,90,anomaly,ann", "fan,96,117,anomaly,ann"} <= set(lines)  # unmarked windows count by their span
    load(twin, tmp_path / "a.csv")
    with twin.store.read() as session:
        marks = {(row.mark_low, row.mark_high) for row in labels.standing(session) if row.series == "pump"}
    assert (93, 107) in marks


def test_several_marks_of_one_answer_are_several_stretches(source: Workspace) -> None:
    say(source, "fan", range(9, 12), Answer.ANOMALY, mark=(48, 57))
    with source.store.begin() as session:
        first = labels.standing(session)[0]
        details.add(session, AnswerDetail(first.id, marks=((48, 50), (53, 57))))
    lines = exported(source, "intervals")[1].decode().splitlines()
    assert [line.split(",")[1:3] for line in lines if line.startswith("fan,")] == [["84", "87"], ["99", "108"]]


def test_a_stretch_is_taken_back_as_one(twin: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("series,start,end\nfan,0,20\nfan,90,120\n")
    done = load(twin, tmp_path / "a.csv", analyst="ann")
    assert done.answers == 2
    undo(twin, "ann")
    left = set(standing(twin))
    assert 0 < len(left) < done.added
    assert load(twin, tmp_path / "a.csv", analyst="ann").added == done.added - len(left)


def test_conflicts_are_reported_kept_or_refused(twin: Workspace, tmp_path: Path) -> None:
    say(twin, "fan", range(4, 6), Answer.NORMAL, who="bob")
    (tmp_path / "a.csv").write_text("series,start,end,label\nfan,30,59,anomaly\n")
    key = window_key("fan", 5 * STRIDE, LENGTH)
    with pytest.raises(DataError, match=r"a.csv, line 2: expected what stands of fan:\d+:16, normal by bob"):
        load(twin, tmp_path / "a.csv", conflicts="refuse")
    kept = load(twin, tmp_path / "a.csv", conflicts="keep")
    assert {one.key for one in kept.conflicts} == {window_key("fan", number * STRIDE, LENGTH) for number in (4, 5)}
    assert kept.added == 1
    assert standing(twin)[key] == (Answer.NORMAL, "bob")
    replaced = load(twin, tmp_path / "a.csv")
    assert (replaced.conflicts[0].standing, replaced.conflicts[0].analyst) == (Answer.NORMAL, "bob")
    assert standing(twin)[key] == (Answer.ANOMALY, "import")


def test_the_rest_never_contradicts_anybody(twin: Workspace, tmp_path: Path) -> None:
    say(twin, "fan", range(20, 22), Answer.ANOMALY, who="bob")
    (tmp_path / "w.json").write_text('{"fan": []}')
    done = load(twin, tmp_path / "w.json", rest="normal")
    assert (done.added, done.answers, done.conflicts) == (45, 1, ())
    assert sum(said == Answer.ANOMALY for said in answers(twin).values()) == 2


def test_names_of_a_file_are_not_trusted_where_they_may_not_be(twin: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("series,start,end,label,analyst\nfan,0,20,anomaly,boss\n")
    load(twin, tmp_path / "a.csv", analyst="eve", trust_names=False)
    assert {who for _, who in standing(twin).values()} == {"eve"}


def test_json_keeps_the_whole_history(source: Workspace, twin: Workspace, tmp_path: Path) -> None:
    say(source, "fan", range(3), Answer.ANOMALY)
    undo(source, "ann")
    say(source, "fan", range(4, 6), Answer.NORMAL)
    assert export_answers(source, tmp_path / "all.json") == 8
    events = json.loads((tmp_path / "all.json").read_text())["events"]
    assert [event["answer"] for event in events] == ["anomaly"] * 3 + [None] * 3 + ["normal"] * 2
    assert load(twin, tmp_path / "all.json").counts == {Answer.ANOMALY: 0, Answer.NORMAL: 2, Answer.UNSURE: 0}


def remarks(ws: Workspace) -> dict[str, AnswerDetail]:
    with ws.store.read() as session:
        came, keys = details.every(session), {label.id: label.key for label in labels.history(session)}
    return {keys[one.label_id]: replace(one, label_id=0) for one in came.values()}


def spared(ws: Workspace) -> list[tuple[str | None, str]]:
    with ws.store.read() as session:
        return [(one.key, one.analyst) for one in vetoes.standing(session)]


def remarked(ws: Workspace) -> str:
    """Say something of three windows and give its first window's key."""
    say(ws, "fan", range(9, 12), Answer.ANOMALY, who="@bob", mark=(48, 57))
    with ws.store.begin() as session:
        first = labels.standing(session)[0]
        marks = ((48, 50), (53, 57))
        details.add(session, AnswerDetail(first.id, marks, *REMARK))
        vetoes.add(session, first.id, ["fan:0:16", None], "ann")
    return first.key


def test_json_carries_what_came_with_an_answer(source: Workspace, twin: Workspace, tmp_path: Path) -> None:
    key = remarked(source)
    say(source, "pump", range(3), Answer.NORMAL)
    export_answers(source, tmp_path / "all.json")
    load(twin, tmp_path / "all.json")
    assert remarks(twin) == remarks(source) == {key: AnswerDetail(0, ((48, 50), (53, 57)), *REMARK)}
    assert spared(twin) == [("fan:0:16", "@bob"), (None, "@bob")]
    assert exported(twin, "intervals") == exported(source, "intervals")
    load(twin, tmp_path / "all.json")
    assert len(remarks(twin)) == 1


def test_what_came_with_an_answer_stays_with_its_other_windows_when_the_first_was_answered_again(
    source: Workspace, twin: Workspace, tmp_path: Path
) -> None:
    remarked(source)
    say(source, "fan", range(9, 10), Answer.NORMAL)
    export_answers(source, tmp_path / "all.json")
    load(twin, tmp_path / "all.json")
    assert [(key, one.fault) for key, one in remarks(twin).items()] == [("fan:40:16", REMARK[0])]


def test_what_came_with_an_answer_that_was_taken_back_does_not_come_back(
    source: Workspace, twin: Workspace, tmp_path: Path
) -> None:
    remarked(source)
    undo(source, "@bob")
    say(source, "pump", range(3), Answer.NORMAL)
    export_answers(source, tmp_path / "all.json")
    assert load(twin, tmp_path / "all.json").added == 3
    assert remarks(twin) == {}
    assert spared(twin) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("marks", [[5, 4]]),
        ("marks", [[1, 2, 3]]),
        ("fault", 7),
        ("comment", "x" * 4001),
        ("seconds", -1),
        ("seconds", float("nan")),
        ("exceptions", [3]),
        ("exceptions", "fan:0:16"),
    ],
)
def test_a_wrong_remark_keeps_all_out(
    source: Workspace, twin: Workspace, tmp_path: Path, name: str, value: object
) -> None:
    remarked(source)
    export_answers(source, tmp_path / "all.json")
    content = json.loads((tmp_path / "all.json").read_text())
    content["events"][0][name] = value
    (tmp_path / "all.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"all.json, event 1, column '{name}': expected"):
        load(twin, tmp_path / "all.json")
    assert standing(twin) == {}


def test_an_import_labels_nothing_that_is_kept_for_the_test(source: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "series,start,end,label\nfan,-60,-51,normal\nfan,270,360,anomaly\nfan,450,459,anomaly\n"
    )
    with made(tmp_path / "split", split={"pool_fraction": 0.6}) as ws:
        last = 121 - LENGTH  # points 0 to 120 are the pool's
        done = load(ws, tmp_path / "a.csv", rest="normal")
        starts = {int(key.split(":")[1]) for key in standing(ws)}
        assert max(starts) == last - last % STRIDE
        assert starts == set(range(0, last + 1, STRIDE))
        assert (done.counts[Answer.ANOMALY], done.outside, done.first_outside) == (3, 8, "a.csv, line 3")
        fill(source)
        for name in ("all.json", "windows.csv"):
            export_answers(source, tmp_path / name)
            again = load(ws, tmp_path / name, conflicts="keep")
            assert again.outside == 6
            assert again.first_outside.startswith(name)
        assert max(int(key.rsplit(":", 2)[1]) for key in standing(ws)) <= last


def test_series_that_are_kept_for_the_test_are_left_out_whole(tmp_path: Path) -> None:
    with made(tmp_path / "split", split={"pool_fraction": 0.5, "protocol": "unseen"}) as ws:
        fill(ws)
        export_answers(ws, tmp_path / "a.csv")
        with ws.store.begin() as session:
            while labels.undo(session, "ann") or labels.undo(session, "@bob"):
                pass
        done = load(ws, tmp_path / "a.csv")
        by_series = Counter(key.rsplit(":", 2)[0] for key in standing(ws))
    assert done.added == by_series.total() > 0
    assert done.outside > 0
    assert len(by_series) < 3


def test_archives_hold_a_file_a_series_and_a_configuration(source: Workspace, tmp_path: Path) -> None:
    fill(source)
    name, content = exported(source, "tsb-ad")
    (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert archive.namelist() == [
            "001__line_1_s_d_id_1_Sensor_tr_203_1st_-1.csv",
            "002_fan_id_2_Sensor_tr_0_1st_0.csv",
            "003_pump_id_3_Sensor_tr_93_1st_93.csv",
        ]
        rows = archive.read(archive.namelist()[2]).decode().splitlines()
    assert rows[0] == "flow,temp,Label"
    assert [row[-1] for row in rows[1:]].count("1") == 14 + 7
    name, content = exported(source, "label-studio")
    (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / name) as archive:
        files = {each: archive.read(each).decode() for each in archive.namelist()}
    assert set(files) == {"tasks-1.json", "labeling-config-1.xml", "tasks-2.json", "labeling-config-2.xml"}
    config = ElementTree.fromstring(files["labeling-config-1.xml"])
    chart = config.find("TimeSeries")
    assert chart is not None
    columns = [channel.get("column") for channel in chart] + [chart.get("timeColumn")]
    for task in json.loads(files["tasks-1.json"]):
        assert set(columns) == set(task["data"]["ts"])
        for annotation in task["annotations"]:
            for region in annotation["result"]:
                assert region["type"] == "timeserieslabels"
                assert region["value"]["start"] in task["data"]["ts"]["time"]
                assert (region["value"]["start"] == region["value"]["end"]) == region["value"]["instant"]


@pytest.mark.parametrize("form", list(Form))
def test_a_download_is_what_is_written(source: Workspace, tmp_path: Path, form: Form) -> None:
    fill(source)
    name, content = exported(source, form)
    assert name.endswith(ENDINGS[form])
    export_answers(source, tmp_path / name, form)
    assert (tmp_path / name).read_bytes() == content


def test_files_that_do_not_fit_are_refused(source: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.csv or \.json"):
        export_answers(source, tmp_path / "a.xml")
    with pytest.raises(DataError, match=r"end in \.zip for the format tsb-ad"):
        export_answers(source, tmp_path / "a.csv", "tsb-ad")
    with pytest.raises(DataError, match=r"expected a format \(json, csv, .*got 'excel'"):
        exported(source, "excel")
    assert not list(tmp_path.glob("*.xml"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("fan:0:16,maybe", r"line 3, column 'answer': expected anomaly, normal, unsure, got 'maybe'"),
        ("nobody:0:16,normal", r"line 3: expected a series of this workspace, got 'nobody'"),
        ("fan:0:8,normal", r"line 3: expected a window of length 16"),
        ("fan:200:16,normal", r"line 3: expected a window of length 16 inside the 203 points"),
        ("fan:3:16,normal", r"line 3: expected a window that starts at a multiple of 4"),
        ("what,normal", r"line 3, column 'key': expected a window key"),
    ],
)
def test_a_wrong_window_keeps_all_out(twin: Workspace, tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "a.csv").write_text(f"key,answer\nfan:8:16,normal\n{line}\n")
    with pytest.raises(DataError, match=complaint):
        load(twin, tmp_path / "a.csv")
    assert standing(twin) == {}


@pytest.mark.parametrize("name", ["answers.csv", "answers.json"])
def test_answers_to_questions_come_back_and_close_theirs(trained: Workspace, tmp_path: Path, name: str) -> None:
    asked = []
    for number, said in enumerate((Answer.ANOMALY, Answer.UNSURE)):
        card = ask(trained, "ann")
        assert card is not None
        tell(trained, card.item.id, said, "ann", client="test", sequence=number)
        asked.append(card.item.key)
    before = answers(trained)
    export_answers(trained, tmp_path / name)
    for _ in range(2):
        undo(trained, "ann")
    assert standing(trained) == {}
    assert load(trained, tmp_path / name).added == len(before)
    assert answers(trained) == before
    card = ask(trained, "bob")
    assert card is None or card.item.key != asked[0]
