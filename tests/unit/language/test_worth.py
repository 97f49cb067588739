import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rl_tsad.data.habits import learn_habit, take_notes
from rl_tsad.data.scaling import Scale
from rl_tsad.language.worth import inherit, shapes, worth_asking

COORDINATES = st.floats(-50, 50, width=32)


@given(arrays(np.float32, (12, 3), elements=COORDINATES), arrays(np.float32, 12, elements=st.floats(0, 1, width=32)))
@settings(max_examples=50, deadline=None)
def test_nothing_is_picked_twice_and_a_larger_budget_picks_the_same_first(points, severity):
    most = worth_asking(points, severity, 12)
    assert len(set(most.tolist())) == len(most)
    for few in range(1, len(most)):
        assert worth_asking(points, severity, few).tolist() == most[:few].tolist()


def test_copies_are_asked_about_once():
    points = np.repeat(np.array([[0.0, 1.0], [5.0, 5.0]], np.float32), 50, axis=0)
    assert len(worth_asking(points, np.full(100, 0.5, np.float32), 100)) == 2


def test_the_uncertain_come_before_the_certain():
    points = np.array([[0.0], [10.0], [-10.0]], np.float32)
    assert worth_asking(points, np.array([0.0, 0.9, 0.5], np.float32), 2).tolist() == [2, 1]


def test_nothing_to_choose_from_is_no_question():
    assert worth_asking(np.empty((0, 3), np.float32), np.empty(0, np.float32), 5).tolist() == []


@given(
    arrays(np.float32, (15, 2), elements=COORDINATES),
    arrays(np.float32, 4, elements=st.floats(0, 1, width=32)),
    arrays(np.float32, 15, elements=st.floats(0, 1, width=32)),
)
@settings(max_examples=50, deadline=None)
def test_what_is_inherited_lies_between_answers_and_rule(points, answers, prior):
    given_ = inherit(points, points[:4], answers, prior)
    low, high = min(answers.min(), prior.min()), max(answers.max(), prior.max())
    assert np.all((given_ >= low - 1e-6) & (given_ <= high + 1e-6))


def test_an_answer_holds_for_its_window_and_fades_with_distance():
    points = np.array([[0.0], [0.2], [0.5], [40.0]], np.float32)
    found = inherit(points, points[:1], np.array([1.0], np.float32), np.zeros(4, np.float32))
    assert found[0] == pytest.approx(1.0)
    assert np.all(np.diff(found) < 0)
    assert found[3] == pytest.approx(0.0)


def test_without_answers_the_rule_stands():
    prior = np.array([0.2, 0.7], np.float32)
    assert inherit(
        np.zeros((2, 3), np.float32), np.zeros((0, 3), np.float32), np.zeros(0, np.float32), prior
    ).tolist() == (prior.tolist())


def test_look_alikes_are_close_whatever_their_channel_and_unit():
    values = np.random.default_rng(0).normal(size=(40, 32, 2)).astype(np.float32)
    values[7, 20:, 0] += 12
    values[8, 20:, 1] += 12
    values[9, 20:, 1] -= 12
    scale = Scale(np.array([0.0, 500.0]), np.array([1.0, 30.0]))
    values = (values * scale.spread + scale.center).astype(np.float32)
    points = shapes(values, take_notes(values, learn_habit(values, scale)), scale)
    assert points.shape == (40, 21)
    apart = np.linalg.norm(points[7] - points, axis=1)
    assert apart[8] < 0.4 * np.median(apart)
    assert apart[9] > apart[8] * 2
