"""The chain on made-up judgements: a belief learns, files come back, the rule acts until a policy earned more."""

import dataclasses

import numpy as np
import pytest

from envs.costs import Costs
from rl_tsad.agent.alarms import AlarmRule
from rl_tsad.agent.belief import folds_of, form_belief
from rl_tsad.agent.chain import ChainConfig, choose_actor, halves, learn_chain, watch
from rl_tsad.agent.chain import Streams as Material
from rl_tsad.agent.control import Choice, choose_rule, default_rule, doubt_of, prices
from rl_tsad.agent.history import NAMES
from rl_tsad.agent.save_actor import load_actor, save_actor
from rl_tsad.agent.tune import lay_course
from rl_tsad.config import MEMBERS
from rl_tsad.decision_config import BeliefConfig, ControlConfig, CostConfig, PolicyConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.errors import CheckpointError, DataError
from rl_tsad.types import Targets, no_targets

QUICK = BeliefConfig(trees=10)
TINY = PolicyConfig(envs=8, rollout=8, batch=64, steps=256, hidden=(8,))


def made(name, windows=240, seed=0, shift=2.0, events=4):
    """A judgement whose features lean toward its events, and the truth."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(windows, np.int8)
    for low in rng.choice(np.arange(10, windows - 20, 30), events, replace=False):
        truth[low : low + rng.integers(2, 9)] = 1
    odd = (1 / (1 + np.exp(-(rng.normal(size=(windows, 3)) - 1.5 + shift * truth[:, None])))).astype(np.float32)
    members = np.repeat(odd[:, :1], len(MEMBERS), axis=1)
    keys = np.array([f"{name}:{8 * row}:64" for row in range(windows)])
    judgement = Judgement(keys, odd, ("a", "b", "c"), members, odd[:, 0], odd[:, 1], odd[:, 2], odd, odd, 0 * odd[:, 0])
    return judgement, truth


@pytest.fixture(scope="module")
def rehearsal():
    pairs = [made(f"a~{copy}", seed=10 + copy) for copy in range(4)]
    return Rehearsal(tuple(one for one, _ in pairs), tuple(truth for _, truth in pairs))


def answered(judgement, truth, rows):
    rows = np.asarray(rows)
    return Targets(judgement.keys[rows], truth[rows], np.ones(len(rows), np.float32), np.full(len(rows), "human"))


def test_a_long_event_does_not_make_the_usual_odd(rehearsal):
    """Somebody marks thirty windows around an event of a few: what lies around it looks as usual."""
    judgement, truth = made("a", windows=480)
    event = int(np.flatnonzero(truth == 1)[0])
    rows = np.append(np.arange(max(event - 14, 0), event + 16), np.arange(300, 310))
    marked = np.where(rows < 300, 1, truth[rows]).astype(np.int8)
    told = Targets(judgement.keys[rows], marked, np.ones(len(rows), np.float32), np.full(len(rows), "human"))
    usual = np.setdiff1d(np.flatnonzero(truth == 0), rows)
    logits = {}
    for oddest in (8, 1000):
        config = dataclasses.replace(QUICK, oddest=oddest)
        logits[oddest] = form_belief([judgement], told, halves(rehearsal)[0], config, seed=0).pool
    assert (logits[8][usual] > 0).mean() < 0.5 * (logits[1000][usual] > 0).mean()
    assert auc(truth[310:], logits[8][310:]) > 0.9


def auc(truth, score):
    return float((score[truth == 1][:, None] > score[truth == 0]).mean())


def test_written_events_alone_teach_a_belief(rehearsal):
    judgement, truth = made("a")
    formed = form_belief([judgement], no_targets(), halves(rehearsal)[0], QUICK, seed=0)
    assert formed.belief.trust == 0
    assert auc(truth, formed.pool) > 0.9
    assert np.abs(formed.pool).max() <= 10
    np.testing.assert_array_equal(formed.pool, formed.belief.logits([judgement]))


def test_what_an_answered_window_says_of_itself_is_no_echo(rehearsal):
    """With answers turned upside down, the committee believes them, but the pool's logits of the answered do not."""
    judgement, truth = made("a")
    wrong = answered(judgement, 1 - truth, np.arange(0, 240, 6))
    formed = form_belief([judgement], wrong, halves(rehearsal)[0], dataclasses.replace(QUICK, folds=2), seed=0)
    rows, echo = np.arange(0, 240, 6), formed.belief.logits([judgement])
    others = np.setdiff1d(np.arange(240), rows)
    np.testing.assert_array_equal(formed.pool[others], echo[others])
    assert auc(1 - truth[rows], echo[rows]) > auc(1 - truth[rows], formed.pool[rows])


