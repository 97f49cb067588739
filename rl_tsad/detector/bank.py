"""What is learnt of one series' points without a network, and how odd each of its points is by each rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rl_tsad.config import MemoryConfig
from rl_tsad.detector.channels import unexplained
from rl_tsad.detector.memory import Memory, fit_memory, memory_distance
from rl_tsad.detector.spectral import spectral_residual
from rl_tsad.detector.streams import STREAMS, Profile
from rl_tsad.detector.subspace import Subspace, fit_subspace, subspace_distance
from rl_tsad.types import Float32

VIEWS = 2  # the targets' values, and what their neighbours do not explain
LIMIT = 1000.0  # usual deviations beyond which a value counts no further


@dataclass(frozen=True)
class Bank:
    """The usual patches of one series, in two views: the targets' values, and what their neighbours do not explain.

    Attributes:
        memories: usual patches, per view and length.
        subspaces: usual directions, per view and length.
    """

    memories: tuple[tuple[Memory, ...], ...]
    subspaces: tuple[tuple[Subspace, ...], ...]


def fit_bank(values: Float32, profile: Profile, config: MemoryConfig, *, most: int, seed: int) -> Bank:
    """Learn the usual patches of a recording.

    Args:
        values: (T, C) in the file's units.
        profile: what is usual in it.
        config: lengths and sizes.
        most: points per patch at most, a window's length: a point's score looks as far ahead as its longest patch.
        seed: same seed, same bank.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> bank = fit_bank(wave, fit_profile(wave, np.arange(500)), MemoryConfig(), most=64, seed=0)
        >>> len(bank.memories), len(bank.memories[0])
        (2, 3)
    """
    views = look(values, profile)
    lengths, subspaces = (sorted({_within(each, most) for each in own}) for own in (config.lengths, config.subspaces))
    return Bank(
        tuple(
            tuple(fit_memory(view, length=length, size=config.size, seed=seed) for length in lengths) for view in views
        ),
        tuple(tuple(fit_subspace(view, length=length, seed=seed) for length in subspaces) for view in views),
    )


def look(values: Float32, profile: Profile) -> tuple[Float32, Float32]:
    """Give the two views (T, K) of a recording, in units of their usual deviation.

    Far values are kept as they are up to 1,000 deviations: a recording at another operating point lies far off as a
    whole, and what happens in it must still be seen.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> [view.shape for view in look(wave, fit_profile(wave, np.arange(500)))]
        [(500, 1), (500, 1)]
    """
    scaled = (values - profile.center) / profile.spread
    rest = unexplained(scaled, profile.mixing, profile.reach, profile.targets)
    row = STREAMS.index("cross")
    rest = (rest - profile.middle[row]) / profile.usual[row]
    return np.clip(profile.of_targets(scaled), -LIMIT, LIMIT), np.clip(rest, -LIMIT, LIMIT)


def patch_oddness(
    values: Float32, profile: Profile, bank: Bank, wanted: Sequence[str]
) -> Iterator[tuple[str, Float32]]:
    """Score each point by each rule on patches, a rule at a time so that memory stays small.

    Args:
        values: (T, C) in the file's units.
        profile: what is usual in the series.
        bank: its usual patches.
        wanted: members of the ensemble whose rules are asked for.

    Yields:
        Names of members, repeated for each of their rules, and (T,) float32 >= 0.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> profile = fit_profile(wave, np.arange(500))
        >>> bank = fit_bank(wave, profile, MemoryConfig(), most=64, seed=0)
        >>> [name for name, odd in patch_oddness(wave, profile, bank, ["memory", "rest_subspace", "spectral"])]
        ['memory', 'memory', 'memory', 'rest_subspace', 'rest_subspace', 'spectral']
    """
    views = look(values, profile)
    for prefix, view, memories, subspaces in zip(("", "rest_"), views, bank.memories, bank.subspaces, strict=True):
        if f"{prefix}memory" in wanted:
            for memory in memories:
                yield f"{prefix}memory", memory_distance(memory, view)
        if f"{prefix}subspace" in wanted:
            for subspace in subspaces:
                yield f"{prefix}subspace", subspace_distance(subspace, view)
    if "spectral" in wanted:
        yield "spectral", spectral_residual(views[0])


def _within(length: int, most: int) -> int:
    while length > most:
        length //= 2
    return length
