import json
from collections.abc import Iterator
from typing import Any

import pytest
from desk_process import Server

from db.desk_records import Role
from db.records import Answer
from rl_tsad.data.annotations.forms import Form
from rl_tsad.services import labeling, people, sharing, team
from rl_tsad.services.exchange import exported

pytestmark = pytest.mark.slow


class Desk(Server):
    """A real server process, called over HTTP."""

    def __init__(self, scene: Any) -> None:
        super().__init__(scene.root)
        self.scene = scene
        self.start()

    def token(self, role: Role) -> str:
        boss = people.local_visitor("boss")
        team.add_person(self.scene.ws, boss, role.value, role)
        return people.mint(self.scene.ws, boss, owner=role.value, name="test", role=role, hours=None)[1]


@pytest.fixture
def desk(scene: Any) -> Iterator[Desk]:
    opened = Desk(scene)
    yield opened
    opened.kill()


def entry(number: int, item: int, answer: str = "normal") -> dict[str, Any]:
    return {"sequence": number, "kind": "answer", "item": item, "answer": answer}


def log(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"client": "client-of-test", "entries": list(entries)}


def test_answers_survive_kill_9_and_a_log_sent_again_is_kept_once(desk: Desk) -> None:
    _, held, _ = desk.post("/next", {"client": "client-of-test", "count": 3})
    items = [one["item"] for one in held["questions"]]
    assert desk.post("/log", log(entry(1, items[0]), entry(2, items[1])))[1]["acknowledged"] == 2
    desk.kill()
    desk.start()
    reply = desk.post("/log", log(entry(1, items[0]), entry(2, items[1]), entry(3, items[2])))[1]
    assert [one["status"] for one in reply["results"]] == ["kept"] * 3
    assert desk.scene.answers() == ["normal"] * 3


def test_each_role_is_refused_what_it_may_not_do(desk: Desk) -> None:
    viewer, analyst = desk.token(Role.VIEWER), desk.token(Role.ANALYST)
    refused = {
        "/next": {"client": "client-of-test"},
        "/log": log(entry(1, 1)),
        "/heartbeat": {"items": [1]},
        "/release": {"items": [1]},
        "/preview": {"item": 1, "answer": "normal"},
    }
    for path, body in refused.items():
        status, said, _ = desk.post(path, body, viewer)
        assert (path, status) == (path, 403)
        assert "analyst" in said["error"]["expected"]
        assert desk.post(path, body, analyst)[0] == 200
        assert desk.post(path, body, "rlt_unknown")[0] == 401
    series = desk.scene.windows.series
    assert desk.post("/windows", {"keys": []}, viewer)[0] == 200
    assert desk.post("/windows", {"keys": []}, "rlt_unknown")[0] == 401
    assert desk.get("/questions/1/reconstruction", "rlt_unknown")[0] == 401
    for path in ("/labels", "/series", "/models", "/questions/1"):
        assert desk.get(path, viewer)[0] == 200
        assert desk.get(path, "rlt_unknown")[0] == 401
    assert series in [one["name"] for one in desk.get("/series", viewer)[1]["series"]]


def test_another_sites_page_is_refused_in_local_mode(desk: Desk) -> None:
    assert desk.get("/series")[0] == 200
    assert desk.get("/series", Origin="http://evil.example")[0] == 401
    assert desk.get("/series", Host="evil.example")[0] == 403
    assert desk.get("/series", Sec_Fetch_Site="cross-site")[0] == 401
    assert desk.get("/series", Origin=f"http://127.0.0.1:{desk.port}", Sec_Fetch_Site="same-origin")[0] == 200


def test_a_question_comes_with_all_that_is_drawn(desk: Desk) -> None:
    _, held, _ = desk.post("/next", {"client": "client-of-test", "count": 1})
    (question,) = held["questions"]
    picture = desk.get(f"/questions/{question['item']}")[1]
    assert {key: picture[key] for key in question} == question
    assert len(picture["points"]["index"]) == len(picture["channels"]) == 3
    assert picture["channels"][0] == {"name": "flow [l/s]", "unit": "l/s", "exogenous": False}
    assert picture["overlays"]["score"]["index"]
    assert len(picture["why"]["words"]) == 3
    assert desk.get("/questions/999")[0] == 404


def test_a_question_whose_model_keeps_no_reconstruction_gets_404_in_plain_words(desk: Desk) -> None:
    for item in (1, 999):
        status, said, _ = desk.get(f"/questions/{item}/reconstruction")
        assert status == 404
        assert said["error"]["message"].startswith("expected")
    assert "cannot reconstruct" in desk.get("/questions/1/reconstruction")[1]["error"]["message"]


def test_small_pictures_of_windows(desk: Desk) -> None:
    keys = [str(key) for key in desk.scene.windows.keys[[30, 2]]]
    found = desk.post("/windows", {"keys": [*keys, "gone:0:64"], "width": 40})[1]["windows"]
    assert [one["key"] for one in found] == keys
    assert found[0]["span"] == [296, 304]
    assert found[0]["at"] == "2026-03-03T12:56:00.000Z"
    assert [len(found[0][name]) for name in ("index", "values")] == [3, 3]
    assert found[0]["values"][0].count(None) == 1
    assert all(len(own) <= 42 for own in found[0]["index"])
    for wrong in ({"keys": ["nonsense"]}, {"keys": ["a:\u00b2:8"]}, {"keys": keys, "width": 121}, {"keys": keys * 13}):
        assert desk.post("/windows", wrong)[0] == 400


