"""Range-based and affiliation rates: by hand, beside the authors' code as TSB-AD ships it, and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_tsad.errors import DataError
from rl_tsad.evaluation.metrics import affiliation_rates, event_f1, inflated_pa_f1, point_rates, range_rates

WITHOUT = "needs the reference: pip install --no-deps TSB-AD==1.5"


def labels(*values):
    return np.array(values, dtype=np.int8)


def draw(seed):
    rng = np.random.default_rng(seed)
    length = int(rng.choice([2, 3, 5, 8, 20, 60, 150]))

    def some():
        if rng.random() < 0.3:
            return (rng.random(length) < rng.random()).astype(np.int8)
        marks = np.zeros(length, np.int8)
        for start in rng.integers(0, length, rng.integers(1, 6)):
            marks[start : start + rng.integers(1, max(2, length // 6))] = 1
        return marks

    return some(), some()


def drawn_pairs(count):
    """Pairs that the references can compare: both classes on both sides."""
    pairs = [draw(seed) for seed in range(count)]
    return [pair for pair in pairs if all(0 < side.sum() < len(side) for side in pair)]


def test_ranges_equal_the_reference():
    metricor = pytest.importorskip("TSB_AD.evaluation.basic_metrics", reason=WITHOUT).basic_metricor()
    pairs = drawn_pairs(300)
    assert len(pairs) >= 200
    for truth, verdict in pairs:
        recall = metricor.range_recall_new(truth.astype(int), verdict.astype(int), 0.2)[0]
        precision = metricor.range_recall_new(verdict.astype(int), truth.astype(int), 0)[0]
        assert range_rates(truth, verdict)[:2] == pytest.approx((precision, recall), abs=1e-12)


@pytest.mark.slow
def test_affiliation_equals_the_reference():
    authors = pytest.importorskip("TSB_AD.evaluation.affiliation.metrics", reason=WITHOUT)
    from TSB_AD.evaluation.affiliation.generics import convert_vector_to_events as spans

    pairs = drawn_pairs(300)
    assert len(pairs) >= 200
    for truth, verdict in pairs:
        theirs = authors.pr_from_events(spans(verdict), spans(truth), (0, len(truth)))
        expected = theirs["Affiliation_Precision"], theirs["Affiliation_Recall"]
        assert affiliation_rates(truth, verdict)[:2] == pytest.approx(expected, abs=1e-12)


def test_point_adjustment_and_events_equal_the_reference():
    metricor = pytest.importorskip("TSB_AD.evaluation.basic_metrics", reason=WITHOUT).basic_metricor()
    for truth, verdict in drawn_pairs(100):
        if not truth[0]:  # the reference never fills the very first point
            adjusted = metricor.metric_PointF1PA(truth, verdict, preds=verdict)
            assert inflated_pa_f1(truth, verdict) == pytest.approx(adjusted)
        if not truth[-1]:  # nor does it see the last one
            found = metricor.metric_EventF1PA(truth, verdict, preds=verdict)
            assert event_f1(truth, verdict) == pytest.approx(found, abs=1e-9)


def test_ranges_by_hand():
    truth = labels(0, 1, 1, 1, 1, 0, 0, 1, 1, 0)
    verdict = labels(0, 1, 0, 1, 0, 1, 0, 0, 0, 0)
    first = 0.2 + 0.8 * (2 / 4) / 2  # found, half covered, in two pieces
    assert range_rates(truth, verdict).recall == pytest.approx(first / 2)  # the second event is missed
    assert range_rates(truth, verdict).precision == pytest.approx((1 + 1 + 0) / 3)
    assert range_rates(truth, verdict, existence=1).recall == 0.5


def test_one_alarm_over_two_events_is_worth_half():
    truth = labels(0, 1, 0, 1, 0)
    assert range_rates(truth, labels(1, 1, 1, 1, 1)).precision == pytest.approx(2 / 5 / 2)
    assert range_rates(truth, labels(1, 1, 1, 1, 1)).recall == 1


def test_a_range_never_crosses_into_the_next_series():
    truth, verdict, runs = labels(0, 1, 1, 0), labels(0, 1, 0, 0), np.array([0, 0, 1, 1])
    assert range_rates(truth, verdict).recall == pytest.approx(0.2 + 0.8 / 2)
    assert range_rates(truth, verdict, runs).recall == 0.5
    assert inflated_pa_f1(truth, verdict) == 1
    assert inflated_pa_f1(truth, verdict, runs) == pytest.approx(2 / 3)


def test_affiliation_by_hand():
    truth, verdict = np.zeros(10, np.int8), np.zeros(10, np.int8)
    truth[4:6], verdict[9] = 1, 1  # zone [0, 10), event [4, 6), alarm [9, 10)
    # Alarm points lie 3 to 4 from the event; points closer than d: d on both sides and the event's 2, so 2d + 2.
    precision = 1 - (2 * 3.5 + 2) / 10
    # Event point y is 9 - y from the alarm, and y or 10 - y from the zone's ends: closer lie min(9 - y, ..) + 9 - y.
    moments = np.linspace(4, 6, 200_001)
    recall = np.mean(1 - (np.minimum(9 - moments, np.minimum(moments, 10 - moments)) + 9 - moments) / 10)
    assert affiliation_rates(truth, verdict)[:2] == pytest.approx((precision, recall), abs=1e-6)


def test_each_event_owns_its_zone():
    truth, verdict = np.zeros(100, np.int8), np.zeros(100, np.int8)
    truth[[20, 70]] = 1
    verdict[20] = 1
    assert affiliation_rates(truth, verdict) == pytest.approx((1, 0.5, 2 / 3))  # precision: zones with alarms only


def test_nothing_to_find_or_nothing_raised():
    quiet, loud = labels(0, 0, 0), labels(0, 1, 0)
    for rates in (range_rates, affiliation_rates):
        assert rates(quiet, quiet) == (1, 1, 1)
        assert rates(loud, quiet) == rates(quiet, loud) == (0, 0, 0)
        assert rates(loud, loud) == pytest.approx((1, 1, 1))
    assert inflated_pa_f1(quiet, quiet) == inflated_pa_f1(loud, loud) == 1
    assert inflated_pa_f1(quiet, loud) == inflated_pa_f1(loud, quiet) == 0


@given(st.integers(0, 2**20))
def test_bounds_reversal_and_inflation(seed):
    truth, verdict = draw(seed)
    for rates in (range_rates, affiliation_rates):
        found = rates(truth, verdict)
        assert min(found) >= 0
        assert max(found) <= 1 + 1e-12
        assert rates(truth[::-1], verdict[::-1]) == pytest.approx(found, abs=1e-12)
        assert rates(truth, truth) == pytest.approx((1, 1, 1))
    points = point_rates(truth, verdict).f1
    assert points - 1e-12 <= inflated_pa_f1(truth, verdict) <= 1


def test_a_random_verdict_looks_good_in_two_of_them():
    truth = np.zeros(10_000, np.int8)
    truth[3000:4000] = truth[8000:8500] = 1
    verdict = (np.random.default_rng(0).random(10_000) < 0.02).astype(np.int8)
    assert inflated_pa_f1(truth, verdict) > 0.9
    assert affiliation_rates(truth, verdict).f1 == pytest.approx(2 / 3, abs=0.05)
    assert range_rates(truth, verdict).f1 < 0.25


def test_wrong_arrays_are_explained():
    for rates in (range_rates, affiliation_rates, inflated_pa_f1):
        with pytest.raises(DataError, match="one length"):
            rates(labels(0, 1), labels(0))
        with pytest.raises(DataError, match="leave unknown points out"):
            rates(labels(0, -1), labels(0, 1))
