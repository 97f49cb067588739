"""VUS beside TSB-AD's own code, whose results on 200 drawn and 4 real series are kept in tsb_ad_vus.csv.

The reference takes seconds where ours takes milliseconds, and wants an older NumPy than ours in its metadata, so its
results are kept; where the package is installed they are computed afresh. To write them again::

    pip install --no-deps TSB-AD==1.5
    RL_TSAD_DATA=... python tests/unit/evaluation/test_volume.py
"""

import csv
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_tsad.data.period import find_period
from rl_tsad.errors import DataError
from rl_tsad.evaluation.metrics import auc_pr, auc_roc
from rl_tsad.evaluation.volume import vus, vus_pr, vus_roc

KEPT = Path(__file__).with_name("tsb_ad_vus.csv")
REAL = ("nab", "smap", "skab", "skab ties")
DRAWN = 200


def draw(seed):
    """Short series with ties, alternating labels, touching slopes and anomalies at either edge."""
    rng = np.random.default_rng(seed)
    length = int(rng.choice([5, 10, 30, 100, 249, 250, 251, 400]))
    window = int(rng.choice([0, 1, 2, 3, 8, 20, 60])) if length < 200 else int(rng.choice([0, 1, 5, 16]))
    truth = np.zeros(length, np.int8)
    for start in rng.integers(0, length, rng.integers(1, 6)):
        truth[start : start + rng.integers(1, max(2, length // 8))] = 1
    if seed % 5 == 4:
        truth = (rng.random(length) < rng.random()).astype(np.int8)
    truth[[0, -1]] = [seed % 7 == 0, seed % 7 in (0, 1)]
    truth[length // 2 : length // 2 + 2] = [1, 0]
    noise = rng.random(length)
    score = [noise, noise + truth, -noise, np.round(noise, 1), np.round(noise + 0.3 * truth), 0 * noise][seed % 6]
    return truth, score.astype(np.float32 if seed % 2 else np.float64), window


def read_real(name):
    """One series of each folder, its truth by the TSB-AD protocol, and the distance to the median as score."""
    data = Path(os.environ.get("RL_TSAD_DATA", ""))
    if not (data / "published").is_dir():
        pytest.skip("needs labelled data sets: set RL_TSAD_DATA to their folder")
    if name == "nab":
        file = "realAdExchange/exchange-3_cpm_results.csv"
        rows = list(csv.DictReader((data / "nab/data" / file).read_text().splitlines()))[1:]
        spans = json.loads((data / "nab/labels/combined_windows.json").read_text())[file]
        truth = [any(low[:19] < row["timestamp"] <= high[:19] for low, high in spans) for row in rows]
        values = np.array([float(row["value"]) for row in rows])
    elif name == "smap":
        span = np.arange(4000, 7000)  # the part around P-2's only event: the reference would take a minute for all
        values = np.load(data / "smap/test/P-2.npy", allow_pickle=False)[span, 0].astype(np.float64)
        truth = (span >= 5350) & (span <= 6575)
    else:
        rows = list(csv.DictReader((data / "skab/valve1/0.csv").read_text().splitlines(), delimiter=";"))
        truth = [float(row["anomaly"]) for row in rows]
        values = np.array([float(row["Volume Flow RateRMS" if name == "skab ties" else "Current"]) for row in rows])
    return np.array(truth).astype(np.int8), np.abs(values - np.median(values)), find_period(values)


def cases():
    yield from ((str(seed), *draw(seed)) for seed in range(DRAWN))
    yield from ((name, *read_real(name)) for name in REAL)


def reference(truth, score, window):
    package = pytest.importorskip(
        "TSB_AD.evaluation.basic_metrics", reason="needs the reference: pip install --no-deps TSB-AD==1.5"
    )
    *_, roc, pr = package.generate_curve(truth.astype(int), score, window, "opt", 250)
    return float(pr), float(roc)


def write_kept():
    with KEPT.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "window", "vus_pr", "vus_roc"])
        for name, truth, score, window in cases():
            writer.writerow([name, window, *(f"{value:.12f}" for value in reference(truth, score, window))])


@pytest.fixture(scope="module")
def kept():
    with KEPT.open() as file:
        rows = list(csv.DictReader(file))
    return {row["case"]: (int(row["window"]), float(row["vus_pr"]), float(row["vus_roc"])) for row in rows}


def test_equal_to_the_reference_on_200_drawn_series(kept):
    for seed in range(DRAWN):
        truth, score, window = draw(seed)
        assert (window, *vus(truth, score, window)) == pytest.approx(kept[str(seed)], abs=1e-9), seed


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_equal_to_the_reference_on_real_series(kept, name):
    truth, score, window = read_real(name)
    assert (window, *vus(truth, score, window)) == pytest.approx(kept[name], abs=1e-9)


@pytest.mark.slow
def test_the_reference_still_gives_what_was_kept(kept):
    for seed in range(0, DRAWN, 10):
        truth, score, window = draw(seed)
        assert reference(truth, score, window) == pytest.approx(kept[str(seed)][1:], abs=1e-9), seed


def test_the_drawn_series_hold_the_edge_cases():
    drawn = [draw(seed) for seed in range(DRAWN)]
    assert sum(truth[0] and truth[-1] for truth, _, _ in drawn) >= 20
    assert sum(len(np.unique(score)) < len(score) / 2 for _, score, _ in drawn) >= 60
    assert sum(not score.any() for _, score, _ in drawn) >= 20
    assert {0, 1, 60} <= {window for _, _, window in drawn}


def test_a_missing_class():
    score = np.array([0.1, 0.9, 0.3])
    assert np.isnan(vus(np.zeros(3, np.int8), score, 4)).all()
    everything = vus(np.ones(3, np.int8), score, 4)
    assert everything.pr == auc_pr(np.ones(3, np.int8), score) == 1
    assert np.isnan(everything.roc)


@pytest.mark.slow
@given(st.integers(0, 2**20), st.integers(0, 40))
def test_bounds_and_order_of_the_score_is_all_that_counts(seed, window):
    truth, score, _ = draw(seed % 1000)
    areas = vus(truth, score, window)
    assert min(areas) >= 0
    assert max(areas) <= 1 + 1e-12
    for same_order in (3 * score - 7, np.arctan(score.astype(np.float64)), np.searchsorted(np.unique(score), score)):
        assert vus(truth, same_order.astype(np.float64), window) == pytest.approx(areas, abs=1e-12)
    assert vus(truth[::-1], score[::-1], window) == pytest.approx(areas, abs=1e-12)


@given(st.integers(0, 2**20))
def test_without_a_window_and_with_every_threshold_it_is_the_area_under_the_curve(seed):
    rng = np.random.default_rng(seed)
    truth = np.zeros(250, np.int8)
    truth[100:140] = 1  # one event, found by the first hit, so recall is that of points once anything is found
    score = rng.random(250)
    assert vus_roc(truth, score, 0) == pytest.approx(auc_roc(truth, score), abs=1e-9)
    assert vus_pr(truth, score, 0) == pytest.approx(auc_pr(truth, score), abs=1e-9)


def test_an_early_alarm_counts_within_the_window_only():
    truth, score = np.zeros(200, np.int8), np.zeros(200)
    truth[100:110], score[95] = 1, 1
    values = [vus_pr(truth, score, window) for window in (0, 8, 20, 60)]
    assert values[0] < values[2] < values[3]
    assert values[0] < 0.1


def test_a_perfect_score_with_slopes_is_perfect():
    truth = np.zeros(500, np.int8)
    truth[200:220] = 1
    assert vus(truth, truth.astype(np.float64), 0) == pytest.approx((1, 1))


@pytest.mark.slow
def test_memory_is_linear_and_small():
    truth = np.zeros(400_000, np.int8)
    truth[::100] = 1
    score = np.random.default_rng(0).random(len(truth))
    tracemalloc.start()
    vus(truth, score, 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120 * len(truth)


def test_wrong_arrays_are_explained():
    truth, score = np.array([0, 1], np.int8), np.array([0.1, 0.2])
    with pytest.raises(DataError, match="join by key"):
        vus(truth, score[:1], 4)
    with pytest.raises(DataError, match="finite"):
        vus(truth, np.array([0.1, np.inf]), 4)
    with pytest.raises(DataError, match="leave unknown points out"):
        vus(np.array([-1, 1], np.int8), score, 4)
    with pytest.raises(DataError, match="window"):
        vus(truth, score, -1)


if __name__ == "__main__":
    write_kept()
