"""A latent generator that is taught by the classifier's reversed gradient (Hermary et al., arXiv 2604.13924)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.encoder import PatchEncoder
from rl_tsad.detector.aster.generators.edit import changed, draw_place, draw_strength

_COMPONENTS = 4  # of the learnt mixture from which codes are drawn
_WIDE = 1.5  # its spread before training, in deviations of the VAE's prior


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
    """A Transformer decoder that turns sampled codes into a pseudo-anomalous latent sequence, decoded by the VAE.

    One learnt token a patch asks, the sampled codes answer, as in ASTER's figure of the latent decoder. Codes come from
    a learnt mixture of Gaussians that starts wider than the prior (its authors' wish for a relaxed prior). The decoded
    piece replaces an interval of the real window; its distance from the real one is set by the hardness, so that the
    reversed gradient shapes the anomaly but cannot shrink it to nothing.

    Args:
        encoder: of the patches; used, never trained from here.
        config: sizes.
    """

    def __init__(self, encoder: PatchEncoder, config: AsterConfig) -> None:
        super().__init__()
        self._encoder = (encoder,)  # a tuple: its weights belong to the encoder alone
        self.reversal = config.reversal
        self.means = nn.Parameter(torch.randn(_COMPONENTS, encoder.patches, config.latent))
        self.log_scales = nn.Parameter(torch.full((_COMPONENTS, 1, config.latent), _WIDE).log())
        self.tokens = nn.Parameter(0.5 * torch.randn(encoder.patches, config.width))
        self.enter = nn.Linear(config.latent, config.width)
        layer = nn.TransformerDecoderLayer(
            config.width, config.heads, 2 * config.width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, 1)
        self.leave = nn.Linear(config.width, config.latent)
        self.likeness = torch.zeros(())  # of the last call's samples

    def sample(self, rows: int, noise: torch.Generator) -> Tensor:
        """Draw latent sequences (B, P, Z)."""
        which = torch.randint(_COMPONENTS, (rows,), generator=noise)
        drawn = torch.randn(rows, *self.means.shape[1:], generator=noise)
        codes = self.means[which] + self.log_scales[which].exp() * drawn  # (B, P, Z)
        entered = self.enter(codes)
        result: Tensor = codes + self.leave(self.decoder(self.tokens + entered, entered))
        return result

    def forward(
        self, windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Edit windows (see :class:`~rl_tsad.detector.aster.generators.edit.Generator`), to be taught in reverse."""
        raw = self._encoder[0].decode_still(self.sample(len(windows), noise)) - windows  # (B, L, W)
        place = draw_place(windows, targets, hardness, noise, least=2)
        edit = raw * place.mask
        size = edit.square().sum(dim=(1, 2)) / (place.mask > 0).sum(dim=(1, 2)).clamp_min(1)
        edit = edit / (size + 1e-8).sqrt()[:, None, None]
        self.likeness = likeness_of(raw * targets[:, None])
        made = windows + reverse_gradient(edit, self.reversal) * draw_strength(place.noise, hardness, noise)
        return made, changed(windows, made.detach(), targets, place.noise)


def likeness_of(samples: Tensor) -> Tensor:
    """Give the mean squared cosine between samples (B, ...), in [0, 1]: 0 where no two point the same way.

    Example:
        >>> round(likeness_of(torch.eye(3)).item(), 3), round(likeness_of(torch.ones(3, 2)).item(), 3)
        (0.0, 1.0)
    """
    flat = functional.normalize(samples.flatten(1), dim=1)
    cosines = (flat @ flat.T).square()
    rows = len(flat)
    return (cosines.sum() - cosines.diagonal().sum()) / max(1, rows * (rows - 1))