def test_series_points_times_and_scores(desk: Desk) -> None:
    from urllib.parse import quote

    name = quote(desk.scene.windows.series, safe="")
    points = desk.get(f"/series/{name}/points?low=290&high=310")[1]
    assert points["values"][0].count(None) == 1
    assert desk.get(f"/series/{name}/times?at=0,300")[1]["times"] == [
        "2026-03-03T08:00:00.000Z",
        "2026-03-03T16:00:00.000Z",
    ]
    assert desk.get(f"/scores?series={name}&low=0&high=640")[1]["probability"]
    assert desk.get(f"/series/{name}/times?at=9999")[0] == 400
    assert desk.get("/series/nothing/points?low=0&high=9")[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"client": "x", "entries": []}', 400),
        (b'{"client": "client-of-test", "entries": [], "more": 1}', 400),
        (b'{"client": "client-of-test", "entries": [{"sequence": 0, "kind": "answer"}]}', 400),
        (b'{"client": "client-of-test", "entries": [{"sequence": 1, "kind": "drop"}]}', 400),
        (b" " * 1_000_001, 413),
    ],
)
def test_bad_input_is_told_in_one_form(desk: Desk, body: bytes, status: int) -> None:
    found, said, _ = desk.call("POST", "/log", body, None)
    assert found == status
    assert said["error"]["message"].startswith("expected")
    assert str(desk.scene.root) not in json.dumps(said)


def test_the_description_is_whole_and_every_route_is_described(desk: Desk) -> None:
    described = desk.get("/openapi.json")[1]
    routes = {path.removeprefix("/v1") for path in described["paths"]}
    assert {"/next", "/log", "/labels", "/scores", "/series", "/models", "/health", "/preview", "/windows"} <= routes
    for path in described["paths"].values():
        for one in path.values():
            assert one["description"]
            assert {"200", "401", "403", "429"} <= set(one["responses"])


def test_who_calls_too_often_is_told_when_to_go_on(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RL_TSAD_ACCESS__REQUESTS_PER_MINUTE", "3")
    desk = Desk(scene)
    try:
        statuses = [desk.get("/series") for _ in range(5)]
        assert [status for status, _, _ in statuses] == [200, 200, 200, 429, 429]
        assert int(statuses[-1][2]["retry-after"]) >= 1
    finally:
        desk.kill()


def test_answers_are_given_as_a_file_in_every_format(desk: Desk) -> None:
    _, held, _ = desk.post("/next", {"client": "client-of-test", "count": 1})
    desk.post("/log", log(entry(1, held["questions"][0]["item"])))
    viewer = desk.token(Role.VIEWER)
    for form in Form:
        status, content, told = desk.get(f"/labels/export?form={form}", viewer)
        name, expected = exported(desk.scene.ws, form)
        assert (form, status, content == expected) == (form, 200, True)
        assert told["content-disposition"] == f'attachment; filename="{name}"'
        assert told["content-type"].split(";")[0] in {"text/csv", "application/json", "application/zip"}
    assert desk.get("/labels/export?form=excel", viewer)[0] == 400
    assert desk.get("/labels/export?form=csv", "rlt_unknown")[0] == 401
    described = desk.get("/openapi.json")[1]["paths"]["/v1/labels/export"]["get"]["responses"]["200"]["content"]
    assert set(described) == {"text/csv", "application/json", "application/zip"}


def test_what_is_replied_to_a_control_and_to_a_question_is_alike(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RL_TSAD_ACTIVE__CONTROLS", "0.4")
    card = labeling.ask(scene.ws, "ann")
    assert card is not None
    labeling.tell(scene.ws, card.item.id, Answer.NORMAL, "ann", client="ann", sequence=1)
    sharing.set_control(scene.ws, people.local_visitor("boss"), card.item.key, Answer.NORMAL)
    desk = Desk(scene)
    try:
        bob = desk.token(Role.ANALYST)
        questions = desk.post("/next", {"client": "client-of-test", "count": 20}, bob)[1]["questions"]
        keys = [one["key"] for one in questions]
        assert card.item.key in keys
        assert len({frozenset(one) for one in questions}) == 1
        entries = [entry(number, one["item"]) for number, one in enumerate(questions, 1)]
        results = desk.post("/log", log(*entries), bob)[1]["results"]
        again = desk.post("/log", log(*entries), bob)[1]["results"]
        undone = [{"sequence": len(entries) + n, "kind": "undo", "undoes": n} for n in range(1, len(entries) + 1)]
        for one in (results, again, desk.post("/log", log(*undone), bob)[1]["results"]):
            assert {tuple(sorted((key, each[key]) for key in each if key != "sequence")) for each in one} == {
                (("message", ""), ("spread", None), ("status", "kept"))
            }
    finally:
        desk.kill()
