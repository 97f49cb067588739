import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from rl_tsad.errors import DataError
from rl_tsad.evaluation.metrics import (
    auc_pr,
    auc_roc,
    best_f1,
    choose_threshold,
    event_f1,
    event_rates,
    events,
    f1_at,
    point_f1,
    point_rates,
)


def labels(*values):
    return np.array(values, dtype=np.int8)


zeros_and_ones = hnp.arrays(np.int8, st.integers(1, 40), elements=st.integers(0, 1))


@st.composite
def pairs(draw):
    truth = draw(zeros_and_ones)
    return truth, draw(hnp.arrays(np.int8, len(truth), elements=st.integers(0, 1)))


@pytest.mark.slow
@given(pairs())
def test_point_f1_equals_sklearns(pair):
    truth, verdict = pair
    assert point_f1(truth, verdict) == pytest.approx(f1_score(truth, verdict, zero_division=1.0))


@given(pairs())
def test_no_point_adjustment_a_point_outside_never_helps(pair):
    truth, verdict = pair
    outside = np.flatnonzero((truth == 0) & (verdict == 1))
    better = verdict.copy()
    better[outside[:1]] = 0
    assert point_f1(truth, better) >= point_f1(truth, verdict)
    assert event_f1(truth, better) >= event_f1(truth, verdict)


def naive_events(truth, runs):
    found, start = [], None
    for i in range(len(truth) + 1):
        ends = i == len(truth) or not truth[i] or (i and runs[i] != runs[i - 1])
        if start is not None and ends:
            found.append([start, i])
            start = None
        if i < len(truth) and truth[i] and start is None:
            start = i
    return found


@given(pairs())
def test_events_are_the_maximal_runs_within_a_series(pair):
    truth, cut = pair
    runs = np.cumsum(cut)
    assert events(truth, runs).tolist() == naive_events(truth, runs)


@given(pairs())
def test_event_recall_counts_touched_events(pair):
    truth, verdict = pair
    spans = naive_events(truth, np.zeros(len(truth)))
    if spans:
        found = sum(verdict[low:high].any() for low, high in spans)
        assert event_rates(truth, verdict).recall == pytest.approx(found / len(spans))


def test_events_by_hand():
    truth = labels(0, 1, 1, 0, 0, 1, 0, 0)
    verdict = labels(0, 0, 1, 1, 0, 0, 0, 1)
    rates = event_rates(truth, verdict)
    assert rates.recall == 0.5  # one of two events
    assert rates.precision == pytest.approx(1 / 3)  # one of three raised points
    assert rates.f1 == pytest.approx(0.4)


def test_an_event_never_crosses_into_the_next_series():
    truth, verdict, runs = labels(0, 1, 1, 0), labels(0, 1, 0, 0), np.array([0, 0, 1, 1])
    assert event_rates(truth, verdict).recall == 1.0
    assert event_rates(truth, verdict, runs).recall == 0.5


def test_one_alarm_over_everything_is_no_success():
    truth = np.zeros(1000, np.int8)
    truth[300:310] = 1
    assert event_f1(truth, np.ones_like(truth)) < 0.03


def test_a_random_score_stays_near_the_prevalence():
    rng = np.random.default_rng(0)
    truth = np.zeros(20_000, np.int8)
    truth[5000:5600] = 1
    verdict = (rng.random(20_000) > 0.95).astype(np.int8)
    assert point_f1(truth, verdict) < 0.1
    assert event_f1(truth, verdict) < 0.1


def test_nothing_to_find_and_nothing_raised_is_right_and_anything_raised_is_wrong():
    quiet = labels(0, 0, 0)
    assert point_rates(quiet, quiet) == event_rates(quiet, quiet) == (1, 1, 1)
    assert point_f1(quiet, labels(0, 1, 0)) == event_f1(quiet, labels(0, 1, 0)) == 0
    assert point_f1(labels(0, 1, 0), quiet) == event_f1(labels(0, 1, 0), quiet) == 0


