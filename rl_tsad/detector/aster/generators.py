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
        result: Tensor = codes + self.out(self.decoder(queries, codes))
        return result


def draw_raw_material(codes: Tensor, statistics: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw what pseudo-anomalies are made of: codes for the generator, and statistics that go with them.

    Half of the windows get drawn codes and another window's plain statistics, the other half another window's codes and
    raised statistics, so that the classifier has to read both. Codes are drawn as the batch spreads them, mixed with a
    real window's in a share that is uniform in [0, 1]: from easy to hard to tell. (ASTER samples from the prior; real
    codes fill little of it, so that those samples were told apart at a glance.)

    Args:
        codes: (B, P, D) mean codes of real windows.
        statistics: (B, F) of the same windows, in [0, 1), larger being odder.
        generator: source of randomness.

    Returns:
        (B, P, D) codes and (B, F) statistics, detached.

    Example:
        >>> noise = torch.Generator().manual_seed(0)
        >>> codes, statistics = draw_raw_material(torch.zeros(4, 2, 3), torch.zeros(4, 5), noise)
        >>> tuple(codes.shape), tuple(statistics.shape)
        ((4, 2, 3), (4, 5))
    """
    rows = len(codes)
    codes, other = codes.detach(), torch.randperm(rows, generator=generator)
    is_drawn = torch.rand(rows, 1, generator=generator) < 0.5
    share = torch.rand(rows, 1, generator=generator)
    drawn = codes.mean(dim=(0, 1)) + codes.std(dim=(0, 1)) * torch.randn(codes.shape, generator=generator)
    mixed = torch.lerp(codes[other], drawn, (share * is_drawn)[:, :, None])
    raised = raise_statistics(statistics[other].detach(), share, generator)
    return mixed, torch.where(is_drawn, statistics[other], raised).detach()


def raise_statistics(statistics: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """Move a random quarter of each window's statistics toward 1 by a share of the way.

    Args:
        statistics: (B, F) in [0, 1).
        share: (B, 1) in [0, 1].
        generator: source of randomness.

    Returns:
        (B, F) in [0, 1].

    Example:
        >>> raised = raise_statistics(torch.zeros(8, 40), torch.full((8, 1), 0.5), torch.Generator().manual_seed(0))
        >>> sorted(set(raised.flatten().tolist()))
        [0.0, 0.5]
    """
    chosen = torch.rand(statistics.shape, generator=generator) < 0.25
    return torch.where(chosen, torch.lerp(statistics, torch.ones_like(statistics), share), statistics)