def test_answers_raise_the_committees_weight_and_the_ranking(rehearsal):
    judgement, truth = made("a", shift=1.2)
    other, known = made("b", seed=5, shift=1.2)
    none = form_belief([judgement], no_targets(), halves(rehearsal)[0], QUICK, seed=0)
    some = form_belief([judgement], answered(judgement, truth, np.arange(200)), halves(rehearsal)[0], QUICK, seed=0)
    assert some.belief.trust > 0.9
    assert auc(known, some.belief.logits([other])) > auc(known, none.belief.logits([other])) - 0.02


def test_answers_of_one_kind_alone_are_not_trusted(rehearsal):
    judgement, _ = made("a")
    every = np.arange(0, 240, 2)
    for kind in (0, 1):
        told = answered(judgement, np.full(240, kind, np.int8), every)
        assert form_belief([judgement], told, halves(rehearsal)[0], QUICK, seed=0).belief.trust == 0


def test_answers_are_trusted_more_slowly_where_there_are_more_series(rehearsal):
    (judgement, truth), others = made("a"), [made(name, seed=seed)[0] for seed, name in enumerate("bc", 1)]
    told = answered(judgement, truth, np.arange(100))
    alone, among = (
        form_belief(pool, told, halves(rehearsal)[0], QUICK, seed=0).belief.trust
        for pool in ([judgement], [judgement, *others])
    )
    assert alone == pytest.approx(100 / 101)
    assert among == pytest.approx(100 / 103)


def test_other_prices_move_the_default_level_by_a_share():
    dear, usual = Costs(opening=4.0), ControlConfig()
    assert 0 < default_rule(usual, dear).on < default_rule(ControlConfig(moved=1.0), dear).on
    assert default_rule(ControlConfig(moved=0.0), dear) == default_rule(usual, Costs()) == default_rule(usual)


def test_spread_answers_count_only_where_they_are_wanted(rehearsal):
    judgement, truth = made("a")
    told = answered(judgement, truth, np.arange(100))
    spread = dataclasses.replace(told, source=np.full(100, "propagated"))
    form = [
        form_belief([judgement], spread, halves(rehearsal)[0], BeliefConfig(trees=5, spread=on), seed=0)
        for on in (False, True)
    ]
    assert form[0].belief.trust == 0 < form[1].belief.trust


def test_nothing_to_learn_from_is_told():
    judgement, _ = made("a")
    with pytest.raises(DataError, match="expected written events, or answers of both kinds"):
        form_belief([judgement], no_targets(), Rehearsal((), ()), QUICK, seed=0)


def test_folds_keep_neighbours_together():
    rows = np.array([3, 4, 5, 9, 10, 20, 21])
    episode = np.array([0] * 21 + [1] * 9)
    parts = folds_of(rows, episode, 3, np.random.default_rng(0))
    home = {row: number for number, part in enumerate(parts) for row in part.tolist()}
    assert home[3] == home[4] == home[5]
    assert home[9] == home[10]
    assert sorted(home) == rows.tolist()


def test_a_policy_sees_the_rule_last(rehearsal):
    judgement, _ = made("a")
    logits, alarm = np.zeros(240, np.float32), np.arange(240) % 2 == 0
    data = watch([judgement], logits, alarm)
    assert data.width == len(NAMES) + len(MEMBERS) + 2
    assert data.observations[:2, -1].tolist() == [1.0, -1.0]
    assert (data.target == -1).all()


