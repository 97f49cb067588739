"""Every public metric takes the same inputs and refuses the same ones, in words."""

import inspect

import numpy as np
import pandas as pd
import pytest

from rl_tsad.errors import DataError
from rl_tsad.evaluation import metrics

TRUTH = np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 0], np.int8)
VERDICT = np.array([0, 1, 1, 0, 0, 0, 0, 0, 1, 0], np.int8)
SCORE = np.array([0.1, 0.6, 0.9, 0.4, 0.2, 0.3, 0.35, 0.05, 0.7, 0.1])

ON_SCORES = {
    "auc_pr": metrics.auc_pr,
    "auc_roc": metrics.auc_roc,
    "best_f1": metrics.best_f1,
    "choose_threshold": lambda truth, score: metrics.choose_threshold(score, truth),
    "f1_at": lambda truth, score: metrics.f1_at(truth, score, 0.5),
    "vus": lambda truth, score: metrics.vus(truth, score, 4),
    "vus_pr": lambda truth, score: metrics.vus_pr(truth, score, 4),
    "vus_roc": lambda truth, score: metrics.vus_roc(truth, score, 4),
}
ON_LABELS = {
    name: getattr(metrics, name)
    for name in (
        "affiliation_rates",
        "event_f1",
        "event_rates",
        "inflated_pa_f1",
        "point_f1",
        "point_rates",
        "range_rates",
    )
}
STRICT = {name: one for name, one in (ON_SCORES | ON_LABELS).items() if name != "choose_threshold"}
every_metric = pytest.mark.parametrize("name", [*ON_SCORES, *ON_LABELS])
every_metric_of_truth = pytest.mark.parametrize("name", STRICT)


def call(name, truth, other=None):
    if name in ON_SCORES:
        return ON_SCORES[name](truth, SCORE if other is None else other)
    return ON_LABELS[name](truth, VERDICT if other is None else other)


def right(name):
    return SCORE if name in ON_SCORES else VERDICT


def test_no_public_metric_is_left_out():
    functions = {name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))}
    assert functions == {*ON_SCORES, *ON_LABELS, "events"}


@every_metric
@pytest.mark.parametrize("shuffled", [False, True])
def test_pandas_counts_by_position(name, shuffled):
    index = np.random.default_rng(0).permutation(len(TRUTH)) if shuffled else np.arange(len(TRUTH))
    expected = call(name, TRUTH, right(name))
    assert call(name, pd.Series(TRUTH, index), pd.Series(right(name), index)) == expected


@every_metric
def test_lists_bools_floats_and_objects_are_taken(name):
    expected = call(name, TRUTH)
    assert call(name, TRUTH.tolist(), right(name).tolist()) == expected
    assert call(name, TRUTH.astype(bool)) == expected
    assert call(name, TRUTH.astype(float)) == expected
    assert call(name, TRUTH.astype(object), right(name).astype(object)) == expected


@every_metric_of_truth
@pytest.mark.parametrize("wrong", [2 * TRUTH, 2 * TRUTH - 1, np.where(TRUTH, np.nan, 0)])
def test_other_labels_than_0_and_1_are_refused(name, wrong):
    with pytest.raises(DataError, match=r"expected truth of 0 and 1.*leave unknown points out"):
        call(name, wrong)


@every_metric_of_truth
def test_nothing_to_measure_is_refused(name):
    with pytest.raises(DataError, match="at least one point"):
        call(name, TRUTH[:0], right(name)[:0])


@every_metric
def test_other_shapes_are_refused(name):
    for column in (TRUTH[:, None], 1, [[0, 1], [0]]):
        with pytest.raises(DataError, match=r"\(T,\)"):
            call(name, column)
    with pytest.raises(DataError, match=r"\(T,\)"):
        call(name, TRUTH[:, None], right(name)[:, None])
    with pytest.raises(DataError, match="join by key"):
        call(name, TRUTH, right(name)[1:])


@every_metric
def test_what_is_no_number_is_refused(name):
    for wrong in (TRUTH.astype(str), [None] * len(TRUTH), TRUTH.astype("datetime64[s]"), TRUTH.astype(complex)):
        with pytest.raises(DataError, match="as numbers"):
            call(name, wrong)
        with pytest.raises(DataError, match="as numbers"):
            call(name, TRUTH, wrong)


@pytest.mark.parametrize("name", ON_SCORES)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused(name, wrong):
    with pytest.raises(DataError, match="1 of 10 not finite"):
        call(name, TRUTH, np.where(np.arange(10) == 3, wrong, SCORE))


@pytest.mark.parametrize("window", [4.0, 4.5, "4", None, True, -1])
def test_a_window_is_a_whole_number_of_points(window):
    for metric in (metrics.vus, metrics.vus_pr, metrics.vus_roc):
        with pytest.raises(DataError, match="expected a window of 0 points or more"):
            metric(TRUTH, SCORE, window)
    assert metrics.vus(TRUTH, SCORE, np.int64(4)) == metrics.vus(TRUTH, SCORE, 4)


@pytest.mark.parametrize("existence", [5, -0.1, np.nan, "0.2", None, [0.2]])
def test_existence_is_a_share(existence):
    with pytest.raises(DataError, match=r"existence as one number in \[0, 1\]"):
        metrics.range_rates(TRUTH, VERDICT, existence=existence)


@pytest.mark.parametrize("threshold", [np.nan, "0.5", None, SCORE])
def test_a_threshold_is_a_number(threshold):
    with pytest.raises(DataError, match="expected the threshold as one number"):
        metrics.f1_at(TRUTH, SCORE, threshold)
    with pytest.raises(DataError, match="expected the fallback as one number"):
        metrics.choose_threshold(SCORE, TRUTH, fallback=threshold)
    assert metrics.f1_at(TRUTH, SCORE, np.inf) == metrics.f1_at(TRUTH, SCORE, np.float32(2)) == 0


def test_answers_may_be_unknown_or_none_at_all_but_nothing_else():
    assert metrics.choose_threshold(SCORE, np.where(TRUTH, 1, -1)) == 0.35
    assert metrics.choose_threshold([], [], fallback=0.7) == 0.7
    with pytest.raises(DataError, match="labels of -1, 0 and 1"):
        metrics.choose_threshold(SCORE, 2 * TRUTH)
    with pytest.raises(DataError, match="join by key"):
        metrics.choose_threshold(SCORE, TRUTH, SCORE[1:])
    with pytest.raises(DataError, match="finite weight"):
        metrics.choose_threshold(SCORE, TRUTH, SCORE * np.nan)


def test_events_take_lists_and_runs_by_name():
    assert metrics.events([]).shape == (0, 2)
    runs = pd.Series(["a", "a", "b"], index=[2, 0, 1])
    assert metrics.events(pd.Series([0, 1, 1], index=[1, 2, 0]), runs).tolist() == [[1, 2], [2, 3]]
    with pytest.raises(DataError, match="run numbers"):
        metrics.events([0, 1], [[0, 1]])
