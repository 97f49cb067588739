from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rl_tsad.evaluation.budget import Measurement
from rl_tsad.evaluation.metrics import vus_pr
from rl_tsad.services.measuring import METRICS, TestPoints, measure
from rl_tsad.services.reporting import report_study


def test_vus_is_the_mean_over_series_with_an_event_each_with_its_own_period():
    truth = np.array([0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0], np.int8)
    runs = np.repeat([3, 5, 8], 4)
    probability = np.random.default_rng(0).random(12).astype(np.float32)
    points = TestPoints(truth, np.arange(12), runs, {3: 6, 5: 10, 8: 125})
    found = measure(points, probability, (probability > 0.5).astype(np.int8))
    assert set(found) == set(METRICS)
    first, second = vus_pr(truth[:4], probability[:4], 6), vus_pr(truth[4:8], probability[4:8], 10)
    assert found["vus_pr"] == pytest.approx((first + second) / 2)


def test_vus_without_an_event_has_no_value():
    points = TestPoints(np.zeros(4, np.int8), np.arange(4), np.zeros(4, np.int64), {0: 6})
    assert np.isnan(measure(points, np.ones(4, np.float32), np.ones(4, np.int8))["vus_pr"])


def test_a_study_says_who_acted(tmp_path: Path) -> None:
    rows = [Measurement("agent", seed, 10, 10, 10, {"event_f1": 0.5}, acts="rule") for seed in range(3)]
    rows += [replace(rows[0], seed=3, acts="policy"), replace(rows[0], method="label-free score", acts="")]
    page = report_study(rows, tmp_path, {}).read_text()
    assert "the rule in 3 of 4 measured rounds, the policy in 1" in page
    assert "who acts" not in report_study(rows[-1:], tmp_path, {}).read_text()
