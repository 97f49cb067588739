"""What is learnt of one series' points without a network, and how odd each of its points is by each rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl_tsad.config import MemoryConfig
from rl_tsad.detector.channels import unexplained
from rl_tsad.detector.memory import Memory, fit_memory, memory_distance
from rl_tsad.detector.spectral import spectral_residual
from rl_tsad.detector.streams import STREAMS, Profile
from rl_tsad.detector.subspace import Subspace, fit_subspace, subspace_distance
from rl_tsad.types import Float32

PREFIXES = ("", "rest_")  # of the two views' members: the targets' values, and what their neighbours do not explain
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
    views = tuple(look(values, profile))
    lengths, subspaces = (sorted({_within(each, most) for each in own}) for own in (config.lengths, config.subspaces))
    return Bank(
        tuple(
            tuple(fit_memory(view, length=length, size=config.size, seed=seed) for length in lengths) for view in views
        ),
        tuple(tuple(fit_subspace(view, length=length, seed=seed) for length in subspaces) for view in views),
    )


def look(values: Float32, profile: Profile) -> Iterator[Float32]:
    """Give the two views (T, K) of a recording one after the other, in units of their usual deviation.

    Far values are kept as they are up to 1,000 deviations: a recording at another operating point lies far off as a
    whole, and what happens in it must still be seen.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> [view.shape for view in look(wave, fit_profile(wave, np.arange(500)))]
        [(500, 1), (500, 1)]
    """
    scaled = (values - profile.center) / profile.spread
    yield np.clip(profile.of_targets(scaled), -LIMIT, LIMIT)
    rest = unexplained(scaled, profile.mixing, profile.reach, profile.targets)
    del scaled
    row = STREAMS.index("cross")
    rest -= profile.middle[row]
    rest /= profile.usual[row]
    yield np.clip(rest, -LIMIT, LIMIT, out=rest)


def rules_of(bank: Bank) -> tuple[str, ...]:
    """Name the member of the ensemble that each rule on patches belongs to, in the order of :func:`patch_oddness`.

    Example:
        >>> rules_of(Bank(memories=((), ()), subspaces=((), ())))
        ('spectral',)
    """
    names: list[str] = []
    for prefix, memories, subspaces in zip(PREFIXES, bank.memories, bank.subspaces, strict=True):
        names += [f"{prefix}memory"] * len(memories) + [f"{prefix}subspace"] * len(subspaces)
        names += [] if prefix else ["spectral"]
    return tuple(names)


def patch_oddness(values: Float32, profile: Profile, bank: Bank) -> Iterator[tuple[str, Float32]]:
    """Score each point by each rule on patches, a rule at a time so that memory stays small.

    Args:
        values: (T, C) in the file's units.
        profile: what is usual in the series.
        bank: its usual patches.

    Yields:
        The rule's member (see :func:`rules_of`) and (T,) float32 >= 0.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> profile = fit_profile(wave, np.arange(500))
        >>> bank = fit_bank(wave, profile, MemoryConfig(), most=64, seed=0)
        >>> tuple(name for name, odd in patch_oddness(wave, profile, bank)) == rules_of(bank)
        True
    """
    views = look(values, profile)
    for prefix, memories, subspaces in zip(PREFIXES, bank.memories, bank.subspaces, strict=True):
        view = next(views)
        for memory in memories:
            yield f"{prefix}memory", memory_distance(memory, view)
        for subspace in subspaces:
            yield f"{prefix}subspace", subspace_distance(subspace, view)
        if not prefix:
            yield "spectral", spectral_residual(view)


def _within(length: int, most: int) -> int:
    while length > most:
        length //= 2
    return length
