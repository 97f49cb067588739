import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.active.graph import build_graph
from rl_tsad.active.propagate import SILENT, Spreading
from rl_tsad.active.trust import Checks, Trust, check_answers, learn_trust, spread
from rl_tsad.errors import ConfigError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN


def two_groups(seed=0):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(size=(300, 4)), rng.normal(size=(30, 4)) * 0.7 + 9]).astype(np.float32)
    return build_graph(points, np.array([f"s{row}:0:64" for row in range(330)]))


def singly(flows):
    return [np.array([row]) for row in flows]


def told(graph, flows, **settings_):
    return spread(graph, flows, singly(flows), **settings_)


def blank():
    return Spreading(two_groups())


def checks(lean, confidence, truth):
    return Checks(
        np.array(lean, np.int8), np.array(confidence, np.float32), np.array(truth, np.int8), np.ones(len(lean))
    )


def test_twenty_normals_do_not_make_the_unseen_group_normal():
    targets = told(two_groups(), dict.fromkeys(range(20), NORMAL)).targets
    assert (targets.source[300:] == "none").all()
    assert (targets.value == ANOMALY).sum() == 0
    assert 0 < (targets.source[:300] == "propagated").sum() < 280


def test_a_lonely_window_stays_unknown_among_normals():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(200, 4)), np.full((1, 4), 12.0)]).astype(np.float32)
    graph = build_graph(points, np.array([f"s{row}:0:64" for row in range(201)]))
    assert told(graph, dict.fromkeys(range(200), NORMAL)).targets.value[200] == UNKNOWN


def test_answers_in_both_groups_settle_each_its_own():
    targets = told(two_groups(), dict.fromkeys(range(90), NORMAL) | {300: ANOMALY, 301: ANOMALY}).targets
    settled, truth = targets.source == "propagated", np.arange(330) >= 300
    assert settled[truth].sum() > 5
    assert np.array_equal(targets.value[settled], truth[settled].astype(int))
    assert (targets.weight[settled] <= 1).all()
    assert (targets.weight[settled] > 0.5).all()
    assert (targets.weight[targets.source == "none"] == 0).all()


def test_where_look_alikes_are_answered_unlike_nothing_is_settled():
    rng = np.random.default_rng(3)
    answers = {row: int(rng.integers(2)) for row in range(0, 300, 3)}
    known = told(two_groups(), answers, confidence=0.1)
    assert known.trust.floors == (float("inf"), float("inf"))
    assert not (known.targets.source == "propagated").any()
    assert np.array_equal(known.targets.value[list(answers)], list(answers.values()))


def test_no_answer_settles_nothing():
    known = told(two_groups(), {})
    assert (known.targets.source == "none").all()
    assert len(known.checks) == 0
    assert known.trust.floors == (0.4, float("inf"))


def test_few_normal_answers_say_too_little_for_an_anomalous_label():
    few = told(two_groups(), {0: NORMAL, 1: NORMAL, 300: ANOMALY, 301: ANOMALY})
    assert few.trust.floors == (0.4, float("inf"))
    assert not (few.targets.value[302:] == ANOMALY).any()


def test_an_answer_is_left_out_with_all_its_windows():
    graph = two_groups()
    flows = dict.fromkeys(range(10), NORMAL)
    state = Spreading(graph)
    state.clamp(np.arange(10), np.zeros(10, int))
    kept = state.reach.copy()
    alone = check_answers(state, [np.arange(10)])
    assert (alone.lean == UNKNOWN).all()  # nobody else said anything
    assert np.array_equal(state.reach, kept)
    each = check_answers(state, singly(flows))
    assert (each.lean == NORMAL).mean() > 0.5
    assert each.weight.tolist() == [1.0] * 10
    pairs = check_answers(state, [np.arange(0, 5), np.arange(5, 10)])
    leaning = pairs.lean == NORMAL
    assert pairs.weight[leaning].sum() == pytest.approx(2.0)  # an answer is one witness


def test_silent_windows_are_neither_settled_nor_checked():
    graph = two_groups()
    known = spread(graph, {0: NORMAL, 1: SILENT}, [np.array([0]), np.array([1])])
    assert known.targets.value[1] == UNKNOWN
    assert len(known.checks) == 1


def test_the_floor_rises_above_what_was_wrong():
    seen = checks([0] * 12, [0.45, *np.linspace(0.5, 0.9, 11)], [1] + 11 * [0])
    trust = learn_trust(seen, blank(), precision=0.95, confidence=0.4)
    assert 0.45 < trust.floors[NORMAL] <= 0.5
    assert trust.precision[NORMAL] > 0.9
    luck = checks([0] * 8, np.linspace(0.5, 0.9, 8), 7 * [1] + [0])
    assert learn_trust(luck, blank(), precision=0.9, confidence=0.4).floors[NORMAL] == float("inf")
    low = learn_trust(seen, blank(), precision=0.5, confidence=0.4)
    assert low.floors[NORMAL] == 0.4


def test_equal_confidences_stand_or_fall_together():
    trust = learn_trust(checks([0] * 4, [0.5] * 4, [0, 0, 0, 1]), blank(), precision=0.9, confidence=0.4)
    assert trust.floors[NORMAL] == float("inf")
    assert trust.counts(np.array([1, 0, -1], np.int8), np.ones(3, np.float32)).tolist() == [-1, -1, -1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32), st.integers(0, 1)), max_size=40))
def test_what_counts_is_as_precise_as_wanted_by_its_own_estimate(rows):
    seen = checks(*(zip(*rows, strict=True) if rows else ([], [], [])))
    trust = learn_trust(seen, blank(), precision=0.8, confidence=0.3)
    assert trust.floors[ANOMALY] == float("inf")  # no window leans to it
    for label in (NORMAL,):
        kept = (seen.lean == label) & (seen.confidence >= trust.floors[label])
        right = (seen.truth[kept] == label).sum()
        assert trust.floors[label] >= 0.3
        if kept.any():
            assert trust.precision[label] >= 0.8 - 1e-6
            assert right > 0


def test_wrong_settings_are_explained():
    with pytest.raises(ConfigError, match="confidence in"):
        Trust.plain(2.0)
    with pytest.raises(ConfigError, match="precision in"):
        learn_trust(checks([], [], []), blank(), precision=2.0, confidence=0.4)
