"""How is a patch network taught without labels? Near patches become alike, far ones different.

PaAno's losses (Park & Kang, arXiv 2602.01359, section 3.2), with patches read off a few stretches that are embedded as
a whole instead of one by one: an update costs what its stretches' points cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from rl_tsad.config import TextureConfig
from rl_tsad.types import Int64

_STRETCHES, _STARTS = 4, 256  # per update, and anchors' possible places in each
_HEAD = 256  # size of the projection that the triplets compare
_NEAR = (-2, -1, 1, 2)  # points between an anchor and its positive
_EARLY = 0.1  # share of the updates in which adjacency counts, less and less

Cut = Callable[[Int64, int], Tensor]
"""Cuts stretches: their (B,) starts and how many patches each holds to the network's input."""


def train_triplets(
    network: nn.Module, cut: Cut, config: TextureConfig, *, points: int, length: int, rng: np.random.Generator
) -> Iterator[float]:
    """Train a network that embeds all patches of stretches; yields the loss of each update.

    Args:
        network: takes what ``cut`` gives to (B, P, D).
        cut: gives the input of B stretches of P patches.
        config: steps, batch, learning rate, margin.
        points: T, of the recording; nothing is learnt from fewer than four patches' lengths.
        length: L, points per patch.
        rng: source of stretches and triplets.

    Example:
        >>> wave = torch.sin(torch.arange(200) / 5)
        >>> patches = lambda starts, count: wave.unfold(0, 8, 1)[starts[:, None] + np.arange(count)]
        >>> rng = np.random.default_rng(0)
        >>> network = nn.Linear(8, 4)
        >>> losses = list(train_triplets(network, patches, TextureConfig(steps=3), points=200, length=8, rng=rng))
        >>> len(losses), max(losses) < 2
        (3, True)
    """
    if config.steps == 0 or points < 4 * length:
        return
    count = min(_STARTS + 2 * length, points - length + 1)  # patches per stretch
    with torch.no_grad():
        width = network(cut(np.zeros(1, np.int64), count)).shape[2]
    heads = _Heads(width)
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=1e-4, fused=True)
    rows = (_STRETCHES, -(-config.batch // _STRETCHES))
    for step in range(config.steps):
        starts = rng.integers(points - length + 2 - count, size=_STRETCHES)
        embedded = network(cut(starts, count))  # (B, P, D)
        at = rng.integers(length, count, size=rows)
        near = np.clip(at + rng.choice(_NEAR, rows), 0, count - 1)
        anchor, positive, beside = (_pick(embedded, each) for each in (at, near, at - length))  # (A, D) each
        loss = _triplet(heads.project(anchor), heads.project(positive), config.margin)
        if (early := 1 - step / (_EARLY * config.steps)) > 0:
            loss = loss + early * _adjacency(heads, anchor, beside, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield loss.item()


class _Heads(nn.Module):
    """What only the training needs: a projection, and whether two patches follow one another."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(width, _HEAD), nn.ReLU(), nn.Linear(_HEAD, _HEAD))
        self.adjacent = nn.Linear(2 * width, 1)


def _pick(embedded: Tensor, at: Int64) -> Tensor:
    """Take patches (B, A / B) of embedded stretches (B, P, D): (A, D)."""
    return embedded[torch.arange(len(at))[:, None], torch.from_numpy(at)].flatten(0, 1)


def _triplet(anchor: Tensor, positive: Tensor, margin: float) -> Tensor:
    """Mean hinge of cosine distances; the negative is the anchor farthest off."""
    anchor, positive = (nn.functional.normalize(each, dim=1) for each in (anchor, positive))  # (A, H)
    far = (1 - anchor @ anchor.T).amax(dim=1)  # (A,)
    return (1 - (anchor * positive).sum(dim=1) - far + margin).relu().mean()


def _adjacency(heads: _Heads, anchor: Tensor, beside: Tensor, rng: np.random.Generator) -> Tensor:
    other = anchor[torch.from_numpy(rng.permutation(len(anchor)))]
    pairs = torch.cat([torch.cat([beside, anchor], dim=1), torch.cat([other, anchor], dim=1)])  # (2 A, 2 D)
    truth = (torch.arange(len(pairs)) < len(anchor)).float()
    return nn.functional.binary_cross_entropy_with_logits(heads.adjacent(pairs)[:, 0], truth)
