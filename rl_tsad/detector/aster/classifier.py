"""Is a latent sequence, read together with the window's series-level statistics, a real one or a generated one?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from rl_tsad.config import AsterConfig
from rl_tsad.errors import ConfigError


class PatchEncoder(nn.Module):
    """VAE over patches: a window becomes a sequence of latent codes and back (ASTER, the ELBO's part).

    Args:
        length: L, points per window; the first point is repeated in front where patches do not fit.
        width: W, channels.
        config: sizes.
    """

    def __init__(self, length: int, width: int, config: AsterConfig) -> None:
        super().__init__()
        self.patch = config.patch
        self.missing = -length % config.patch
        self.patches = (length + self.missing) // config.patch
        size = config.patch * width
        self.encoder = nn.Sequential(nn.Linear(size, 2 * config.width), nn.GELU())
        self.moments = nn.Linear(2 * config.width, 2 * config.width)
        self.decoder = nn.Sequential(
            nn.Linear(config.width, 2 * config.width), nn.GELU(), nn.Linear(2 * config.width, size)
        )

    def cut(self, windows: Tensor) -> Tensor:
        """Cut windows (B, L, W) into patches (B, P, patch * W)."""
        front = windows[:, :1].expand(-1, self.missing, -1)
        return torch.cat([front, windows], dim=1).reshape(len(windows), self.patches, -1)

    def forward(self, patches: Tensor, decode: bool = False) -> tuple[Tensor, Tensor]:
        """Encode patches (B, P, patch * W): mean and log variance of their codes, (B, P, D) each.

        With ``decode`` the argument is codes (B, P, D), which are decoded to patches first.
        """
        patches = self.decoder(patches) if decode else patches
        mean, log_variance = self.moments(self.encoder(patches)).chunk(2, dim=2)
        return mean, log_variance.clamp(-8, 8)

    def project(self, codes: Tensor) -> Tensor:
        """Decode codes (B, P, D) to patches and encode these again, so that only what a window can show is left.

        Gradients reach the codes, not the encoder: the reversed gradient must not teach it to reproduce badly.
        """
        still = {name: value.detach() for name, value in self.named_parameters()}
        mean: Tensor = functional_call(self, still, (codes, True))[0]
        return mean


class Classifier(nn.Module):
    """A Transformer over latent patches and one token of statistics (ASTER, the classification head).

    ASTER adds a language model's context token; here the token carries what is known to matter, the window's robust
    series-level statistics.

    Args:
        patches: P, patches per window.
        statistics: F, series-level statistics per window.
        config: sizes.

    Raises:
        ConfigError: when the width does not divide by the heads.
    """

    def __init__(self, patches: int, statistics: int, config: AsterConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise ConfigError(
                f"expected detector.aster.width to divide by heads, got {config.width} and {config.heads}; change one"
            )
        self.position = nn.Parameter(0.1 * torch.randn(patches + 2, config.width))
        self.statistics = nn.Sequential(
            nn.Linear(statistics, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, 2 * config.width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.body = nn.TransformerEncoder(layer, config.depth, enable_nested_tensor=False)
        self.head = nn.Linear(config.width, 1)

    def forward(self, codes: Tensor, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Judge latent sequences.

        Args:
            codes: (B, P, D).
            statistics: (B, F) in [0, 1).

        Returns:
            (B,) logit of "generated" and (B, D) pooled token, the embedding.
        """
        context = self.statistics(2 * statistics - 1)[:, None]  # (B, 1, D)
        blank = torch.zeros_like(context)
        tokens = torch.cat([blank, context, codes], dim=1) + self.position  # (B, P + 2, D)
        pooled = self.body(tokens)[:, 0]  # (B, D)
        return self.head(pooled)[:, 0], pooled


def balanced_loss(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
    """Give binary cross entropy of real windows against 0 and of generated ones against 1.

    Example:
        >>> [round(float(x), 3) for x in balanced_loss(torch.zeros(2), torch.zeros(2))]
        [0.693, 0.693]
    """
    return (
        functional.binary_cross_entropy_with_logits(real, torch.zeros_like(real)),
        functional.binary_cross_entropy_with_logits(generated, torch.ones_like(generated)),
    )
