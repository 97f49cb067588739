"""How much people agree: against a case from the literature and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rl_tsad.evaluation.agreement import alpha_of, in_words, share_interval

BINARY = ([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
"""Two observers, ten units: Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section A."""


def test_the_published_case_of_two_observers_comes_out() -> None:
    counts = [[(first == value) + (second == value) for value in (0, 1)] for first, second in zip(*BINARY, strict=True)]
    found = alpha_of(counts)
    assert found.value == pytest.approx(0.095, abs=5e-4)
    assert (found.questions, found.same) == (10, 6)
    assert found.interval is not None
    assert found.interval[0] < 0.095 < found.interval[1]


def test_questions_that_one_person_answered_say_nothing_of_agreement() -> None:
    counts = [[2, 0], [0, 2], [1, 1], [2, 0]]
    assert alpha_of([*counts, [1, 0], [0, 1], [0, 0]]) == alpha_of(counts)


@pytest.mark.parametrize("counts", [[], [[2, 0]], [[0, 3], [0, 2]], [[1, 0], [0, 1]]])
def test_where_all_answers_are_of_one_kind_there_is_no_agreement_beyond_chance(counts: list[list[int]]) -> None:
    assert alpha_of(counts).value is None


def test_the_interval_holds_the_alpha_of_more_questions() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    said = np.stack([np.where(rng.random(4000) < 0.9, truth, 1 - truth) for _ in range(2)])
    counts = np.stack([(said == value).sum(axis=0) for value in (0, 1)], axis=1)
    few = alpha_of(counts[:200])
    whole = alpha_of(counts).value
    assert few.interval is not None
    assert whole is not None
    assert few.interval[0] < whole < few.interval[1]


def test_words_follow_the_bounds_of_the_book() -> None:
    assert [in_words(one) for one in (0.8, 0.667, 0.1, 0.0)] == [
        "reliable",
        "enough for tentative conclusions",
        "too little to rely on",
        "no better than chance",
    ]
    assert in_words(None).startswith("not known yet")


def test_a_share_of_few_is_not_certain() -> None:
    low, high = share_interval(5, 5)
    assert low == pytest.approx(0.5655, abs=1e-3)
    assert high == 1.0
