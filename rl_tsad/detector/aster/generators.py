"""Where pseudo-anomalies come from: a latent generator that is taught by the classifier's reversed gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grad_outputs[0], None


def reverse_gradient(values: Tensor, strength: float) -> Tensor:
    """Pass values on unchanged and their gradient back with the sign turned (Ganin & Lempitsky, 2015, equation 12).

    Example:
        >>> x = torch.ones(1, requires_grad=True)
        >>> (3 * reverse_gradient(x, 0.5)).sum().backward()
        >>> x.grad.tolist()
        [-1.5]
    """
    result: Tensor = _Reverse.apply(values, strength)  # type: ignore[no-untyped-call]
    return result


class LatentGenerator(nn.Module):
    """A Transformer decoder that turns sampled codes into a pseudo-anomalous latent sequence.

    The decoder asks with one learnt query a patch and reads from the sampled codes, as in ASTER's figure of the latent
    decoder; the publication gives no sizes, so depth and width are the classifier's.

    Args:
        patches: P, patches per window.
        config: sizes.
    """

    def __init__(self, patches: int, config: AsterConfig) -> None:
        super().__init__()
        self.queries = nn.Parameter(0.5 * torch.randn(patches, config.width))
        layer = nn.TransformerDecoderLayer(
            config.width, config.heads, 2 * config.width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, 1)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, codes: Tensor) -> Tensor:
        """Turn sampled codes (B, P, D), standard normal, into latent sequences (B, P, D)."""
        queries = self.queries.expand(len(codes), -1, -1) + codes  # (B, P, D)
        result: Tensor = self.out(self.decoder(queries, codes))
        return result


def raise_statistics(statistics: Tensor, generator: torch.Generator) -> Tensor:
    """Give generated windows statistics of their own: those of other windows, half of them raised at random.

    A window's statistics are in [0, 1), larger being odder. A raised row moves a random quarter of its numbers toward 1
    by a uniformly drawn share, so that the classifier learns both what odd statistics mean and that odd latent
    sequences may come with plain ones.

    Args:
        statistics: (B, F) of real windows.
        generator: source of randomness.

    Returns:
        (B, F), detached.

    Example:
        >>> plain = torch.zeros(8, 4)
        >>> raised = raise_statistics(plain, torch.Generator().manual_seed(0))
        >>> tuple(raised.shape), bool((raised >= 0).all()), bool((raised < 1).all())
        ((8, 4), True, True)
    """
    rows = len(statistics)
    other = statistics[torch.randperm(rows, generator=generator)]
    chosen = (torch.rand(statistics.shape, generator=generator) < 0.25) & (
        torch.rand(rows, 1, generator=generator) < 0.5
    )
    share = torch.rand(rows, 1, generator=generator)
    return torch.where(chosen, other + share * (1 - other), other).detach()