def test_before_answers_the_rule_acts_whatever_the_rehearsal_says(rehearsal):
    judgement, _ = made("a")
    config = ChainConfig(belief=QUICK, policy=dataclasses.replace(TINY, learning_rate=0.05))
    actor, metrics = learn_chain([judgement], no_targets(), rehearsal, config, seed=0)
    assert (actor.acts.name, actor.agent) == ("rule", None)
    assert {"rule/default", "actor/doubt"} <= set(metrics)
    assert actor.acts.why() == "rule acts, as there is no answered event yet that the policy did not learn on"


def test_an_untrained_policy_is_the_rule(rehearsal):
    judgement, truth = made("a")
    told = answered(judgement, truth, np.arange(120))
    config = ChainConfig(
        belief=QUICK, control=ControlConfig(actor="policy"), policy=dataclasses.replace(TINY, leave=1e3)
    )
    led, _ = learn_chain([judgement], told, rehearsal, config, seed=0)
    alone, _ = learn_chain(
        [judgement], told, rehearsal, dataclasses.replace(config, control=ControlConfig(actor="rule")), seed=0
    )
    assert led.agent is not None
    assert alone.agent is None
    np.testing.assert_array_equal(led.decide([judgement]).verdict, alone.decide([judgement]).verdict)


def test_an_actor_comes_back_from_its_files(rehearsal, tmp_path):
    judgement, truth = made("a")
    config = ChainConfig(belief=QUICK, control=ControlConfig(actor="policy"), policy=TINY)
    actor, _ = learn_chain([judgement], answered(judgement, truth, np.arange(120)), rehearsal, config, seed=0)
    for name in ("one", "two"):
        save_actor(actor, tmp_path / name)
    back = load_actor(tmp_path / "one")
    before, after = actor.decide([judgement]), back.decide([judgement])
    np.testing.assert_array_equal(after.verdict, before.verdict)
    np.testing.assert_array_equal(after.probability, before.probability)
    assert (back.rule, back.acts, back.chosen) == (actor.rule, actor.acts, actor.chosen)
    files = [sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("one", "two")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


@pytest.mark.parametrize("name", ["committee.skops", "belief.json", "actor.json"])
def test_a_damaged_actor_is_refused(rehearsal, tmp_path, name):
    judgement, _ = made("a")
    config = ChainConfig(belief=QUICK, control=ControlConfig(actor="rule"))
    save_actor(learn_chain([judgement], no_targets(), rehearsal, config, seed=0)[0], tmp_path)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match="train again"):
        load_actor(tmp_path)


def answered_streams(alarm):
    """Streams whose windows are all answered and held out, with a rule's alarm; and the answers."""
    judgement, truth = made("a", windows=1024, events=8)
    data = dataclasses.replace(
        watch([judgement], np.zeros(1024, np.float32), np.zeros(1024, bool)),
        target=truth,
        weight=np.ones(1024, np.float32),
    )
    return Material(data, alarm, np.full(1024, 2), np.ones(1024, bool)), truth


def test_a_policy_replaces_the_rule_only_beyond_doubt(rehearsal, monkeypatch):
    """Two policies on the same streams: one finds every event, the other opens everywhere."""
    streams, truth = answered_streams(np.zeros(1024, bool))
    for alarm, name in ((truth == 1, "policy"), (np.ones(1024, bool), "rule")):
        monkeypatch.setattr("rl_tsad.agent.chain._alarm_of", lambda agent, streams, alarm=alarm: alarm)
        choice = choose_actor(None, streams, prices(CostConfig()), ControlConfig(), np.random.default_rng(0))
        assert choice.name == name


