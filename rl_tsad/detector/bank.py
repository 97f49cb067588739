"""What is learnt of one series' points without a network, and how odd each of its points is by each rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.ndimage import uniform_filter1d

from rl_tsad.config import DetectorConfig
from rl_tsad.detector.channels import unexplained
from rl_tsad.detector.memory import Memory, fit_memory, memory_distance
from rl_tsad.detector.solo import Solo, fit_solo, solo_oddness
from rl_tsad.detector.spectral import spectral_residual
from rl_tsad.detector.streams import STREAMS, Profile
from rl_tsad.detector.subspace import Subspace, fit_subspace, subspace_distance
from rl_tsad.detector.texture import Texture, fit_texture, texture_distance
from rl_tsad.types import Float32, Int64

_SHORTEST = 8  # points in a patch at least
_ROUGH = 64  # points over which steps are averaged
LIMIT = 1000.0  # usual deviations beyond which a value counts no further


@dataclass(frozen=True)
class Bank:
    """The usual patches of one series: of the targets' values, and of the rest that their neighbours do not explain.

    Attributes:
        memories: remembered patches of the values of all targets together, per length.
        subspaces: usual directions of each target's values by itself, per length.
        textures: usual embeddings of the values, per length.
        rest_memories: remembered patches of the rest of all targets together, per length.
        rest_memory_solos: remembered patches of each target's rest by itself, per length.
        rest_subspaces: usual directions of the rest of all targets together, per length.
        rest_subspace_solos: usual directions of each target's rest by itself, per length.
        rest_textures: usual embeddings of the rest, per length.
    """

    memories: tuple[Memory, ...]
    subspaces: tuple[Solo[Subspace], ...]
    textures: tuple[Texture, ...]
    rest_memories: tuple[Memory, ...]
    rest_memory_solos: tuple[Solo[Memory], ...]
    rest_subspaces: tuple[Subspace, ...]
    rest_subspace_solos: tuple[Solo[Subspace], ...]
    rest_textures: tuple[Texture, ...]

    def healthy(self) -> Bank:
        """Take all that was seen as usual, at its own moment too.

        Without this a patch is no neighbour of itself, so that an anomaly in the pool does not vouch for itself.
        """
        return replace(
            self,
            memories=tuple(each.healthy() for each in self.memories),
            textures=tuple(each.healthy() for each in self.textures),
            rest_memories=tuple(each.healthy() for each in self.rest_memories),
            rest_memory_solos=tuple(
                replace(solo, parts=tuple(each.healthy() for each in solo.parts)) for solo in self.rest_memory_solos
            ),
            rest_textures=tuple(each.healthy() for each in self.rest_textures),
        )


def fit_bank(values: Float32, ticks: Int64, profile: Profile, config: DetectorConfig, *, most: int, seed: int) -> Bank:
    """Learn the usual patches of a recording.

    Args:
        values: (T, C) in the file's units.
        ticks: (T,) their sample numbers.
        profile: what is usual in it.
        config: lengths and sizes.
        most: points per patch at most, a window's length: a point's score looks no further ahead.
        seed: same seed, same bank.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> profile = fit_profile(wave, np.arange(500))
        >>> bank = fit_bank(wave, np.arange(500), profile, DetectorConfig(), most=64, seed=0)
        >>> len(bank.memories), len(bank.rest_memory_solos), len(bank.rest_textures)
        (2, 2, 2)
    """
    own = config.memory
    lengths, planes, textures = (_within(each, most) for each in (own.lengths, own.subspaces, config.texture.lengths))
    memory, plane = partial(fit_memory, ticks=ticks, size=own.size), partial(fit_subspace, seed=seed)
    texture = partial(fit_texture, ticks=ticks, config=config.texture, seed=seed, log=_say_nothing, ahead=most)
    distance = partial(memory_distance, ticks=ticks)
    view, rest = look(values, profile)
    return Bank(
        memories=tuple(memory(view, length=length) for length in lengths),
        subspaces=tuple(fit_solo(view, partial(plane, length=length), subspace_distance) for length in planes),
        textures=tuple(texture(view, length=length) for length in textures),
        rest_memories=(memory(rest, length=lengths[-1]),),
        rest_memory_solos=tuple(fit_solo(rest, partial(memory, length=length), distance) for length in lengths),
        rest_subspaces=tuple(plane(rest, length=length) for length in planes),
        rest_subspace_solos=tuple(
            fit_solo(rest, partial(plane, length=length), subspace_distance) for length in planes
        ),
        rest_textures=tuple(texture(rest, length=length) for length in textures),
    )


def _say_nothing(path: str, value: float) -> None:
    pass


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
        >>> rules_of(Bank((), (), (), (), (), (), (), ()))
        ('spectral', 'roughness')
    """
    none = np.empty(0, np.int64)
    return tuple(member for rules in (_value_rules, _rest_rules) for member, _ in rules(bank, none))


