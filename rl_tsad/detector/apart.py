"""How odd are the pool's windows to who has not seen them? Each stretch is judged by what the others taught.

A detector knows its own pool by heart: a subspace fitted on 700 points reproduces them, and a new point of the same
kind lies far out. In a short recording healthy windows of the future then look odder than the pool's anomalies, and a
classifier that learnt on the pool floods the future with alarms. So whoever learns from the pool's judgements needs
them out of sample, as those of the future are (cross-validation: Stone, 1974; stacking: Wolpert, 1992), and the tails
that say how rare a number is are learnt from such numbers too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rl_tsad.detector.bank import fit_bank
from rl_tsad.detector.calibrate import fit_tails
from rl_tsad.detector.ensemble import THIN
from rl_tsad.detector.judge import Detector, Judge, Judgement, join
from rl_tsad.detector.known import Known, covered_part
from rl_tsad.detector.streams import fit_profile
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32, Int64, Series, Windows

_FEWEST = 16  # windows of a stretch, at least


@dataclass(frozen=True, eq=False)
class Stretch:
    """Windows of a pool that follow each other, and what the rest of the pool taught.

    Attributes:
        first: where its first window starts.
        last: where its last window starts.
        known: learnt without any point that these windows see.
    """

    first: int
    last: int
    known: Known


@dataclass(frozen=True, eq=False)
class Apart:
    """Judges windows without having seen them.

    Attributes:
        detector: judges all that is in no stretch; its tails are learnt from what was said of the stretches.
        seen: the detector as it was fitted; it knows the pool by heart.
        stretches: of each series' pool in the order of time, by the series' name.
    """

    detector: Detector
    seen: Detector
    stretches: Mapping[str, tuple[Stretch, ...]]

    @property
    def judges(self) -> tuple[Judge, ...]:
        """Give who may judge the pool: who has not seen it and who has, or the one that there is."""
        return (self, self.seen) if self.stretches else (self.detector,)

    def judge(self, series: Series, windows: Windows) -> Judgement:
        """Judge windows of a series, or of a copy of it with the same name.

        Args:
            series: where the windows lie.
            windows: of this series; all of them or a contiguous run.

        Raises:
            DataError: when the windows have another length or more channels than the detector knows.
        """
        stretches = self.stretches.get(series.name, ())
        if not len(windows) or not stretches:
            return self.detector.judge(series, windows)
        who = _stretch_of(windows.starts, stretches)
        borders = [0, *(np.flatnonzero(np.diff(who)) + 1).tolist(), len(who)]
        parts = []
        for low, high in pairwise(borders):
            own = windows.between(low, high)
            one = self.detector
            if who[low] >= 0:
                one = replace(one, known={**one.known, series.name: stretches[who[low]].known})
            parts.append(one.judge(series, own))
        return join(parts)


def set_apart(
    detector: Detector,
    series: Sequence[Series],
    pool: Sequence[Windows],
    *,
    seed: int,
    progress: Progress = no_progress,
) -> Apart:
    """Learn each series' pool again without each of its stretches in turn; networks and weights stay as they are.

    Args:
        detector: fitted on these pools; ``config.folds`` says into how many stretches a pool is cut, one leaves all as
            it is. A pool of fewer than 32 windows is not cut.
        series: S series with distinct names.
        pool: the pool windows of each, in the same order.
        seed: that the detector was fitted with.
        progress: called for "detector/apart", once a stretch.

    Example:
        >>> from rl_tsad.config import AsterConfig, DetectorConfig
        >>> from rl_tsad.detector.fit import fit_detector
        >>> from rl_tsad.types import slide
        >>> x = np.sin(np.arange(800, dtype=np.float32) / 5)[:, None]
        >>> s = Series("wave", x, np.arange(800), ("x",))
        >>> w = slide(s, length=32, stride=8)
        >>> pool, quick = [w.between(0, 64)], DetectorConfig(aster=AsterConfig(steps=2), folds=2)
        >>> apart = set_apart(fit_detector([s], pool, quick, seed=0), [s], pool, seed=0)
        >>> [(one.first, one.last) for one in apart.stretches["wave"]], len(apart.judge(s, w))
        ([(0, 248), (256, 504)], 97)
    """
    cuts = [_cut(len(windows), detector.config.folds) for windows in pool]
    total, done = sum(len(each) for each in cuts), 0
    stretches: dict[str, tuple[Stretch, ...]] = {}
    features, rules = {}, {}
    for one, windows, cut in zip(series, pool, cuts, strict=True):
        made, said, step = [], [], max(1, len(windows) * windows.stride // THIN)
        for low, high in cut:
            known = _learn_without(one, windows, (low, high), detector, seed=seed)
            made.append(Stretch(int(windows.starts[low]), int(windows.starts[high - 1]), known))
            said.append(detector.measure(one, windows.between(low, high), known, step=step))
            done += 1
            progress("detector/apart", done, total)
        if made:
            stretches[one.name] = tuple(made)
            features[one.name] = np.concatenate([each for each, _ in said])
            rules[one.name] = np.concatenate([each for _, each in said])
    return _with_tails(detector, stretches, features, rules) if stretches else Apart(detector, detector, {})


def _cut(count: int, folds: int) -> list[tuple[int, int]]:
    folds = min(folds, count // _FEWEST)
    return list(pairwise(np.linspace(0, count, folds + 1).astype(int).tolist())) if folds > 1 else []


def _learn_without(series: Series, windows: Windows, cut: tuple[int, int], detector: Detector, *, seed: int) -> Known:
    """Learn what is usual in a pool without the points that some of its windows see; both ends are put together."""
    part, (low, high) = covered_part(series, windows), cut
    starts = part.windows.starts
    kept = np.ones(len(part.values), np.bool_)
    kept[0 if not low else starts[low] : None if high == len(starts) else starts[high - 1] + windows.length] = False
    values, times = part.values[kept], part.times[kept]
    profile = fit_profile(values, times, part.targets)
    ticks = profile.clock.ticks(times)
    bank = fit_bank(values, ticks, profile, detector.config, most=windows.length, seed=seed)
    known = detector.known[series.name]
    return replace(known, profile=profile, bank=bank.healthy() if detector.config.healthy else bank)


def _with_tails(
    detector: Detector,
    stretches: Mapping[str, tuple[Stretch, ...]],
    features: Mapping[str, Float32],
    rules: Mapping[str, Float32],
) -> Apart:
    """Learn the tails of each series and of all together from what was said of windows that were not seen."""
    tails = {name: (fit_tails(features[name]), fit_tails(rules[name])) for name in stretches}
    known = {
        name: replace(one, features=tails[name][0], rules=tails[name][1]) if name in tails else one
        for name, one in detector.known.items()
    }
    pooled = fit_tails(np.concatenate(list(features.values()))), fit_tails(np.concatenate(list(rules.values())))
    fair = replace(detector, known=known, features=pooled[0], rules=pooled[1])
    return Apart(
        fair,
        detector,
        {
            name: tuple(
                replace(one, known=replace(one.known, features=tails[name][0], rules=tails[name][1])) for one in each
            )
            for name, each in stretches.items()
        },
    )


def _stretch_of(starts: Int64, stretches: Sequence[Stretch]) -> Int64:
    """Give each window's stretch, (N,) int64; -1 where it lies in none."""
    place = np.searchsorted([one.first for one in stretches], starts, side="right") - 1
    last = np.array([one.last for one in stretches])
    return np.where((place >= 0) & (starts <= last[place]), place, -1).astype(np.int64)