def test_a_policy_that_is_merely_quieter_never_acts(monkeypatch):
    """It earns more, as nearly all that the rule flags is false, and misses one of the answered events."""
    streams, truth = answered_streams(np.ones(1024, bool))
    first = np.flatnonzero(truth == 1)[0]
    quiet = (truth == 1) & (np.arange(1024) > first + 20)
    for alarm, name in ((quiet, "rule"), (truth == 1, "policy")):
        monkeypatch.setattr("rl_tsad.agent.chain._alarm_of", lambda agent, streams, alarm=alarm: alarm)
        choice = choose_actor(None, streams, prices(CostConfig()), ControlConfig(), np.random.default_rng(0))
        assert choice.earned["policy"] > choice.earned["rule"]
        assert choice.name == name
        assert ("found fewer events" in choice.why()) == (name == "rule")


def test_an_answered_window_teaches_by_both_views(rehearsal):
    """What only the detector that learnt on the pool shows of it is learnt too."""
    clear, truth = made("a")
    noise, _ = made("a", shift=0.0)
    later, wanted = made("b", seed=7)
    mine, told = halves(rehearsal)[0], answered(clear, truth, np.arange(240))
    quiet = dataclasses.replace(QUICK, written_weight=1e-3)
    blind = form_belief([noise], told, mine, quiet, seed=0).belief.logits([later])
    both = form_belief([noise], told, mine, quiet, seed=0, seen=[clear]).belief.logits([later])
    assert auc(wanted, both) > auc(wanted, blind)
    again = form_belief([noise], told, mine, quiet, seed=0, seen=[clear]).belief.logits([later])
    np.testing.assert_array_equal(both, again)


def test_few_events_are_not_enough_for_a_policy_to_act(monkeypatch):
    """However much it earns on them: on three events a bootstrap has no doubt."""
    streams, truth = answered_streams(np.zeros(1024, bool))
    begins = np.flatnonzero(np.diff(truth, prepend=0) == 1)
    assert len(begins) > 5
    for many, name in ((3, "rule"), (5, "policy")):
        known = np.where(np.arange(1024) < begins[many], streams.data.target, 0).astype(np.int8)
        told = dataclasses.replace(streams, data=dataclasses.replace(streams.data, target=known))
        monkeypatch.setattr("rl_tsad.agent.chain._alarm_of", lambda agent, streams, alarm=known == 1: alarm)
        choice = choose_actor(None, told, prices(CostConfig()), ControlConfig(), np.random.default_rng(0))
        assert choice.name == name
        assert ("3 answered events that the policy did not learn on are few" in choice.why()) == (many == 3)


def test_a_tuned_rule_must_earn_more_where_it_was_not_tuned():
    rng = np.random.default_rng(0)
    truth = np.zeros(4000, np.int8)
    for low in range(20, 3980, 100):
        truth[low : low + 10] = 1
    belief = (rng.normal(size=4000) + np.where(truth == 1, 1.0, -3.0)).astype(np.float32)
    episode, weight = np.zeros(4000, np.int64), np.ones(4000, np.float32)
    course = lay_course(belief, truth, weight, episode, costs=prices(CostConfig()))
    rule, choice = choose_rule(course, ControlConfig(rule="best", on=4.0), rng, events=40)
    assert choice.name != "default"
    assert choice.doubt <= 0.05
    assert isinstance(rule, AlarmRule)
    noise = lay_course(rng.normal(size=4000).astype(np.float32), truth, weight, episode, costs=prices(CostConfig()))
    assert choose_rule(noise, ControlConfig(rule="best", on=99.0), rng, events=40)[1].name == "default"
    assert choose_rule(course, ControlConfig(rule="best"), rng, events=0)[1].name == "default"


def test_doubt_is_a_share_of_paired_samples():
    rng = np.random.default_rng(0)
    assert doubt_of(np.array([1.0, -1.0] * 50), rng) == pytest.approx(0.5, abs=0.1)
    assert doubt_of(np.empty(0), rng) == 1.0
    assert "doubt" not in Choice("rule", {"rule": 1.0}, 1.0).why()
