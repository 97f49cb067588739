import numpy as np
import pytest

from rl_tsad.data.disturb import VISIBLE
from rl_tsad.data.write_events import measure, write_anomalies

SPANS = [(100, 140), (300, 308), (500, 620)]
TARGETS = np.array([True, True, True, False])


def recorded(seed=0):
    rng = np.random.default_rng(seed)
    wave = np.sin(np.arange(800) / 5)[:, None] * np.array([1, 20, 0.01, 3])
    return (wave + 0.1 * wave.std(axis=0) * rng.normal(size=wave.shape) + [0, 500, 0, 1]).astype(np.float32)


def inside(spans, length=800):
    mask = np.zeros(length, bool)
    for start, stop in spans:
        mask[start:stop] = True
    return mask


@pytest.mark.parametrize("soften", [None, (0.35, 1.0)])
def test_only_targets_inside_the_spans_change_and_the_truth_is_exact(soften):
    values = recorded()
    for seed in range(10):
        changed, truth = write_anomalies(values, TARGETS, SPANS, np.random.default_rng(seed), soften=soften)
        assert ((changed != values).any(axis=1) == truth).all()
        assert not truth[~inside(SPANS)].any()
        assert (changed[:, 3] == values[:, 3]).all()
        for start, stop in SPANS:
            touched = (changed != values)[start:stop].any(axis=0).sum()
            assert touched == 1  # half of three targets


def test_a_softened_change_is_smaller_and_can_be_seen():
    values, spread = recorded(), recorded().std(axis=0)
    measured = {channel: measure(values[:, channel]) for channel in range(3)}
    sizes = {}
    for soften in ((0.35, 0.35), (1.0, 1.0)):
        sizes[soften] = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            changed, truth = write_anomalies(values, TARGETS, [(200, 240)], rng, measured=measured, soften=soften)
            change = ((changed - values) / spread)[truth]
            sizes[soften].append(np.sqrt(np.square(change).sum(axis=1).mean()))
    small, whole = (np.array(each) for each in sizes.values())
    assert (small <= whole * 1.001).all()
    assert small.mean() < 0.6 * whole.mean()
    assert small.min() > 0.99 * VISIBLE


def test_a_constant_channel_is_measured_in_its_own_unit():
    measured = measure(np.full(300, 7, np.float32))
    assert (measured.center, measured.spread) == (7, 1)
    changed, truth = write_anomalies(
        np.full((300, 1), 7, np.float32), np.array([True]), [(50, 90)], np.random.default_rng(0), soften=(0.35, 1)
    )
    assert truth[50:90].any()
    assert np.isfinite(changed).all()
