import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from rl_tsad.config import MEMBERS, AsterConfig, DetectorConfig
from rl_tsad.data.habits import NOTED
from rl_tsad.detector.features import FEATURES
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.save import load_detector, save_detector
from rl_tsad.errors import CheckpointError, DataError
from rl_tsad.types import Series, slide

SPANS = ((0, 700), (832, 1000), (1064, 1200))
QUICK = DetectorConfig(aster=AsterConfig(steps=4, batch=16, depth=1, width=16))


LOSSES = ("reconstruction", "kl", "points", "windows", "likeness")


def make(name, points, channels, *, spike=None, seed=0):
    rng = np.random.default_rng(seed)
    load = np.sin(2 * np.pi * np.arange(points) / 30)[:, None] * np.linspace(1, 2, channels)
    values = (load + 0.1 * rng.normal(size=(points, channels))).astype(np.float32)
    truth = np.zeros(points, np.int8)
    if spike:
        values[spike : spike + 6] += 5
        truth[spike : spike + 6] = 1
    return Series(name, values, np.arange(points), tuple(f"c{i}" for i in range(channels)), truth)


def cut(series, **gaps):
    return slide(series, length=32, stride=8, **gaps)


def same(one, other):
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


@pytest.fixture(scope="module")
def fitted():
    series = [make("a", 400, 1, spike=333), make("b", 650, 3, seed=1), make("c", 300, 2, spike=100, seed=2)]
    pool = [cut(one).between(0, 30) for one in series]
    return series, pool, fit_detector(series, pool, QUICK, seed=0)


def test_series_of_other_widths_and_lengths_are_judged_together(fitted):
    series, _, detector = fitted
    for one in series:
        windows = cut(one)
        judgement = detector.judge(one, windows)
        assert judgement.keys.tolist() == windows.keys.tolist()
        assert judgement.features.shape == (len(windows), len(FEATURES))
        assert judgement.feature_names == FEATURES
        for name in ("features", "members", "prior", "vae_error", "aster", "embedding", "notes"):
            values = getattr(judgement, name)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
            if name != "embedding":
                assert (values >= 0).all()
            if name not in {"embedding", "notes"}:
                assert (values <= 1).all()


def test_a_spike_after_the_pool_gets_the_highest_prior(fitted):
    series, _, detector = fitted
    windows = cut(series[0])
    prior = detector.judge(series[0], windows).prior
    best = windows.starts[prior.argmax()]
    assert best + 24 < 345
    assert best + 32 > 333


def test_a_spike_in_a_healthy_pool_is_less_odd(tmp_path):
    series = make("a", 400, 1, spike=100)
    windows = cut(series)
    scores = []
    for config in (QUICK, replace(QUICK, healthy=True)):
        save_detector(fit_detector([series], [windows], config, seed=0), tmp_path)
        members = load_detector(tmp_path).score_points(series, windows).members
        scores.append(members[100:106, MEMBERS.index("rest_memory")].mean())
    assert scores[1] < 0.9 * scores[0]


def test_scores_carry_the_prior_as_probabilities(fitted):
    series, _, detector = fitted
    scores = detector.judge(series[0], cut(series[0])).scores()
    np.testing.assert_allclose(scores.proba.sum(axis=1), 1, rtol=1e-6)
    assert np.array_equal(scores.proba[:, 1], scores.anomaly)


def test_values_outside_the_pool_and_truth_change_nothing(fitted):
    series, pool, detector = fitted
    changed = []
    for one, windows in zip(series, pool, strict=True):
        values = one.values.copy()
        values[int(windows.starts[-1]) + windows.length :] = 1e6
        changed.append(replace(one, values=values, truth=1 - one.truth))
    again = fit_detector(changed, [cut(one).between(0, 30) for one in changed], QUICK, seed=0)
    for one, windows in zip(series, pool, strict=True):
        assert same(detector.judge(one, windows), again.judge(one, windows))


def test_a_pool_in_the_middle_reads_neither_what_is_before_nor_after(fitted):
    series = make("m", 600, 2, seed=5)
    values = series.values.copy()
    values[:160], values[400:] = -1e6, 1e6
    changed = replace(series, values=values)
    detectors = [fit_detector([one], [cut(one).between(20, 47)], QUICK, seed=0) for one in (series, changed)]
    asked = make("other", 200, 2, seed=9)
    assert same(*(detector.judge(asked, cut(asked)) for detector in detectors))