def test_areas_by_hand_and_with_a_missing_class():
    truth, score = labels(0, 1, 0, 1), np.array([0.1, 0.4, 0.35, 0.8])
    assert auc_pr(truth, score) == 1.0
    assert auc_roc(truth, score) == 1.0
    assert auc_pr(truth, -score) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert np.isnan(auc_pr(labels(0, 0), score[:2]))
    assert np.isnan(auc_roc(labels(1, 1), score[:2]))
    assert np.isnan(best_f1(labels(0, 0), score[:2]))


@pytest.mark.slow
@given(zeros_and_ones.filter(lambda t: t.any()), st.integers(0, 2**16))
def test_the_oracle_is_the_best_over_every_threshold(truth, seed):
    score = np.round(np.random.default_rng(seed).random(len(truth)), 1)
    every = max(f1_score(truth, score >= cut) for cut in np.unique(score))
    assert best_f1(truth, score) == pytest.approx(every)


@pytest.mark.slow
@given(zeros_and_ones.filter(lambda t: 0 < t.sum() < len(t)), st.integers(0, 2**16))
def test_only_the_order_of_a_score_counts(truth, seed):
    score = np.round(np.random.default_rng(seed).random(len(truth)), 1)
    for metric in (auc_pr, auc_roc, best_f1):
        assert 0 <= metric(truth, score) <= 1
        assert metric(truth, np.exp(3 * score)) == metric(truth, score)
    assert auc_roc(truth, -score) == pytest.approx(1 - auc_roc(truth, score))


def test_a_given_threshold_is_reached_by_its_equal():
    truth, score = labels(0, 1, 1), np.array([0.5, 0.4, 0.9])
    assert [f1_at(truth, score, cut) for cut in (0.4, 0.9, 1.0)] == pytest.approx([0.8, 2 / 3, 0])
    assert max(f1_at(truth, score, cut) for cut in score) == best_f1(truth, score)
    with pytest.raises(DataError, match="finite"):
        f1_at(truth, score * np.nan, 0.5)


@given(zeros_and_ones.filter(lambda t: 0 < t.sum() < len(t)), st.integers(0, 2**16))
def test_the_chosen_threshold_reaches_the_oracle_on_the_answers(label, seed):
    score = np.round(np.random.default_rng(seed).random(len(label)), 1)
    verdict = (score >= choose_threshold(score, label)).astype(np.int8)
    assert point_f1(label, verdict) == pytest.approx(best_f1(label, score))


def test_unknown_and_weightless_windows_have_no_say():
    score = np.array([0.1, 0.3, 0.6, 0.9, 0.95, 0.2])
    label = labels(0, 0, 1, 1, -1, 1)
    weight = np.array([1, 1, 1, 1, 1, 0.0])
    assert choose_threshold(score, label, weight) == pytest.approx(0.45)


def test_a_threshold_without_both_classes_falls_back():
    score = np.array([0.2, 0.7, 0.9])
    assert choose_threshold(score, labels(-1, -1, -1), fallback=0.8) == 0.8
    only_normal = choose_threshold(score, labels(0, 0, -1))
    assert 0.7 < only_normal < 0.71
    assert choose_threshold(score, labels(0, -1, -1)) == 0.5
    assert choose_threshold(score, labels(1, -1, -1)) == 0.2
    assert choose_threshold(score, labels(-1, -1, 1)) == 0.5


def test_wrong_arrays_are_explained():
    with pytest.raises(DataError, match="one length"):
        point_f1(labels(0, 1), labels(0))
    with pytest.raises(DataError, match="leave unknown points out"):
        point_f1(labels(0, -1), labels(0, 1))
    with pytest.raises(DataError, match="finite"):
        auc_pr(labels(0, 1), np.array([np.nan, 0.1]))
    with pytest.raises(DataError, match="run numbers"):
        events(labels(0, 1), np.array([0]))
