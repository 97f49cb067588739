"""What is learnt of one series' points without a network, and how odd each of its points is by each rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from rl_tsad.config import DetectorConfig, PatchLength
from rl_tsad.detector.channels import unexplained
from rl_tsad.detector.memory import Memory, fit_memory, memory_distance
from rl_tsad.detector.spectral import spectral_residual
from rl_tsad.detector.streams import STREAMS, Profile
from rl_tsad.detector.subspace import Subspace, fit_subspace, subspace_distance
from rl_tsad.detector.texture import EDGE, Texture, fit_texture, texture_distance
from rl_tsad.types import Float32

PREFIXES = ("", "rest_")  # of the two views' members: the targets' values, and what their neighbours do not explain
_SHORTEST = 8  # points in a patch at least
LIMIT = 1000.0  # usual deviations beyond which a value counts no further


@dataclass(frozen=True)
class Bank:
    """The usual patches of one series, in two views: the targets' values, and what their neighbours do not explain.

    Attributes:
        memories: usual patches, per view and length.
        subspaces: usual directions, per view and length.
        texture: usual embeddings of the targets' values.
    """

    memories: tuple[tuple[Memory, ...], ...]
    subspaces: tuple[tuple[Subspace, ...], ...]
    texture: Texture


def fit_bank(values: Float32, profile: Profile, config: DetectorConfig, *, most: int, seed: int) -> Bank:
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
        >>> bank = fit_bank(wave, fit_profile(wave, np.arange(500)), DetectorConfig(), most=64, seed=0)
        >>> len(bank.memories), len(bank.memories[0])
        (2, 3)
    """
    views = tuple(look(values, profile))
    own = config.memory
    lengths, subspaces = (sorted({_within(each, most) for each in each_of}) for each_of in (own.lengths, own.subspaces))
    memories = [[fit_memory(view, length=length, size=own.size, seed=seed) for length in lengths] for view in views]
    planes = [[fit_subspace(view, length=length, seed=seed) for length in subspaces] for view in views]
    length = cast(PatchLength, _within(config.texture.length, most - EDGE))
    form = replace(config.texture, length=length)
    texture = fit_texture(views[0], form, seed=seed, log=lambda path, value: None)
    return Bank(tuple(map(tuple, memories)), tuple(map(tuple, planes)), texture)


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
        >>> from rl_tsad.config import TextureConfig
        >>> rules_of(Bank(memories=((), ()), subspaces=((), ()), texture=Texture(1, 8, TextureConfig())))
        ('spectral', 'texture')
    """
    names: list[str] = []
    for prefix, memories, subspaces in zip(PREFIXES, bank.memories, bank.subspaces, strict=True):
        names += [f"{prefix}memory"] * len(memories) + [f"{prefix}subspace"] * len(subspaces)
        names += [] if prefix else ["spectral", "texture"]
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
        >>> bank = fit_bank(wave, profile, DetectorConfig(), most=64, seed=0)
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
            yield "texture", texture_distance(bank.texture, view)


def _within(length: int, most: int) -> int:
    while length > max(most, _SHORTEST):
        length //= 2
    return length
