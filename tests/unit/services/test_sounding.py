import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from db import versions
from rl_tsad.data.habits import NOTED
from rl_tsad.data.windows import make_windows
from rl_tsad.errors import CheckpointError, ConfigError, LanguageError
from rl_tsad.language.cache import Spent
from rl_tsad.language.local_model import load_local_model
from rl_tsad.language_config import AskingConfig, LanguageConfig
from rl_tsad.services.foundation import foundation_digest, prepare
from rl_tsad.services.reporting import report_workspace
from rl_tsad.services.retraining import retrain
from rl_tsad.services.scoring import load_model
from rl_tsad.services.sounding import (
    ledger_of,
    metrics_of,
    plan,
    sentence_of,
    shows_values,
    sound,
    spent_in_all,
    taught,
    try_language,
    with_severity,
)
from rl_tsad.services.workspace import list_series
from rl_tsad.types import Targets

pytestmark = pytest.mark.slow


def told(workspace, **language):
    """The same workspace with other settings of the language model."""
    settings = workspace.settings.model_copy(update={"language": LanguageConfig(**language)})
    return replace(workspace, settings=settings)


def server(language_server, **asking):
    limits = AskingConfig(**{"calls": 6, "retries": 0, "timeout": 60.0, **asking})
    return {"backend": "server", "model": "tiny", "url": language_server.url, "asking": limits}


def script(language_server, *severities):
    language_server.plan(*(f'babble {{"reason": "as told", "severity": {severity}}}' for severity in severities))


def test_answers_of_a_server_reach_the_belief_and_cost_is_told(trained, language_server):
    script(language_server, *[0.9] * 6)
    workspace = told(trained, **server(language_server, price_in=2.0, price_out=8.0))
    foundation = prepare(workspace)
    sounding = sound(workspace, foundation)
    assert sounding.severity.shape == (len(foundation.keys),)
    ledger = sounding.ledger
    assert (ledger["questions"], ledger["answered"], ledger["spent"]["calls"], ledger["stopped"]) == (6, 6, 6, "")
    assert ledger["money"] == pytest.approx(6 * (10 * 2 + 5 * 8) / 1e6)
    assert metrics_of(ledger)["language/tokens_in"] == 60
    column = NOTED.index("severity")
    seen = np.concatenate([one.notes[:, column] for one in with_severity(foundation, sounding).judgements])
    by_rule = np.concatenate([one.notes[:, column] for one in foundation.judgements])
    assert np.array_equal(seen, sounding.apart)
    assert not np.array_equal(seen, sounding.severity)  # no window knows what was said of itself
    assert not np.array_equal(seen, by_rule)
    assert (seen >= by_rule - 1e-6)[by_rule <= 0.9].all()

    version = retrain(workspace)
    assert version.metrics["language/calls"] == 6
    told_of = sentence_of(ledger_of(workspace, version))
    assert told_of.startswith("6 of 6 questions answered (0 from the cache, 6 calls in ")
    said = "in all 6 calls, 90 tokens, cost 0.00036"
    assert said in told_of
    assert spent_in_all(workspace) == Spent(6, 60, 30)
    _, report = report_workspace(trained, trained.reports, budgets=(0,))  # whatever the settings say meanwhile
    assert said in report.read_text()
    assert len(language_server.seen()["seen"]) == 6  # nothing was asked again


def test_a_later_file_inherits_what_was_said_without_a_language_model(trained, language_server):
    script(language_server, *[0.9, 0.05] * 3)
    workspace = told(trained, **server(language_server))
    retrain(workspace)
    foundation = prepare(workspace)
    wanted = sound(workspace, foundation).severity
    model = load_model(workspace)
    column = NOTED.index("severity")
    for name, rows in foundation.rows_by_series().items():
        series = foundation.series_as_judged(workspace, name)
        judged = model.detector.judge(series, make_windows(series, workspace.settings.window))
        known = foundation.judgements[foundation.names.index(name)]
        free = known.excused == 0
        assert judged.notes[free, column] == pytest.approx(wanted[rows][free], abs=2e-3)
    calls = len(language_server.seen()["seen"])
    assert calls == 6
    retrain(told(trained, backend="statistics"))
    assert load_model(trained).detector.heard is None


