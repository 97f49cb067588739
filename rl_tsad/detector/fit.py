"""How the label-free side is learnt from the pool: statistics first, then the two networks that see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rl_tsad.config import DetectorConfig
from rl_tsad.detector.aster.train import train_aster
from rl_tsad.detector.calibrate import Tails, fit_tails
from rl_tsad.detector.judge import Detector, Networks, member_scores, scaled_track
from rl_tsad.detector.known import Known, Part, covered_part, learn_profile, own_and_pooled
from rl_tsad.detector.streams import Profile
from rl_tsad.detector.track import Track
from rl_tsad.detector.vae import train_vae
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
        progress: called for "detector/features", "detector/vae" and "detector/aster".

    Raises:
        DataError: when the pool is empty, its windows differ in length, or names and windows do not fit together.

    Example:
        >>> from rl_tsad.config import AsterConfig, VaeConfig
        >>> from rl_tsad.types import slide
        >>> x = np.sin(np.arange(400, dtype=np.float32) / 5)[:, None]
        >>> s = Series("wave", x, np.arange(400), ("x",))
        >>> w = slide(s, length=32, stride=8)
        >>> quick = DetectorConfig(VaeConfig(steps=2), AsterConfig(steps=2))
        >>> judgement = fit_detector([s], [w], quick, seed=0).judge(s, w)
        >>> judgement.prior.shape, judgement.embedding.shape
        ((47,), (47, 32))
    """
    _check(series, pool)
    used = [(one, windows) for one, windows in zip(series, pool, strict=True) if len(windows)]
    parts = [covered_part(one, windows) for one, windows in used]
    profiles, raw = _learn(parts, progress)
    pooled = fit_tails(np.concatenate(raw))
    own = [fit_tails(one) for one in raw]
    odd = np.concatenate([own_and_pooled(one, tails, pooled) for one, tails in zip(raw, own, strict=True)])
    windows = [part.windows for part in parts]
    width = max(part.values.shape[1] for part in parts)
    track = scaled_track([part.values for part in parts], profiles, windows, width=width)
    history: dict[str, list[float]] = defaultdict(list)
    clean = track.keep(_clean_rows(windows))
    networks = _train(clean, windows[0].stride, config, seed=seed, history=history, progress=progress)
    owners = [(profile, len(one)) for profile, one in zip(profiles, raw, strict=True)]
    members = member_scores(networks, track, odd, owners, stride=windows[0].stride).members
    known = _know([one.name for one, _ in used], profiles, own, _split(members, owners))
    return Detector(
        config, track.length, width, known, pooled, fit_tails(members), networks.vae, networks.aster, dict(history)
    )


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


def _learn(parts: Sequence[Part], progress: Progress) -> tuple[list[Profile], list[Float32]]:
    profiles, raw = [], []
    for done, part in enumerate(parts, start=1):
        profile, features = learn_profile(part)
        profiles.append(profile)
        raw.append(features)
        progress("detector/features", done, len(parts))
    return profiles, raw


def _clean_rows(windows: Sequence[Windows]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Windows to train networks on: those that cross no gap, or all where every one does."""
    clean = ~np.concatenate([one.crosses_gap for one in windows])
    return clean if clean.any() else ~clean


def _train(
    clean: Track,
    stride: int,
    config: DetectorConfig,
    *,
    seed: int,
    history: dict[str, list[float]],
    progress: Progress,
) -> Networks:
    def log(path: str, value: float) -> None:
        history[path].append(value)

    vae = train_vae(clean, config.vae, seed=seed, log=log, progress=progress)
    aster = train_aster(clean, config.aster, stride=stride, seed=seed, log=log, progress=progress)
    return Networks(vae, aster)


def _split(values: Float32, owners: Sequence[tuple[Profile, int]]) -> list[Float32]:
    return np.split(values, np.cumsum([count for _, count in owners])[:-1])


def _know(
    names: Sequence[str], profiles: Sequence[Profile], own: Sequence[Tails], members: Sequence[Float32]
) -> dict[str, Known]:
    rows = zip(names, profiles, own, members, strict=True)
    return {name: Known(profile, tails, fit_tails(scores)) for name, profile, tails, scores in rows}
