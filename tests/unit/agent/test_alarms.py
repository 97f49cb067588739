"""Alarm rules: each number does what it says; the search finds what pays and keeps quiet where nothing does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.costs import Costs
from envs.ledger import Ledger
from rl_tsad.agent.alarms import KINDS, AlarmRule, Latch, lay_streams, run_rule
from rl_tsad.agent.history import NAMES, history
from rl_tsad.agent.tune import earned, earned_by, lay_course, tune_rules
from rl_tsad.errors import ConfigError


def run(rule, belief):
    return run_rule(rule, np.array(belief, np.float32), np.zeros(len(belief), np.int64)).astype(int).tolist()


def course_of(belief, truth, episode=None, costs=None):
    belief, truth = np.asarray(belief, np.float32), np.asarray(truth, np.int8)
    episode = np.zeros(len(truth), np.int64) if episode is None else np.asarray(episode)
    return lay_course(belief, truth, np.ones(len(truth), np.float32), episode, costs=costs or Costs())


def test_a_threshold_opens_above_and_closes_at_or_below():
    assert run(AlarmRule(on=1.0), [0, 1, 2, 1, 2]) == [0, 0, 1, 0, 1]


def test_hysteresis_holds_between_its_levels():
    assert run(AlarmRule("hysteresis", on=1.0, off=2.0), [0, 2, 0, -0.5, -1.5, 0]) == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"confirm": 2}, [0, 0, 1, 0, 0, 0, 0, 0]),
        ({"hold": 3}, [1, 1, 1, 0, 0, 1, 1, 1]),
        ({"patience": 2}, [1, 1, 1, 1, 0, 1, 1, 0]),
        ({"pause": 3}, [1, 1, 1, 0, 0, 0, 0, 0]),
    ],
)
def test_each_number_does_what_it_says(numbers, expected):
    belief = [2, 2, 2, 0, 0, 2, 0, 0]
    if "confirm" in numbers:
        belief = [2, 0, 2, 0, 0, 2, 0, 0]
        belief[1] = 2
        expected = [0, 1, 1, 0, 0, 0, 0, 0]
    assert run(AlarmRule("hysteresis", on=1.0, **numbers), belief) == expected


def test_cusum_adds_up_what_lies_above_the_drift_and_forgets_below_zero():
    assert run(AlarmRule("cusum", on=1.5, drift=1.0), [2, 2, 0, 0, 2, 2]) == [0, 1, 0, 0, 0, 1]


def test_a_hidden_state_needs_evidence_that_lasts_where_events_are_rare():
    rare = AlarmRule("hmm", on=0.0, enter=1e-3, leave=0.1)
    often = AlarmRule("hmm", on=0.0, enter=0.2, leave=0.1)
    belief = [-2, 3, 3, 3, -2]
    assert run(rare, belief)[1] == 0
    assert run(rare, belief)[3] == 1
    assert run(often, belief)[1] == 1


def test_an_unknown_kind_is_told():
    with pytest.raises(ConfigError, match="expected a kind of alarm rule"):
        AlarmRule("magic")  # type: ignore[arg-type]


def test_episodes_of_unlike_length_run_side_by_side_as_alone():
    rng = np.random.default_rng(0)
    lengths = [5, 17, 1, 17, 9]
    episode = np.repeat(np.arange(5), lengths)
    belief = rng.normal(size=len(episode)).astype(np.float32)
    for kind in KINDS:
        rule = AlarmRule(kind, on=0.2, off=0.3, patience=2, memory=3)
        together = run_rule(rule, belief, episode)
        for number in range(5):
            own = episode == number
            assert together[own].tolist() == run_rule(rule, belief[own], episode[own]).tolist()
    assert lay_streams(episode).length.tolist() == [17, 17, 9, 5, 1]


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    off=st.floats(0, 2),
    counts=st.tuples(*[st.integers(1, 4)] * 3),
)
def test_many_rules_at_once_are_each_rule_alone(kind, seed, off, counts):
    rng = np.random.default_rng(seed)
    truth = (rng.random(60) < 0.2).astype(np.int8)
    course = course_of(rng.normal(size=60), truth, np.repeat([0, 1], [40, 20]))
    on = np.array([-0.5, 0.0, 0.7])
    confirm, hold, patience = counts
    numbers = {"off": off, "confirm": confirm, "hold": hold, "patience": patience}
    many = earned(AlarmRule(kind, on=on[:, None], **numbers), course, rules=3)
    for place, level in enumerate(on.tolist()):
        alone = AlarmRule(kind, on=level, **numbers)
        np.testing.assert_allclose(many[place], earned(alone, course)[0])
        np.testing.assert_allclose(many[place], earned_by(run_rule(alone, course.belief, course.episode), course))
        np.testing.assert_allclose(many[place].sum(), earned(alone, course, block=7).sum())


def test_blocks_are_the_ledgers_own_account():
    rng = np.random.default_rng(1)
    truth, alarm = (rng.random(50) < 0.2).astype(np.int8), rng.random(50) < 0.3
    course = course_of(np.zeros(50), truth)
    ledger = Ledger(course.table, course.costs, ())
    paid = [float(ledger.step(row, alarm[row])) for row in range(50)]
    blocks = earned_by(alarm, course, block=8)
    np.testing.assert_allclose(blocks, [sum(paid[low : low + 8]) for low in range(0, 50, 8)])


def test_the_search_finds_a_level_that_pays_and_keeps_quiet_where_none_does():
    rng = np.random.default_rng(0)
    truth = np.zeros(3000, np.int8)
    for low in range(50, 2950, 60):
        truth[low : low + 8] = 1
    telling = course_of(rng.normal(size=3000) + 4.0 * truth - 7.0, truth)
    found = tune_rules(telling, np.random.default_rng(0), kinds=["threshold", "hysteresis"], candidates=32)
    assert -6 < found["threshold"].rule.on < -3
    assert all(one.utility.sum() > 0 for one in found.values())
    assert found["hysteresis"].tried == 3 * 4 * 32
    dear = Costs(opening=5.0, miss=0.01, found=0.01)
    silent = tune_rules(course_of(rng.normal(size=3000), truth, costs=dear), np.random.default_rng(0), candidates=16)
    for one in silent.values():
        assert earned(one.rule, course_of(rng.normal(size=3000), truth, costs=dear)).sum() > -2.0


def test_history_looks_back_only_and_stays_within_its_episode():
    rng = np.random.default_rng(0)
    belief, episode = rng.normal(size=400).astype(np.float32), np.repeat([0, 1], 200)
    whole = history(belief, episode)
    assert whole.shape == (400, len(NAMES))
    changed = belief.copy()
    changed[150:] = 7.0
    np.testing.assert_array_equal(history(changed, episode)[:150], whole[:150])
    np.testing.assert_allclose(history(belief[200:], episode[200:]), whole[200:])


def test_history_says_what_its_names_say():
    belief = np.random.default_rng(0).normal(size=120).astype(np.float32)
    last = dict(zip(NAMES, history(belief, np.zeros(120, np.int64))[-1].tolist(), strict=True))
    assert last["belief"] == belief[-1]
    assert last["lag 10"] == belief[-11]
    assert last["highest 20"] == belief[-20:].max()
    assert last["lowest 5"] == belief[-5:].min()
    assert last["share above 0"] == pytest.approx((belief[-10:] > 0).mean())
    assert last["deviation"] == pytest.approx(belief[-50:].std(), rel=1e-4)
    total = 0.0
    for number in belief:
        total = max(total + float(number) - 0.5, 0.0)
    assert last["cusum"] == pytest.approx(total, abs=1e-4)


def test_a_latch_goes_on_with_the_streams_that_are_left():
    latch = Latch(AlarmRule(on=0.0), (3,))
    latch.step(np.array([1.0, -1.0, 1.0]))
    latch.keep(2)
    assert latch.step(np.array([1.0, 1.0])).tolist() == [True, True]
