"""Copies of a pool with written anomalies: only what was written is true; the detector sees them like any series."""

from dataclasses import fields, replace

import numpy as np
import pytest

from rl_tsad.config import AsterConfig, DetectorConfig, RehearsalConfig
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.judge import Detector
from rl_tsad.detector.rehearse import Rehearsal, fit_cost, place_events, rehearse
from rl_tsad.errors import DataError
from rl_tsad.evaluation.metrics import auc_roc
from rl_tsad.types import Series, parse_key, slide, spans_of

QUICK = DetectorConfig(aster=AsterConfig(steps=4, batch=16, depth=1, width=16))
TWICE = RehearsalConfig(copies=2)


def recorded(name="a", points=700, seed=0):
    """Two targets, a constant one, and a command that is exogenous."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(points) / 30)[:, None] * [1, 5, 0, 2]
    values = (wave + [0, 50, 7, 0] + rng.normal(size=(points, 4)) * [0.1, 0.5, 0, 0.1]).astype(np.float32)
    roles = np.array([False, False, False, True])
    return Series(name, values, np.arange(points), ("u", "v", "still", "command"), exogenous=roles)


def cut(series):
    return slide(series, length=32, stride=8)


class Watched:
    """A detector that keeps what it is asked."""

    def __init__(self, detector):
        self.detector, self.seen = detector, []

    def judge(self, series, windows):
        self.seen.append((series, windows))
        return self.detector.judge(series, windows)


def same(one: Rehearsal, other: Rehearsal):
    judged = all(
        np.array_equal(getattr(mine, each.name), getattr(theirs, each.name))
        for mine, theirs in zip(one.judgements, other.judgements, strict=True)
        for each in fields(mine)
    )
    return judged and all(np.array_equal(*pair) for pair in zip(one.truth, other.truth, strict=True))


@pytest.fixture(scope="module")
def known():
    series = [recorded("a"), recorded("b~0", 500, seed=1)]
    pool = [cut(series[0]).between(5, 60), cut(series[1])]
    return series, pool, fit_detector(series, pool, QUICK, seed=0)


@pytest.fixture(scope="module")
def watched(known):
    series, pool, detector = known
    asked = Watched(detector)
    return rehearse([asked], series, pool, TWICE, seed=0), asked.seen


def test_the_truth_is_where_a_decided_span_holds_a_changed_point(known, watched):
    series, pool, _ = known
    made, seen = watched
    assert [changed.name for changed, _ in seen] == ["a", "a", "b~0", "b~0"]
    for row, (changed, windows) in enumerate(seen):
        one, its = series[row // 2], pool[row // 2]
        assert changed.truth is None
        assert windows.starts.tolist() == its.starts.tolist()
        assert np.array_equal(windows.values[3], changed.values[windows.starts[3] : windows.starts[3] + 32])
        differs = (changed.values != one.values).any(axis=1)
        expected = [differs[low:high].any() for low, high in spans_of(its, one.length)]
        assert made.truth[row].dtype == np.int8
        assert made.truth[row].tolist() == expected
        assert 0 < made.truth[row].mean() < 0.5


def test_only_targets_in_the_pool_stretch_change(known, watched):
    series, pool, _ = known
    for row, (changed, _) in enumerate(watched[1]):
        one, its = series[row // 2], pool[row // 2]
        spans = spans_of(its, one.length)
        differs = changed.values != one.values
        assert not differs[: spans[0, 0]].any()
        assert not differs[spans[-1, 1] :].any()
        assert not differs[:, 3].any()


def test_keys_are_distinct_and_no_real_ones(known, watched):
    pool, made = known[1], watched[0]
    names = [parse_key(str(each.keys[0]))[0] for each in made.judgements]
    assert names == ["a~~0", "a~~1", "b~0~~0", "b~0~~1"]  # a longer mark, since a real name holds a tilde
    assert made.copies == (0, 1, 0, 1)
    assert len(set(made.keys.tolist())) == sum(map(len, made.truth)) == 2 * sum(map(len, pool))
    assert not set(made.keys.tolist()) & {key for its in pool for key in its.keys.tolist()}
    assert made.of([1]).copies == (1, 1)
    assert made.of([1]).truth[0] is made.truth[1]


def test_copies_differ_and_the_same_seed_gives_the_same_bits(known, watched):
    series, pool, detector = known
    made = watched[0]
    assert not np.array_equal(made.truth[0], made.truth[1])
    stages = []
    again = rehearse([detector], series, pool, TWICE, seed=0, progress=lambda *said: stages.append(said))
    assert same(made, again)
    assert stages == [("rehearsing events", done, 4) for done in (1, 2, 3, 4)]
    assert not same(made, rehearse([detector], series, pool, TWICE, seed=1))
    alone = rehearse([detector], series[:1], pool[:1], TWICE, seed=0)
    assert np.array_equal(alone.truth[0], made.truth[0])


def test_windows_are_bounded_copies_first(known):
    counts = [1000, 300, 20, 5]
    long = [cut(Series("a", np.zeros((24 + 8 * n, 1), np.float32), np.arange(24 + 8 * n), ("x",))) for n in counts]
    for most, copies, kept in (
        (16_000, 4, [1000, 300, 20, 0]),
        (4_000, 3, [1000, 300, 20, 0]),
        (2_000, 2, [744, 235, 20, 0]),
        (100, 2, [64, 64, 20, 0]),
    ):
        result, windows = fit_cost(long, RehearsalConfig(most=most))
        assert (result, [len(its) for its in windows]) == (copies, kept)
        assert windows[0].starts[-1] == long[0].starts[-1]
        assert copies * sum(kept) <= max(most, 2 * (64 + 64 + 20))
    series, pool, detector = known
    made = rehearse([detector], series, pool, RehearsalConfig(copies=3, most=200), seed=0)
    assert made.copies == (0, 1, 0, 1)
    assert len(made.keys) <= 2 * (55 + 64)


def test_events_keep_apart_and_are_mostly_short():
    lengths = []
    for seed in range(50):
        spans = place_events(10, 5000, RehearsalConfig(), np.random.default_rng(seed), stride=8)
        assert len(spans) == 7
        edges = np.array([10, *np.ravel(spans), 5000])
        assert (np.diff(edges)[::2] >= 8).all()
        lengths += [stop - start for start, stop in spans]
    assert 8 <= min(lengths) <= 9
    assert 150 < max(lengths) <= 192
    assert np.median(lengths) < 60
    place = place_events(0, 10**6, RehearsalConfig(), np.random.default_rng(0), stride=8)
    assert len(place) == 60
    assert not place_events(0, 40, RehearsalConfig(), np.random.default_rng(0), stride=8)


def test_a_short_pool_or_no_copies_yield_nothing(known):
    series, pool, detector = known
    made = rehearse([detector], series, [pool[0].between(0, 7), pool[1].between(0, 0)], TWICE, seed=0)
    off = rehearse([detector], series, pool, RehearsalConfig(copies=0), seed=0)
    for nothing in (made, off):
        assert nothing == Rehearsal((), ())
        assert len(nothing.keys) == len(nothing.copies) == 0
    few = rehearse([detector], series[:1], [pool[0].between(0, 8)], TWICE, seed=0)
    assert [len(truth) for truth in few.truth] == [8, 8]
    assert few.truth[0].any()


@pytest.mark.slow
def test_missing_values_and_still_channels_are_rehearsed(known):
    series, _, detector = known
    values = series[0].values.copy()
    values[100:140, 0] = values[300:310] = values[:, 1] = np.nan
    gone = replace(series[0], values=values)
    asked = Watched(detector)
    made = rehearse([asked], [gone], [cut(gone)], TWICE, seed=0)
    assert all(truth.any() for truth in made.truth)
    for (changed, windows), truth in zip(asked.seen, made.truth, strict=True):
        assert np.isfinite(changed.values).all()
        differs = ((changed.values != values) & np.isfinite(values)).any(axis=1)
        spans = spans_of(windows, gone.length)
        assert truth[[differs[low:high].any() for low, high in spans]].all()
    still = replace(series[0], values=np.full_like(values, 3))
    fitted = fit_detector([still], [cut(still)], QUICK, seed=0)
    assert all(
        np.isfinite(each.prior).all() for each in rehearse([fitted], [still], [cut(still)], TWICE, seed=0).judgements
    )


def test_what_does_not_fit_is_refused_in_words(known):
    series, pool, detector = known
    with pytest.raises(DataError, match="in this order"):
        rehearse([detector], series, pool[::-1], TWICE, seed=0)
    rows = np.r_[0:20, 30:50]
    its = pool[0]
    hole = replace(its, starts=its.starts[rows], values=its.values[rows], crosses_gap=its.crosses_gap[rows])
    with pytest.raises(DataError, match="got a hole"):
        rehearse([detector], series[:1], [hole], TWICE, seed=0)


@pytest.mark.slow
def test_the_prior_ranks_written_events_on_a_plant_above_chance():
    plant = simulate_plant(PlantConfig(points=2000, faults=6), seed=0).series
    windows = slide(plant, length=64, stride=8)
    detector: Detector = fit_detector([plant], [windows], QUICK, seed=0)
    made = rehearse([detector], [plant], [windows], RehearsalConfig(), seed=0)
    for judgement, truth in zip(made.judgements, made.truth, strict=True):
        assert 0.03 < truth.mean() < 0.4
        assert auc_roc(truth, judgement.prior) > 0.6
