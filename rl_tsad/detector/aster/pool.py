"""The pool of generators: which there are, which train, which are held out, and one batch from all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.generators.edit import Generator
from rl_tsad.detector.aster.generators.frequency import frequency
from rl_tsad.detector.aster.generators.jitter import jitter
from rl_tsad.detector.aster.generators.latent import LatentGenerator
from rl_tsad.detector.aster.generators.program import program
from rl_tsad.detector.aster.generators.shuffle import shuffle
from rl_tsad.detector.aster.generators.swap import swap
from rl_tsad.detector.aster.generators.trend import trend
from rl_tsad.errors import ConfigError


@dataclass(frozen=True)
class Pool:
    """Generators by name, with their shares of a batch, which sum to 1."""

    generators: Mapping[str, Generator]
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Made:
    """A batch of pseudo-anomalies.

    Attributes:
        windows: (B, L, W).
        positions: (B, L) bool, what really changed.
        kinds: (B,) int64, which of ``names`` made a window.
        names: of the generators.
    """

    windows: Tensor
    positions: Tensor
    kinds: Tensor
    names: tuple[str, ...]


def training_pool(latent: LatentGenerator, config: AsterConfig) -> Pool:
    """Give the generators that train: those with a weight that are not held out.

    Raises:
        ConfigError: when none is left.

    Example:
        >>> from rl_tsad.detector.aster.model import Aster
        >>> pool = training_pool(Aster(8, 1, AsterConfig()).latent, AsterConfig())
        >>> "jitter" in pool.shares, "program" in pool.shares
        (True, False)
    """
    weights = {name: weight for name, weight in asdict(config.mixture).items() if weight > 0}
    weights = {name: weight for name, weight in weights.items() if name not in config.held_out}
    if not weights:
        raise ConfigError(
            "expected a generator with a weight in detector.aster.mixture beside the held out ones, got none; "
            "raise one or shorten detector.aster.held_out"
        )
    every, total = _every(latent), sum(weights.values())
    return Pool({name: every[name] for name in weights}, {name: weight / total for name, weight in weights.items()})


def validation_generators(latent: LatentGenerator, config: AsterConfig) -> dict[str, Generator]:
    """Give the held-out generators, or the training ones where none is held out.

    Example:
        >>> from rl_tsad.detector.aster.model import Aster
        >>> list(validation_generators(Aster(8, 1, AsterConfig()).latent, AsterConfig(held_out=("trend",))))
        ['trend']
    """
    if not config.held_out:
        return dict(training_pool(latent, config).generators)
    every = _every(latent)
    return {name: every[name] for name in config.held_out}


def make_batch(pool: Pool, windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> Made:
    """Let each generator edit its share of the windows (B, L, W), in random order.

    Example:
        >>> made = make_batch(Pool({"jitter": jitter}, {"jitter": 1.0}), torch.zeros(4, 8, 1), torch.ones(4, 1), 0.5,
        ...                   torch.Generator())
        >>> tuple(made.windows.shape), made.kinds.tolist()
        ((4, 8, 1), [0, 0, 0, 0])
    """
    names = tuple(pool.shares)
    edges = torch.tensor([pool.shares[name] for name in names]).cumsum(0)[:-1]
    place = (torch.arange(len(windows)) + torch.rand(1, generator=noise)) / len(windows)
    kinds = torch.bucketize(place, edges)  # (B,)
    rows = torch.randperm(len(windows), generator=noise)
    parts = []
    for kind, name in enumerate(names):
        own = rows[kinds == kind]
        if len(own):
            parts.append(pool.generators[name](windows[own], targets[own], hardness, noise))
    back = rows.argsort()
    made, positions = (torch.cat(part)[back] for part in zip(*parts, strict=True))
    return Made(made, positions, kinds[back], names)


def _every(latent: LatentGenerator) -> dict[str, Generator]:
    return {
        "latent": latent,
        "shuffle": shuffle,
        "jitter": jitter,
        "frequency": frequency,
        "trend": trend,
        "swap": swap,
        "program": program,
    }
