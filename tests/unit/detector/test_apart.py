"""The pool judged by who has not seen it: no stretch vouches for itself; healthy windows look as they will later."""

from dataclasses import fields, replace

import numpy as np
import pytest

from rl_tsad.config import AsterConfig, DetectorConfig, TextureConfig
from rl_tsad.detector.apart import set_apart
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.rehearse import rehearse
from rl_tsad.types import Series, slide

QUICK = DetectorConfig(
    aster=AsterConfig(steps=4, batch=16, depth=1, width=16),
    texture=TextureConfig(layers=(8, 8, 8, 8), size=16),
    folds=4,
)
POOL = 84  # windows


def recorded(name="a", points=1200, seed=0):
    """Six noisy channels that a short recording cannot tell from related ones."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(points) / 40)[:, None] * np.arange(6)
    return Series(name, (wave + rng.normal(size=(points, 6))).astype(np.float32), np.arange(points), tuple("uvwxyz"))


def cut(series):
    return slide(series, length=64, stride=8)


def fitted(series, config=QUICK):
    pool = [cut(one).between(0, POOL) for one in series]
    detector = fit_detector(series, pool, config, seed=0)
    return detector, set_apart(detector, series, pool, seed=0)


def same(one, other):
    return all(np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))


@pytest.fixture(scope="module")
def healthy():
    series = [recorded("a"), recorded("b", seed=1)]
    return series, *fitted(series)


def test_healthy_windows_of_the_pool_look_as_those_after_it(healthy):
    series, detector, apart = healthy
    gaps = {}
    for name, judge in (("seen", detector), ("apart", apart)):
        prior = [judge.judge(one, cut(one)).prior for one in series]
        gaps[name] = np.mean([one[POOL + 8 :].mean() - one[:POOL].mean() for one in prior])
    assert gaps["seen"] > 0.1
    assert abs(gaps["apart"]) < gaps["seen"] / 3


def test_windows_come_in_their_order_whichever_are_asked(healthy):
    (one, _), _, apart = healthy
    windows = cut(one)
    whole = apart.judge(one, windows)
    assert whole.keys.tolist() == windows.keys.tolist()
    part = apart.judge(one, windows.between(17, 50))
    np.testing.assert_allclose(part.prior, whole.prior[17:50], atol=1e-5)
    assert len(apart.judge(one, windows.between(3, 3))) == 0


def test_what_lies_outside_the_pool_is_judged_by_the_detector_itself(healthy):
    (one, _), _, apart = healthy
    later, stranger = cut(one).between(POOL, POOL + 20), recorded("nobody", seed=5)
    assert same(apart.judge(one, later), apart.detector.judge(one, later))
    assert same(apart.judge(stranger, cut(stranger)), apart.detector.judge(stranger, cut(stranger)))


def test_no_stretch_is_learnt_from_a_point_that_its_windows_see():
    """Were it otherwise, other values there would change what is known of them."""
    one = recorded()
    _, apart = fitted([one])
    stretch = apart.stretches["a"][1]
    values = one.values.copy()
    values[stretch.first : stretch.last + 64] *= 7
    other = replace(one, values=values)
    pool = cut(other).between(0, POOL)
    detector = fit_detector([one], [cut(one).between(0, POOL)], QUICK, seed=0)
    changed = set_apart(detector, [other], [pool], seed=0).stretches["a"]
    np.testing.assert_array_equal(changed[1].known.profile.usual, stretch.known.profile.usual)
    for mine, theirs in zip(changed[1].known.bank.memories, stretch.known.bank.memories, strict=True):
        np.testing.assert_array_equal(mine.patches, theirs.patches)
    assert not np.array_equal(changed[0].known.profile.usual, apart.stretches["a"][0].known.profile.usual)


def test_a_long_event_stands_out_more_from_a_pool_that_has_not_seen_it():
    one = recorded()
    values = one.values.copy()
    values[250:350, 0] += 4 * np.sin(np.arange(100) / 2)
    one = replace(one, values=values)
    detector, apart = fitted([one])
    rank = {}
    for name, judge in (("seen", detector), ("apart", apart)):
        prior = judge.judge(one, cut(one).between(0, POOL)).prior
        rank[name] = np.argsort(np.argsort(prior))[26:34].mean() / POOL  # windows in the event
    assert rank["apart"] >= rank["seen"]


def test_folds_are_as_many_as_asked_but_none_is_short(healthy):
    series, detector, apart = healthy
    assert [len(each) for each in apart.stretches.values()] == [4, 4]
    many = replace(detector, config=replace(detector.config, folds=50))
    pools = [cut(one).between(0, POOL) for one in series]
    assert len(set_apart(many, series, pools, seed=0).stretches["a"]) == POOL // 16
    none = replace(detector, config=replace(detector.config, folds=1))
    assert not set_apart(none, series, pools, seed=0).stretches
    assert set_apart(none, series, pools, seed=0).detector is none


def test_a_pool_too_short_to_cut_stays_as_it_is_beside_one_that_is_cut():
    series = [recorded("a"), recorded("short", 300, seed=2)]
    pools = [cut(series[0]).between(0, POOL), cut(series[1])]
    detector = fit_detector(series, pools, QUICK, seed=0)
    apart = set_apart(detector, series, pools, seed=0)
    assert set(apart.stretches) == {"a"}
    assert len(apart.judge(series[1], pools[1])) == len(pools[1])


def test_copies_with_written_events_are_judged_apart_too(healthy):
    series, detector, apart = healthy
    pools = [cut(one).between(0, POOL) for one in series]
    config = replace(detector.config.rehearsal, copies=2)
    seen, unseen = (rehearse([judge], series, pools, config, seed=0) for judge in (detector, apart))
    assert seen.keys.tolist() == unseen.keys.tolist()
    usual = [
        np.concatenate([one.prior[truth == 0] for one, truth in zip(made.judgements, made.truth, strict=True)]).mean()
        for made in (seen, unseen)
    ]
    later = np.concatenate([apart.judge(one, cut(one).between(POOL + 8, 140)).prior for one in series]).mean()
    assert abs(usual[1] - later) < 0.1


def test_same_seed_same_bits(healthy):
    series, _, apart = healthy
    _, again = fitted(series)
    assert same(apart.judge(series[0], cut(series[0])), again.judge(series[0], cut(series[0])))
