"""How the label-free side is learnt from the pool: statistics and patches, ASTER, then how far each may be believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rl_tsad.config import DetectorConfig
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.train import train_aster
from rl_tsad.detector.bank import Bank, fit_bank
from rl_tsad.detector.calibrate import fit_tails
from rl_tsad.detector.ensemble import RuleScores, fit_rule_tails, rule_scores
from rl_tsad.detector.judge import Detector, ask_networks, network_points, role_mask, scaled_track
from rl_tsad.detector.known import Known, Part, covered_part, habit_of, learn_profile
from rl_tsad.detector.streams import Profile
from rl_tsad.detector.trial import weigh_members
from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32, Series, Windows


def fit_detector(
    series: Sequence[Series],
    pool: Sequence[Windows],
    config: DetectorConfig,
    *,
    seed: int,
    progress: Progress = no_progress,
) -> Detector:
    """Learn what is usual from the pool windows, without labels.

    Only points that a pool window covers are read; truth never is. Windows that cross a recording gap teach the
    networks nothing.

    Args:
        series: S series with distinct names.
        pool: the pool windows of each, in the same order, all of one length and stride; an empty one is passed over.
        config: sizes and steps.
        seed: same seed, same pool: same bits.
        progress: called for "detector/features", "detector/aster" and "detector/trial".

    Raises:
        DataError: when the pool is empty, its windows differ in length, or names and windows do not fit together.

    Example:
        >>> from rl_tsad.config import AsterConfig
        >>> from rl_tsad.types import slide
        >>> x = np.sin(np.arange(400, dtype=np.float32) / 5)[:, None]
        >>> s = Series("wave", x, np.arange(400), ("x",))
        >>> w = slide(s, length=32, stride=8)
        >>> quick = DetectorConfig(aster=AsterConfig(steps=2))
        >>> judgement = fit_detector([s], [w], quick, seed=0).judge(s, w)
        >>> judgement.prior.shape, judgement.embedding.shape
        ((47,), (47, 32))
    """
    _check(series, pool)
    used = [(one, windows) for one, windows in zip(series, pool, strict=True) if len(windows)]
    parts = [covered_part(one, windows) for one, windows in used]
    learnt = _learn(parts, config, seed=seed, progress=progress)
    width = max(part.values.shape[1] for part in parts)
    history: dict[str, list[float]] = defaultdict(list)
    aster = _train(parts, [one.profile for one in learnt], width, config, seed=seed, history=history, progress=progress)
    rules = [_score(part, one, aster, width) for part, one in zip(parts, learnt, strict=True)]
    own, pooled = fit_rule_tails(rules)
    known = {}
    for done, (part, one, tails) in enumerate(zip(parts, learnt, own, strict=True), start=1):
        networks = partial(_networks, aster, part, one.profile, width)
        weights = weigh_members(part, config, networks, seed=seed)
        bank = one.bank.healthy() if config.healthy else one.bank
        known[part.windows.series] = Known(one.profile, fit_tails(one.raw), bank, tails, weights, habit_of(part))
        progress("detector/trial", done, len(parts))
    features = fit_tails(np.concatenate([one.raw for one in learnt]))
    return Detector(config, parts[0].windows.length, width, known, features, pooled, aster, dict(history))


def _check(series: Sequence[Series], pool: Sequence[Windows]) -> None:
    names = [one.name for one in series]
    if names != [windows.series for windows in pool] or len(set(names)) != len(names):
        raise DataError(
            f"expected the windows of {names[:3]} … in this order, each name once, got those of "
            f"{[windows.series for windows in pool][:3]} …; pass pool[i] for series[i]"
        )
    if not sum(len(windows) for windows in pool):
        raise DataError("expected at least one pool window, got none; lengthen the series or raise split.pool_fraction")
    forms = {(windows.length, windows.stride) for windows in pool if len(windows)}
    if len(forms) > 1:
        raise DataError(f"expected windows of one length and stride, got {sorted(forms)}; cut all series alike")


@dataclass(frozen=True)
class _Learnt:
    """What was learnt of one series before the networks: profile, features (N, F), surprise by stream (T,), patches."""

    profile: Profile
    raw: Float32
    points: dict[str, Float32]
    bank: Bank


def _learn(parts: Sequence[Part], config: DetectorConfig, *, seed: int, progress: Progress) -> list[_Learnt]:
    learnt = []
    for done, part in enumerate(parts, start=1):
        profile, features, points = learn_profile(part)
        ticks = profile.clock.ticks(part.times)
        bank = fit_bank(part.values, ticks, profile, config, most=part.windows.length, seed=seed)
        learnt.append(_Learnt(profile, features, points, bank))
        progress("detector/features", done, len(parts))
    return learnt


def _train(
    parts: Sequence[Part],
    profiles: Sequence[Profile],
    width: int,
    config: DetectorConfig,
    *,
    seed: int,
    history: dict[str, list[float]],
    progress: Progress,
) -> Aster:
    """Train ASTER on the windows that cross no gap, or on all where every one does."""
    windows = [part.windows for part in parts]
    track = scaled_track([part.values for part in parts], profiles, windows, width=width)
    clean = ~np.concatenate([one.crosses_gap for one in windows])
    rows = clean if clean.any() else ~clean
    masks = np.stack([role_mask(profile, width) for profile in profiles])
    roles = masks[np.repeat(np.arange(len(parts)), [len(one) for one in windows])[rows]]

    def log(path: str, value: float) -> None:
        history[path].append(value)

    stride, kept = windows[0].stride, track.keep(rows)
    return train_aster(kept, config.aster, stride=stride, targets=roles, seed=seed, log=log, progress=progress)


def _score(part: Part, learnt: _Learnt, aster: Aster, width: int) -> RuleScores:
    networks = _networks(aster, part, learnt.profile, width, part.values)
    ticks = learnt.profile.clock.ticks(part.times)
    return rule_scores(part.values, learnt.points, networks, learnt.profile, learnt.bank, ticks=ticks)


def _networks(aster: Aster, part: Part, profile: Profile, width: int, values: Float32) -> dict[str, Float32]:
    """What the networks say of values (T, C) that stand where the part's own stood."""
    return network_points(ask_networks(aster, values, part.windows, profile, width), part.windows, len(values))