def test_readings_stay_here_unless_the_server_is_here_or_they_may_go(trained, language_server):
    workspace = told(trained, **server(language_server))
    near = plan(workspace)
    far = plan(told(trained, **{**server(language_server), "values": "keep"}))
    assert all("Readings in time order" in question[-1].text for question in near.questions)
    assert not any("Readings in time order" in question[-1].text for question in far.questions)
    assert language_server.seen()["seen"] == []
    assert shows_values(LanguageConfig(backend="server", url="http://127.0.0.1:1/v1"))
    assert not shows_values(LanguageConfig(backend="server", url="https://api.example.com/v1"))
    assert shows_values(LanguageConfig(backend="server", url="https://api.example.com/v1", values="send"))
    assert not shows_values(LanguageConfig(backend="local", values="keep"))


def test_only_the_pool_is_asked_about(trained, language_server):
    workspace = told(trained, **server(language_server, calls=30))
    foundation = prepare(workspace)
    first = min(
        int(foundation.spans[rows][foundation.part[rows] == 2][:, 0].min())
        for rows in foundation.rows_by_series().values()
    )
    series = foundation.series_as_judged(workspace, foundation.names[0])
    tests_begin = str(series.times[first])[:16].replace("T", " ")
    for question in plan(workspace).questions:
        begins = question[-1].text.split("Window: ")[1].split(" ", 1)[1][:16]
        assert begins < tests_begin


def test_a_silent_server_stops_no_training_and_is_asked_again_the_next_time(trained, language_server):
    language_server.plan('babble {"reason": "a", "severity": 0.9}', *["status 500"] * 9)
    workspace = told(trained, **server(language_server, at_once=1))
    version = retrain(workspace)
    said = sentence_of(ledger_of(workspace, version))
    assert (
        "3 without a reply; ended early: the language model is silent; last trouble: expected a reply of tiny" in said
    )
    assert version.metrics["language/answered"] == 1
    script(language_server, *[0.2] * 9)
    foundation = prepare(workspace)
    ledger = sound(workspace, foundation).ledger
    assert (ledger["hits"], ledger["answered"], ledger["silent"], ledger["stopped"]) == (1, 6, 0, "")
    assert ledger["total"]["calls"] == 6  # what the server refused cost nothing
    assert sound(workspace, foundation).ledger == ledger
    language_server.plan(*["status 500"] * 2)
    few = told(trained, **server(language_server, calls=2, at_once=1, reply_tokens=200))
    assert sound(few, foundation).ledger["answered"] == 2
    other = told(trained, **server(language_server, calls=2, at_once=1), about="a pump")
    assert sound(other, foundation).ledger["silent"] == 2
    script(language_server, *[0.2] * 2)
    assert sound(other, foundation).ledger["answered"] == 2  # even after fewer silent calls than end a round


def test_without_any_reply_the_rule_stands(trained, language_server):
    language_server.plan(*["status 503"] * 9)
    workspace = told(trained, **server(language_server))
    foundation = prepare(workspace)
    sounding = sound(workspace, foundation)
    column = NOTED.index("severity")
    by_rule = np.concatenate([one.notes[:, column] for one in foundation.judgements])
    assert sounding.severity == pytest.approx(by_rule, abs=1e-5)
    assert sounding.ledger["answered"] == 0


def test_another_model_or_budget_costs_no_new_detector_and_known_replies_are_free(trained, language_server):
    script(language_server, *[0.5] * 20)
    few = told(trained, **server(language_server))
    before = prepare(few)
    sound(few, before)
    more = told(trained, **server(language_server, calls=9))
    after = prepare(more)
    assert after.folder == before.folder
    ledger = sound(more, after).ledger
    assert (ledger["hits"], ledger["spent"]["calls"], ledger["total"]["calls"]) == (6, 3, 9)
    script(language_server)
    faster = told(trained, **server(language_server, calls=9, at_once=2, timeout=7.0, retries=1))
    assert sound(faster, after).ledger == ledger
    assert language_server.seen()["seen"] == []


