import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rl_tsad.language.worth import worth_asking

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
