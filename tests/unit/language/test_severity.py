from dataclasses import replace

import numpy as np
import pytest

from rl_tsad.data.facts import KINDS
from rl_tsad.data.habits import BOUNDS, learn_habit, severity_of, take_notes
from rl_tsad.data.scaling import fit_scale
from rl_tsad.language.backend import embedder
from rl_tsad.language.describe import QUIET
from rl_tsad.language.severity import rubric, severities, severity
from rl_tsad.language_config import LanguageConfig
from rl_tsad.types import Series, slide

STATISTICS = LanguageConfig(backend="statistics")


def pump(length=2000, width=2, seed=0):
    values = np.random.default_rng(seed).normal(size=(length, width)).astype(np.float32)
    values[1000:1010] += 30
    return Series("pump", values, np.arange(length), tuple("ab"[:width]))


def windows_of(series):
    return slide(series, length=64, stride=8)


@pytest.mark.parametrize("backend", ["statistics", "embedded"])
def test_loud_windows_are_more_severe_than_quiet_ones(backend, tiny_model):
    series = pump()
    windows = windows_of(series)
    model = None if backend == "statistics" else str(tiny_model)
    phi = severities(series, windows, LanguageConfig(backend=backend, model=model))
    assert phi.dtype == np.float32
    assert phi.shape == (len(windows),)
    assert ((phi >= 0) & (phi <= 1)).all()
    loud = (windows.starts + 64 > 1000) & (windows.starts < 1010)
    if backend == "statistics":
        assert phi[loud].mean() > 0.6
        assert np.median(phi[~loud]) <= 0.05


def test_off_is_zero_and_reads_nothing():
    series = pump()
    assert not severities(series, windows_of(series), LanguageConfig(backend="off")).any()


def test_only_points_inside_the_windows_are_read():
    series, changed = pump(), pump()
    changed.values[1200:] = 1e6
    few = windows_of(series).between(0, 100)
    others = windows_of(changed).between(0, 100)
    assert np.array_equal(severities(series, few, STATISTICS), severities(changed, others, STATISTICS))


def test_the_rule_grows_with_excess_and_stays_in_range():
    values = np.random.default_rng(0).normal(size=(60, 64, 1)).astype(np.float32)
    notes = take_notes(values, learn_habit(values, fit_scale(values.reshape(-1, 1))))
    phi = severity_of(notes)
    for kind in range(len(KINDS)):
        same = np.flatnonzero(notes.kind == kind)
        order = same[np.argsort(notes.excess[same])]
        assert (np.diff(phi[order]) >= 0).all()
    assert phi[notes.excess < BOUNDS[0]].max(initial=0) <= 0.05
    assert phi.max() <= 1


def test_equal_sentences_are_embedded_once_and_progress_is_told(tiny_model, tmp_path):
    series, told = pump(), []
    config = LanguageConfig(model=str(tiny_model))
    cache = tmp_path / "cache.db"
    first = severities(series, windows_of(series), config, cache=cache, progress=lambda *step: told.append(step))
    embedded = [step for step in told if step[0] == "language/embed"]
    told.clear()
    again = severities(series, windows_of(series), config, cache=cache, progress=lambda *step: told.append(step))
    assert np.array_equal(first, again)
    assert 0 < embedded[0][2] < len(windows_of(series)) / 2
    assert {step[0] for step in told} == {"language/describe"}


def test_the_cache_can_be_switched_off(tiny_model, tmp_path):
    series = pump(400)
    config = LanguageConfig(model=str(tiny_model), cache=False)
    severities(series, windows_of(series), config, cache=tmp_path / "cache.db")
    assert list(tmp_path.iterdir()) == []


def test_prototypes_get_their_own_severity():
    class Letters:
        name = "letters"

        def embed(self, texts):
            known = [text for examples in rubric().values() for text in examples]
            rows = np.array([[float(text == other) for other in known] for text in texts], np.float32)
            return rows.reshape(len(texts), len(known))

    for level, examples in rubric().items():
        assert severity(examples, Letters()) == pytest.approx([level] * len(examples), abs=1e-6)
    assert severity([], Letters()).shape == (0,)


def test_a_channel_that_leaves_the_others_is_more_severe_than_one_that_moves_with_them():
    rng = np.random.default_rng(1)
    common = np.cumsum(rng.normal(size=4000)) / 10 + np.repeat(rng.integers(0, 2, 20) * 20, 200)
    values = (common[:, None] * [1, 2, 3] + rng.normal(size=(4000, 3))).astype(np.float32)
    values[3300:3360, 1] += 25
    series = Series("plant", values, np.arange(4000), ("a", "b", "c"))
    windows = windows_of(series)
    phi = severities(series, windows, STATISTICS)
    inside = (windows.starts + 64 > 3310) & (windows.starts + 56 < 3360)
    assert phi[inside].min() > np.quantile(phi[~inside], 0.97)


def test_no_window_gives_no_severity():
    series = pump()
    assert severities(series, windows_of(series).between(0, 0), STATISTICS).shape == (0,)


@pytest.mark.slow
def test_minilm_orders_the_rubric():
    model = embedder(LanguageConfig())
    phi = severity(
        [
            QUIET,
            "Slight upward drift in two channels.",
            "Clear downward level shift in one channel, late in the window.",
            "Extreme repeated spikes in many channels.",
        ],
        model,
    )
    assert model.embed([QUIET]).shape == (1, 384)
    assert (np.diff(phi) > 0.1).all()
    assert phi[0] < 0.1
    assert phi[-1] > 0.7


def test_an_exogenous_channel_alone_is_never_severe():
    values = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    values[1000:1010, 2] += 300
    named = Series("pump", values, np.arange(2000), ("a", "b", "c"))
    loud = replace(named, exogenous=np.array([False, False, True]))
    windows = windows_of(loud)
    near = (windows.starts + 64 > 1000) & (windows.starts < 1010)
    phi = severities(loud, windows, STATISTICS)
    assert phi[near].max() <= phi[~near].max()
    assert severities(named, windows, STATISTICS)[near].max() > 0.6


def test_what_is_usual_is_learnt_where_it_is_said_and_nowhere_else():
    series = pump()
    windows = windows_of(series)
    pool, later = windows.between(0, 100), windows.between(130, 200)
    changed = series.values.copy()
    changed[1100:] *= 50
    other = replace(series, values=changed)
    wild = windows_of(other).between(130, 200)
    calm = severities(series, pool, STATISTICS, usual=pool)
    np.testing.assert_array_equal(severities(other, windows_of(other).between(0, 100), STATISTICS, usual=pool), calm)
    assert severities(other, wild, STATISTICS, usual=pool).mean() > 0.8
    assert severities(other, wild, STATISTICS).mean() < 0.1
    assert severities(series, later, STATISTICS, usual=pool).mean() < 0.1