def test_other_weights_in_the_same_folder_are_another_model(trained, tiny_writer, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = tmp_path / "model"
    shutil.copytree(tiny_writer, folder)
    limits = AskingConfig(calls=1, reply_tokens=800)
    workspace = told(trained, backend="local", model=str(folder), device="cpu", asking=limits)
    foundation = prepare(workspace)
    before = sound(workspace, foundation)
    network = AutoModelForCausalLM.from_pretrained(folder)
    network.lm_head.weight.data *= -1
    network.save_pretrained(folder)
    load_local_model.cache_clear()
    after = sound(workspace, foundation)
    assert (after.ledger["hits"], after.ledger["spent"]["calls"]) == (0, after.ledger["total"]["calls"])
    assert after.name != before.name


def test_notes_are_read_by_the_same_model_whoever_is_asked(trained, language_server):
    noted = {**server(language_server), "notes": ("maintenance stops are normal",)}
    records = list_series(trained)
    digests = {
        foundation_digest(records, told(trained, **{**noted, "model": model}).settings) for model in ("one", "other")
    }
    assert len(digests) == 1


def test_a_local_model_judges_windows_too(trained, tiny_writer):
    limits = AskingConfig(calls=2, reply_tokens=800)
    workspace = told(trained, backend="local", model=str(tiny_writer), device="cpu", asking=limits)
    ledger = sound(workspace, prepare(workspace)).ledger
    assert (ledger["answered"], ledger["stopped"]) == (2, "")


def test_a_missing_model_shows_before_the_work(trained, tmp_path):
    with pytest.raises(ConfigError, match="expected a causal language model"):
        retrain(told(trained, backend="local", model=str(tmp_path / "nowhere")))
    with pytest.raises(ConfigError, match="expected the address of a server"):
        retrain(told(trained, backend="server", model="any"))


def test_damaged_severities_are_explained(trained):
    foundation = prepare(trained)
    sound(trained, foundation)
    (kept,) = (foundation.folder / "severities").glob("*/severity.npy")
    kept.write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="delete that folder and train again"):
        sound(trained, foundation)


def test_a_question_may_be_tried_out(language_server, tiny_writer):
    script(language_server, 0.85)
    config = LanguageConfig(**server(language_server))
    name, said, _ = try_language(config)
    assert name == f"tiny at {language_server.url}"
    assert said.startswith("severity 0.85 for an extreme spike; 10 tokens read, 5 written")
    language_server.plan("babble high")
    with pytest.raises(LanguageError, match="expected JSON of the form Verdict"):
        try_language(config)
    assert "numbers" in try_language(LanguageConfig())[1]


def test_no_key_prompt_or_reading_is_left_in_the_workspace(trained, language_server, monkeypatch):
    monkeypatch.setenv("RL_TSAD_API_KEY", "sk-planted-secret-7731")
    script(language_server, *[0.9] * 6)
    workspace = told(trained, **server(language_server), about="planted words of the operator")
    version = retrain(workspace)
    report_workspace(workspace, workspace.reports, budgets=(0,))
    call = language_server.seen()["seen"][0]
    assert "sk-planted-secret-7731" in call["key"]
    row = next(line for line in call["body"]["messages"][1]["content"].splitlines() if "(usually" in line)
    prompt = row.split(": ")[1][:60].encode()
    for path in workspace.root.rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            assert b"sk-planted-secret-7731" not in kept, path
            assert prompt not in kept, path
    assert "7731" not in json.dumps(version.metrics)
    with workspace.store.read() as session:
        assert versions.current(session) is not None


def test_replies_teach_only_where_asked_to_and_people_have_the_last_word(trained, language_server):
    script(language_server, *[0.9, 0.1, 0.5] * 2)
    workspace = told(trained, **server(language_server))
    plain = retrain(workspace)
    assert plain.metrics["language/taught"] == 0
    teaching = told(trained, **server(language_server), teach=0.5)
    version = retrain(teaching)
    foundation = prepare(teaching)
    sounding = sound(teaching, foundation)
    kept = {
        name: np.load(teaching.model_folder(version) / f"targets_{name}.npy", allow_pickle=False)
        for name in ("keys", "value", "weight", "source")
    }
    own = kept["source"] == "language"
    assert version.metrics["language/taught"] == own.sum() == 4  # who says .5 says nothing
    assert set(kept["keys"][own]) <= set(foundation.keys[sounding.rows])
    assert kept["weight"][own] == pytest.approx([0.4] * 4)
    assert sorted(kept["value"][own].tolist()) == [0, 0, 1, 1]
    assert version.metrics["questions"] == 0  # no person was asked

    key = str(kept["keys"][own][0])
    answer = np.array([1 - kept["value"][own][0]], np.int8)
    people = Targets(np.array([key]), answer, np.ones(1, np.float32), np.array(["human"]))
    both = taught(foundation, sounding, people, 0.5)
    assert both.keys.tolist().count(key) == 1
    assert both.source[both.keys == key].tolist() == ["human"]
    assert both.value[both.keys == key].tolist() == answer.tolist()