def patch_oddness(values: Float32, ticks: Int64, profile: Profile, bank: Bank) -> Iterator[tuple[str, Float32]]:
    """Score each point by each rule on patches, a rule at a time so that memory stays small.

    Args:
        values: (T, C) in the file's units.
        ticks: (T,) their sample numbers.
        profile: what is usual in the series.
        bank: its usual patches.

    Yields:
        The rule's member (see :func:`rules_of`) and (T,) float32 >= 0.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> wave, ticks = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None], np.arange(500)
        >>> profile = fit_profile(wave, ticks)
        >>> bank = fit_bank(wave, ticks, profile, DetectorConfig(), most=64, seed=0)
        >>> tuple(name for name, odd in patch_oddness(wave, ticks, profile, bank)) == rules_of(bank)
        True
    """
    views = look(values, profile)
    for rules in (_value_rules, _rest_rules):
        view = next(views)
        for member, score in rules(bank, ticks):
            yield member, score(view)


Rule = Callable[[Float32], Float32]
"""Scores (T,) of a view (T, K)."""


def _value_rules(bank: Bank, ticks: Int64) -> Iterator[tuple[str, Rule]]:
    for memory in bank.memories:
        yield "memory", partial(memory_distance, memory, ticks=ticks)
    for solo in bank.subspaces:
        yield "subspace", partial(solo_oddness, solo, score=subspace_distance)
    for texture in bank.textures:
        yield "texture", partial(texture_distance, texture, ticks=ticks)
    yield "spectral", spectral_residual


def _rest_rules(bank: Bank, ticks: Int64) -> Iterator[tuple[str, Rule]]:
    distance = partial(memory_distance, ticks=ticks)
    for memory in bank.rest_memories:
        yield "rest_memory", partial(distance, memory)
    for solo in bank.rest_memory_solos:
        yield "rest_memory", partial(solo_oddness, solo, score=distance)
    for subspace in bank.rest_subspaces:
        yield "rest_subspace", partial(subspace_distance, subspace)
    for planes in bank.rest_subspace_solos:
        yield "rest_subspace", partial(solo_oddness, planes, score=subspace_distance)
    for texture in bank.rest_textures:
        yield "rest_texture", partial(texture_distance, texture, ticks=ticks)
    yield "roughness", roughness


def roughness(view: Float32) -> Float32:
    """Give how nervous a recording is: the root mean square of its steps over the points around each.

    Args:
        view: (T, K).

    Returns:
        (T,) float32 >= 0, over 64 points and all targets; it looks 32 points ahead.

    Example:
        >>> roughness(np.array([[0], [1], [0], [1]], np.float32)).round(1).astype(str).tolist()
        ['0.7', '0.7', '0.7', '0.7']
    """
    steps = np.square(np.diff(view, axis=0, prepend=view[:1]), dtype=np.float64).mean(axis=1)
    mean = uniform_filter1d(steps, _ROUGH, mode="nearest")
    return np.asarray(np.sqrt(np.maximum(mean, 0)), np.float32)


def _within(lengths: Sequence[int], most: int) -> list[int]:
    """Halve lengths until they are within a limit: sorted, each once."""
    found = set()
    for length in lengths:
        while length > max(most, _SHORTEST):
            length //= 2
        found.add(length)
    return sorted(found)
