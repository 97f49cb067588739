import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.active.extent import propose_extent, said_of_windows

SPANS = np.array([[4 * row, 4 * row + 4] for row in range(10)])


def propose(score, row, *, episode=None, allowed=None, **more):
    score = np.asarray(score, dtype=np.float64)
    episode = np.zeros(len(score), np.int64) if episode is None else np.asarray(episode)
    allowed = np.ones(len(score), bool) if allowed is None else np.asarray(allowed, bool)
    return propose_extent(score, row, episode=episode, allowed=allowed, **more)


def test_a_stretch_ends_where_the_score_falls_below_half_way_to_the_median():
    score = [0, 0, 0, 0.51, 0.4, 1, 0.5, 0.49, 0, 0, 0, 0]
    assert propose(score, 5) == (5, 7)
    assert propose(np.array(score) * 20 - 7, 5) == (5, 7)  # a logit, or any other unit


def test_a_stretch_stays_in_its_series_in_the_pool_and_within_reach():
    score = np.ones(20)
    assert propose(score, 10, reach=3) == (7, 14)
    assert propose(score, 10, episode=np.arange(20) // 9) == (9, 18)
    assert propose(score, 10, allowed=(np.arange(20) < 12) & (np.arange(20) != 8)) == (9, 12)
    assert propose(score, 0) == (0, 13)
    assert propose(score, 19) == (7, 20)


def test_what_lies_outside_the_pool_does_not_move_the_level():
    score = np.array([0, 0, 0, 0.5, 1, 0.5, 0, 9, 9, 9, 9, 9, 9, 9])
    assert propose(score, 4, allowed=np.arange(14) < 7) == (3, 6)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**16), st.integers(0, 14))
def test_a_stretch_is_contiguous_allowed_and_holds_its_row(seed, reach):
    rng = np.random.default_rng(seed)
    score, episode = rng.random(40), np.sort(rng.integers(0, 3, 40))
    allowed = rng.random(40) < 0.8
    row = int(rng.choice(np.flatnonzero(allowed)))
    low, high = propose(score, row, episode=episode, allowed=allowed, reach=reach)
    level = (score[row] + np.median(score[(episode == episode[row]) & allowed])) / 2
    assert low <= row < high
    assert max(row - low, high - 1 - row) <= reach
    assert set(episode[low:high].tolist()) == {episode[row]}
    assert allowed[low:high].all()
    assert (np.delete(score[low:high], row - low) >= level).all()


@pytest.mark.parametrize(
    ("extent", "said", "beside"),
    [
        (None, "..000.....", []),
        ((8, 20), ".01110....", [1, 5]),
        ((9, 10), ".0100.....", [1]),
        ((13, 21), "..01110...", [6]),
        ((0, 40), "1111111111", []),
        ((30, 31), "..000.010.", [6, 8]),
        ((38, 99), "..000...01", [8]),
        ((77, 99), "..000.....", []),
    ],
)
def test_what_an_answer_says_of_each_window(extent, said, beside):
    value, edges = said_of_windows(SPANS, (8, 20), [] if extent is None else [extent])
    assert "".join(".01"[found + 1] for found in value.tolist()) == said
    assert np.flatnonzero(edges).tolist() == beside


def test_a_hole_in_the_pool_has_no_edge():
    value, edges = said_of_windows(SPANS[[0, 1, 4, 5]], (16, 20), [(16, 20)])
    assert value.tolist() == [-1, -1, 1, 0]
    assert edges.tolist() == [False, False, False, True]
