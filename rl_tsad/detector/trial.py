"""How far each member of the ensemble may be believed on a series: a trial on anomalies written into its own past.

Model selection by injected anomalies (Goswami et al., "Unsupervised Model Selection for Time-series Anomaly Detection",
ICLR 2023, section 3.2), here for weights instead of a choice: the usual is learnt from the first two thirds of a pool
stretch, anomalies of all kinds are written into the last third, and a member counts by how well it finds them there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from sklearn.metrics import average_precision_score

from rl_tsad.config import MEMBERS, DetectorConfig
from rl_tsad.data.write_events import write_anomalies
from rl_tsad.detector.bank import fit_bank
from rl_tsad.detector.ensemble import equal_weights, fit_rule_tails, member_oddness, rule_scores
from rl_tsad.detector.features import stream_points
from rl_tsad.detector.known import Part
from rl_tsad.detector.streams import fit_profile
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32

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
    values, truth = write_anomalies(part.values, part.targets, _places(cut, len(part.values), rng), rng)
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


def _places(cut: int, stop: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Draw one span in each of equally long stretches of the points [cut, stop)."""
    points = stop - cut
    count = int(np.clip(points // _APART, 3, _MOST))
    for place in range(count):
        low, high = cut + points * place // count, cut + points * (place + 1) // count
        length = int(min(rng.choice(_LENGTHS), (high - low) // 2))
        start = int(rng.integers(low, high - length + 1))
        yield start, start + length
