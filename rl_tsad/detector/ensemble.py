"""How odd each point is by each member of the ensemble, and how far each member may be believed.

A rule's score becomes the negative log of its tail probability: its rank among the pool's scores, continued as an
exponential above the 95 % quantile and as a power law where nothing like it was seen. Ranks make rules comparable, and
the tail lets the one that sees something far out of the usual be heard above those that see nothing. Members are the
means of their rules; the blend is a weighted mean of members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.ndimage import uniform_filter1d

from rl_tsad.config import MEMBERS
from rl_tsad.detector.bank import Bank, patch_oddness, rules_of
from rl_tsad.detector.calibrate import Tails, fit_tails, oddness
from rl_tsad.detector.streams import Profile
from rl_tsad.types import Float32, Int64

NEAR = 16  # points over which the oddness of single points is averaged
TRUSTED = 10.0  # nats: beyond a tail probability of e^-10 a pool says no more how rare a number is
STREAM_RULES: Mapping[str, tuple[str, ...]] = {
    "robust": ("step", "season", "spread"),
    "neighbours": ("cross", "rhythm"),
}
THIN = 50_000  # points of a series from which its tails are learnt


@dataclass(frozen=True)
class RuleScores:
    """Raw scores of T points by S rules.

    Attributes:
        values: (T, S) float32, higher is odder; each rule in a unit of its own.
        members: S names, the member that each rule belongs to.
    """

    values: Float32
    members: tuple[str, ...]

    def before(self, point: int) -> RuleScores:
        """Keep the first points."""
        return RuleScores(self.values[:point], self.members)

    def after(self, point: int) -> RuleScores:
        """Leave the first points out."""
        return RuleScores(self.values[point:], self.members)

    def thinned(self) -> Float32:
        """Give at most 50,000 rows, equally spaced."""
        return self.values[:: max(1, len(self.values) // THIN)]


def rule_scores(
    values: Float32,
    points: Mapping[str, Float32],
    networks: Mapping[str, Float32],
    profile: Profile,
    bank: Bank,
    *,
    ticks: Int64,
) -> RuleScores:
    """Score each point by every rule.

    Args:
        values: (T, C) in the file's units.
        points: (T,) surprise of the largest channel by stream, of :data:`rl_tsad.detector.features.POINTWISE`.
        networks: (T,) score by each network's member.
        profile: what is usual in the series.
        bank: its usual patches.
        ticks: (T,) sample numbers of the points.

    Example:
        >>> from rl_tsad.config import DetectorConfig
        >>> from rl_tsad.detector.bank import fit_bank
        >>> from rl_tsad.detector.features import stream_points
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave, ticks = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None], np.arange(500)
        >>> profile = fit_profile(wave, ticks)
        >>> bank = fit_bank(wave, ticks, profile, DetectorConfig(), most=64, seed=0)
        >>> points = stream_points(wave, ticks, profile)
        >>> scores = rule_scores(wave, points, {"vae": wave[:, 0]}, profile, bank, ticks=ticks)
        >>> scores.values.shape == (500, len(scores.members)), sorted(set(scores.members))[:3]
        (True, ['memory', 'neighbours', 'rest_memory'])
    """
    names = tuple(name for name, streams in STREAM_RULES.items() for _ in streams) + tuple(networks)
    names += rules_of(bank)
    table = np.empty((len(values), len(names)), np.float32)  # filled rule by rule: long recordings are not held twice
    smooth = (uniform_filter1d(points[each], NEAR, mode="nearest") for own in STREAM_RULES.values() for each in own)
    patches = (odd for _, odd in patch_oddness(values, ticks, profile, bank))
    for place, odd in enumerate(chain(smooth, networks.values(), patches)):
        table[:, place] = odd
    return RuleScores(table, names)


def member_oddness(scores: RuleScores, tails: Sequence[Tails], names: Sequence[str] = MEMBERS) -> Float32:
    """Give the mean oddness of each member's rules.

    Args:
        scores: of T points.
        tails: of the same rules; where several are given, the mean over them counts. The series' own tails alone would
            call the oddest points of every series equally odd, those of all series would forget that series differ.
        names: M members.

    Returns:
        (T, M) float32 >= 0.

    Example:
        >>> x = np.arange(100, dtype=np.float32)[:, None]
        >>> scores = RuleScores(np.concatenate([x, x], axis=1), ("vae", "vae"))
        >>> odd = member_oddness(scores, [fit_tails(scores.values)], ["vae"])
        >>> odd.shape, round(float(odd[-1, 0]), 1)
        ((100, 1), 4.1)
    """
    result = np.zeros((len(scores.values), len(names)), np.float32)
    for rule, member in enumerate(scores.members):
        column = scores.values[:, rule : rule + 1]
        for one in tails:
            own = Tails(one.grid[rule : rule + 1], one.excess[rule : rule + 1])
            result[:, names.index(member)] += bounded(oddness(column, own)[:, 0]) / np.float32(len(tails))
    counts = [max(scores.members.count(name), 1) for name in names]
    return np.asarray(result / np.array(counts, np.float32), np.float32)


def bounded(odd: Float32) -> Float32:
    """Let oddness grow with its logarithm where the tail is no longer known.

    An exponential tail that was learnt from some thousand points says nothing of a number a thousand times as far out;
    taken at its word, the rule that is off by most would decide alone. A power law goes on from there.

    Args:
        odd: any shape, >= 0.

    Example:
        >>> bounded(np.array([3, 10, 100, 1000], np.float32)).round().tolist()
        [3.0, 10.0, 33.0, 56.0]
    """
    limit = np.float32(TRUSTED)
    return np.asarray(np.where(odd > limit, limit * (1 + np.log(np.maximum(odd, limit) / limit)), odd), np.float32)


def fit_rule_tails(parts: Sequence[RuleScores]) -> tuple[list[Tails], Tails]:
    """Learn the tails of each series' rules and of all series' together.

    Example:
        >>> x = np.arange(100, dtype=np.float32)[:, None]
        >>> own, pooled = fit_rule_tails([RuleScores(x, ("vae",)), RuleScores(2 * x, ("vae",))])
        >>> len(own), pooled.grid.shape
        (2, (1, 39))
    """
    thin = [part.thinned() for part in parts]
    return [fit_tails(one) for one in thin], fit_tails(np.concatenate(thin))


def blend(members: Float32, weights: Float32) -> Float32:
    """Weigh the members' oddness (..., M) into one number (...).

    Example:
        >>> blend(np.array([[4, 0]], np.float32), np.array([0.25, 0.75], np.float32)).tolist()
        [1.0]
    """
    return members @ weights


def equal_weights(used: Sequence[str]) -> Float32:
    """Give (M,) weights in the order of ``MEMBERS``: the same for all that are used, 0 for the others.

    Example:
        >>> float(equal_weights(["vae", "aster"]).max())
        0.5
    """
    chosen = np.isin(MEMBERS, used)
    return np.asarray(chosen / chosen.sum(), np.float32)