def test_a_hole_in_the_pool_is_not_read():
    series = make("h", 600, 2, seed=5)
    values = series.values.copy()
    values[200:300] = 1e6
    detectors = []
    for one in (series, replace(series, values=values)):
        windows = cut(one)
        inside = (windows.starts + 32 <= 200) | (windows.starts >= 300)
        pool = replace(
            windows,
            starts=windows.starts[inside],
            values=windows.values[inside],
            crosses_gap=windows.crosses_gap[inside],
        )
        detectors.append(fit_detector([one], [pool], QUICK, seed=0))
    asked = make("other", 200, 2, seed=9)
    assert same(*(detector.judge(asked, cut(asked)) for detector in detectors))


def test_a_judgement_does_not_depend_on_what_comes_more_than_a_window_later(fitted):
    series, _, detector = fitted
    windows = cut(series[1])
    values = series[1].values.copy()
    values[400:] = 77
    later = replace(series[1], values=values)
    count = int((windows.starts + 2 * 32 <= 400).sum())  # one window's length later is read, no more
    now = detector.judge(series[1], windows.between(0, count))
    then = detector.judge(later, cut(later))
    for name in ("features", "members", "prior", "vae_error", "aster", "embedding", "notes"):
        np.testing.assert_allclose(getattr(then, name)[:count], getattr(now, name), rtol=1e-4, atol=1e-5)


def test_notes_tell_by_how_much_a_window_is_beyond_all_of_the_pool():
    values = np.random.default_rng(0).normal(size=(1200, 2)).astype(np.float32)
    values[800:, 0] += 12
    values[1000:, 0] += 40
    series = Series("far", values, np.arange(1200), ("a", "b"))
    windows = cut(series)
    pool = windows.between(0, int((windows.starts + 32 <= 700).sum()))
    judged = fit_detector([series], [pool], QUICK, seed=0).judge(series, windows)
    usual, off, far = (judged.notes[(windows.starts >= low) & (windows.starts + 32 <= high)] for low, high in SPANS)
    excess, severity = NOTED.index("excess"), NOTED.index("severity")
    assert usual[:, excess].max() < off[:, excess].min() < off[:, excess].max() < far[:, excess].min() - 0.5
    assert off[:, severity].max() < far[:, severity].min()
    level = judged.feature_names.index("level/max")
    assert np.ptp(judged.features[windows.starts >= 800][:, level]) < 0.1  # shares of the pool hardly tell them apart


def test_windows_that_cross_a_gap_teach_the_networks_nothing():
    series = make("g", 500, 1)
    values = series.values.copy()
    values[250] = 40
    odd = replace(series, values=values)
    gaps = np.array([251])
    clean = fit_detector([odd], [cut(odd, gaps=gaps)], QUICK, seed=0)
    mixed = fit_detector([odd], [cut(odd)], QUICK, seed=0)
    one, two = (detector.aster.state_dict()["encoder.encoder.0.weight"] for detector in (clean, mixed))
    assert not torch.equal(one, two)
    assert len(clean.judge(odd, cut(odd, gaps=gaps))) == len(cut(odd))


def test_an_unknown_series_is_measured_by_itself(fitted):
    _, _, detector = fitted
    stranger = make("stranger", 500, 2, spike=400, seed=7)
    shifted = replace(stranger, values=stranger.values * 1000 + 5e4)
    prior = detector.judge(shifted, cut(shifted)).prior
    assert 400 - 8 <= cut(shifted).starts[prior.argmax()] + 24 < 410


def test_constant_and_two_valued_channels_are_judged():
    rng = np.random.default_rng(0)
    values = (rng.random((500, 25)) < 0.1).astype(np.float32)
    values[:, 5:9] = 0
    series = Series("commands", values, np.arange(500), tuple(f"c{i}" for i in range(25)))
    judgement = fit_detector([series], [cut(series).between(0, 40)], QUICK, seed=0).judge(series, cut(series))
    assert np.isfinite(judgement.prior).all()


