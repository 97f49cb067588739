"""How far each member of the ensemble may be believed on a series: a trial on anomalies written into its own past.

Model selection by injected anomalies (Goswami et al., "Unsupervised Model Selection for Time-series Anomaly Detection",
ICLR 2023, section 3.2), here for weights instead of a choice: the usual is learnt from the first two thirds of a pool
stretch, anomalies of all kinds are written into the last third, and a member counts by how well it finds them there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import average_precision_score

from rl_tsad.config import MEMBERS, DetectorConfig
from rl_tsad.data.bases import Base
from rl_tsad.data.disturb import write_event
from rl_tsad.data.period import find_period
from rl_tsad.detector.bank import fit_bank
from rl_tsad.detector.ensemble import equal_weights, fit_rule_tails, member_oddness, rule_scores
from rl_tsad.detector.features import stream_points
from rl_tsad.detector.known import Part
from rl_tsad.detector.streams import fit_profile
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Bool, Float32

_SHARE = 2 / 3  # of a stretch, from which the usual is learnt
_FEWEST = 192  # points in the rest
_LENGTHS = (3, 8, 24, 64)  # points that an anomaly lasts
_APART, _MOST = 60, 24  # points per anomaly, and anomalies
_LEAST = 0.02  # skill of a member that finds nothing

NetworkPoints = Callable[[Float32], Mapping[str, Float32]]
"""Scores (T,) of values (T, C) by each network's member."""


def weigh_members(part: Part, config: DetectorConfig, networks: NetworkPoints, *, seed: int) -> Float32:
    """Settle the members' weights for one series.

    The skill of a member is its average precision on the last third beyond chance, at least .02. Its weight grows with
    the root of its skill: real anomalies are not the written ones, and full trust in the trial was worse on the
    validation series.

    Args:
        part: the stretch that pool windows cover.
        config: of the detector; members that are off weigh 0.
        networks: what the networks say of the stretch with anomalies in it. They have seen the last third without.
        seed: of the anomalies.

    Returns:
        (M,) float32 >= 0 in the order of ``MEMBERS``, sums to 1; equal weights where the stretch is too short.
    """
    cut = int(_SHARE * len(part.values))
    if len(part.values) - cut < _FEWEST or not config.trial:
        return equal_weights(config.members)
    rng = derive_rng(seed, "trial", part.windows.series)
    values, truth = write_anomalies(part.values, part.targets, cut, rng)
    known = part.values[:cut]
    profile = fit_profile(known, part.times[:cut], part.targets)
    ticks = profile.clock.ticks(part.times)
    bank = fit_bank(known, ticks[:cut], profile, config, most=part.windows.length, seed=seed)
    points = stream_points(values, part.times, profile)
    scores = rule_scores(values, points, networks(values), profile, bank, ticks=ticks)
    tails = fit_rule_tails([scores.before(cut)])[0]
    odd = member_oddness(scores.after(cut), tails)
    base = truth[cut:].mean()
    skill = [(average_precision_score(truth[cut:], column) - base) / (1 - base) for column in odd.T]
    weights = np.sqrt(np.maximum(skill, _LEAST)) * np.isin(MEMBERS, config.members)
    return np.asarray(weights / weights.sum(), np.float32)


def write_anomalies(values: Float32, targets: Bool, cut: int, rng: np.random.Generator) -> tuple[Float32, Bool]:
    """Write anomalies into some targets after a point.

    Args:
        values: (T, C).
        targets: (C,) channels that may be changed.
        cut: first point that may be changed.
        rng: source of their places, lengths and kinds.

    Returns:
        (T, C) changed copy and (T,) whether a point was changed.

    Example:
        >>> wave = np.sin(np.arange(900, dtype=np.float32) / 5)[:, None]
        >>> changed, truth = write_anomalies(wave, np.array([True]), 600, np.random.default_rng(0))
        >>> bool((changed != wave)[:600].any()), bool(truth[600:].any())
        (False, True)
    """
    result, points = values.copy(), len(values) - cut
    count = int(np.clip(points // _APART, 3, _MOST))
    channels = np.flatnonzero(targets)
    for place in range(count):
        low, high = cut + points * place // count, cut + points * (place + 1) // count
        length = int(min(rng.choice(_LENGTHS), (high - low) // 2))
        start = int(rng.integers(low, high - length + 1))
        touched = rng.choice(channels, int(rng.integers(1, max(len(channels) // 2, 1) + 1)), replace=False)
        for channel in touched:
            result[:, channel] = _changed(result[:, channel], start, start + length, rng)
    return result, np.asarray((result != values).any(axis=1))


def _changed(column: Float32, start: int, stop: int, rng: np.random.Generator) -> Float32:
    center, spread = float(column.mean(dtype=np.float64)), float(column.std(dtype=np.float64)) or 1.0
    standard = (column.astype(np.float64) - center) / spread
    base = Base("recorded", standard, find_period(standard))
    event, part = write_event(base, start, stop, rng)
    result = column.copy()
    result[event.start : event.stop] = (center + spread * part).astype(np.float32)
    return result
