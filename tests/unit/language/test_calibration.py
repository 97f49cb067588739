import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rl_tsad.language.calibration import calibrate, fit_calibration


def sounded(seed, share):
    """Judgements that are too mild: what sounds s is an anomaly with the chance sqrt(s), at any share of anomalies."""
    rng = np.random.default_rng(seed)
    meant = rng.random(60_000)
    truth = (rng.random(len(meant)) < meant).astype(np.int8)
    kept = (truth == 1) | (rng.random(len(meant)) < (1 - share) / share)
    return (meant**2)[kept].astype(np.float32), truth[kept]


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_what_is_meant_is_the_share_of_anomalies_whatever_how_many_were_written(share):
    line = fit_calibration(*sounded(0, share))
    judged = np.array([0.04, 0.25, 0.64], np.float32)
    assert calibrate(judged, line) == pytest.approx([0.2, 0.5, 0.8], abs=0.03)


@given(arrays(np.float32, 40, elements=st.floats(0, 1, width=32)))
@settings(max_examples=50, deadline=None)
def test_order_stays_and_all_is_in_bounds(severity):
    line = fit_calibration(*sounded(1, 0.5))
    meant = calibrate(np.sort(severity), line)
    assert np.all(np.diff(meant) >= 0)
    assert np.all((meant >= 0) & (meant <= 1))


def test_where_little_can_be_learnt_severities_stay():
    severity = np.linspace(0, 1, 30).astype(np.float32)
    for truth in (np.zeros(30), np.arange(30) < 7, severity < 0.5):
        line = fit_calibration(severity, truth.astype(np.int8))
        assert line is None
        assert calibrate(severity, line) is severity


@given(arrays(np.float32, 60, elements=st.floats(0, 1, width=32)), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_whatever_was_learnt_from_is_calibrated_to_numbers(severity, seed):
    truth = (np.random.default_rng(seed).random(60) < 0.4).astype(np.int8)
    assert np.isfinite(calibrate(severity, fit_calibration(severity, truth))).all()