def test_no_windows_give_an_empty_judgement(fitted):
    series, _, detector = fitted
    judgement = detector.judge(series[0], cut(series[0]).between(3, 3))
    assert len(judgement) == 0
    assert judgement.features.shape == (0, len(FEATURES))
    assert judgement.embedding.shape == (0, 16)


def test_what_does_not_fit_is_refused_in_words(fitted):
    series, pool, detector = fitted
    with pytest.raises(DataError, match="windows of 32 points"):
        detector.judge(series[0], slide(series[0], length=16, stride=8))
    wide = make("wide", 200, 5)
    with pytest.raises(DataError, match="at most 3 channels"):
        detector.judge(wide, cut(wide))
    other = make("a", 200, 2)
    with pytest.raises(DataError, match="expected 1 channels"):
        detector.judge(other, cut(other))
    with pytest.raises(DataError, match="in this order"):
        fit_detector(series, pool[::-1], QUICK, seed=0)
    with pytest.raises(DataError, match="at least one pool window"):
        fit_detector(series, [one.between(0, 0) for one in pool], QUICK, seed=0)
    with pytest.raises(DataError, match="one length and stride"):
        fit_detector(series, [*pool[:2], slide(series[2], length=16, stride=8)], QUICK, seed=0)


def test_series_without_pool_windows_are_passed_over(fitted):
    series, pool, _ = fitted
    detector = fit_detector(series, [pool[0], pool[1].between(0, 0), pool[2]], QUICK, seed=0)
    assert sorted(detector.known) == ["a", "c"]


def test_history_and_progress_speak_in_paths(fitted):
    series, pool, detector = fitted
    assert set(detector.history) == {
        "aster/validation",
        *(f"aster/{what}/{part}" for what in ("loss", "weight") for part in LOSSES),
        *(f"aster/separability/{kind}" for kind in ("latent", "shuffle", "jitter", "trend", "swap")),
    }  # fmt: skip
    seen = {}
    fit_detector(series, pool, QUICK, seed=0, progress=lambda stage, done, total: seen.update({stage: (done, total)}))
    assert seen == {"detector/features": (3, 3), "detector/aster": (4, 4), "detector/trial": (3, 3)}


def test_a_loaded_detector_judges_with_the_same_bits(fitted, tmp_path):
    series, _, detector = fitted
    digest = save_detector(detector, tmp_path)
    loaded = load_detector(tmp_path, digest)
    assert save_detector(loaded, tmp_path / "again") == digest
    for one in [*series, make("stranger", 200, 2)]:
        assert same(detector.judge(one, cut(one)), loaded.judge(one, cut(one)))


def test_a_damaged_or_foreign_checkpoint_is_refused(fitted, tmp_path):
    _, _, detector = fitted
    digest = save_detector(detector, tmp_path)
    text = (tmp_path / "detector.json").read_text()
    with pytest.raises(CheckpointError, match="digest"):
        load_detector(tmp_path, "f" * 64)
    (tmp_path / "detector.json").write_text(text.replace('"latent": 8', '"latent": 9'))
    with pytest.raises(CheckpointError, match="digest"):
        load_detector(tmp_path, digest)
    with pytest.raises(CheckpointError, match="another architecture"):
        load_detector(tmp_path)
    (tmp_path / "detector.json").write_text(text.replace('"latent": 8', '"patience": 9'))
    with pytest.raises(CheckpointError, match="train again"):
        load_detector(tmp_path)
    (tmp_path / "detector.json").write_text(text.replace(MEMBERS[0], "renamed"))
    with pytest.raises(CheckpointError, match="members"):
        load_detector(tmp_path)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
from rl_tsad.config import MEMBERS, AsterConfig, DetectorConfig
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.save import save_detector
from rl_tsad.types import Series, slide
torch.set_num_threads(1)
values = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
series = Series("a", values, np.arange(400), ("x", "y", "z"))
config = DetectorConfig(aster=AsterConfig(steps=4))
print(save_detector(fit_detector([series], [slide(series, length=32, stride=8)], config, seed=3), Path(sys.argv[1])))
"""


@pytest.mark.slow
def test_two_processes_fit_the_same_bits(tmp_path):
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / name)], capture_output=True, text=True, check=True
        ).stdout
        for name in ("one", "two")
    }
    assert len(digests) == 1
