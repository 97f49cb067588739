"""How ASTER's encoder, generator and classifier are trained together, and what they say of windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.classifier import Classifier, PatchEncoder, balanced_loss
from rl_tsad.detector.aster.generators import LatentGenerator, draw_raw_material, reverse_gradient
from rl_tsad.detector.track import Track
from rl_tsad.detector.vae import Log, kl_to_normal
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32

BETA = 0.1  # weight of the codes' KL divergence
_EVERY = 10  # steps between two entries of the history


class Aster(nn.Module):
    """Patch encoder, latent generator and classifier.

    Args:
        length: L, points per window.
        width: W, channels.
        statistics: F, series-level statistics per window.
        config: sizes.
    """

    def __init__(self, length: int, width: int, statistics: int, config: AsterConfig) -> None:
        super().__init__()
        self.encoder = PatchEncoder(length, width, config)
        self.generator = LatentGenerator(self.encoder.patches, config)
        self.classifier = Classifier(self.encoder.patches, statistics, config)

    def forward(self, windows: Tensor, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Judge windows (B, L, W) with statistics (B, F): (B,) logit and (B, D) embedding; nothing is sampled."""
        mean, _ = self.encoder(self.encoder.cut(windows))
        logit, pooled = self.classifier(mean, statistics)
        return logit, pooled


@dataclass(frozen=True)
class Losses:
    """One step's losses (scalars) and the share of windows, in [0, 1], that the classifier tells right."""

    elbo: Tensor
    real: Tensor
    generated: Tensor
    separability: float

    @property
    def total(self) -> Tensor:
        """ELBO's negative plus both cross entropies (ASTER's objective)."""
        return self.elbo + self.real + self.generated


def train_aster(
    track: Track, statistics: Float32, config: AsterConfig, *, seed: int, log: Log, progress: Progress = no_progress
) -> Aster:
    """Train all parts with one optimizer: -ELBO + BCE(real -> 0) + BCE(generated -> 1), the generator reversed.

    Args:
        track: N windows to learn from, none of which crosses a gap.
        statistics: (N, F) float32 in [0, 1), the same windows' series-level statistics.
        config: sizes and steps.
        seed: of initial weights, batches and noise.
        log: called with "aster/elbo", "aster/bce_real", "aster/bce_generated", "aster/separability".
        progress: called as ("detector/aster", step, steps).

    Example:
        >>> track = Track(np.zeros((20, 1), np.float32), np.arange(12), 8)
        >>> still = np.zeros((12, 2), np.float32)
        >>> aster = train_aster(track, still, AsterConfig(steps=1), seed=0, log=lambda path, value: None)
        >>> [part.shape for part in judge_aster(aster, track, still)]
        [(12,), (12, 32)]
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "aster", "weights"))
        aster = Aster(track.length, track.values.shape[1], statistics.shape[1], config)
    generator = torch.Generator().manual_seed(derive_seed(seed, "aster", "noise"))
    rng = derive_rng(seed, "aster", "batches")
    optimizer = torch.optim.Adam(aster.parameters(), lr=config.learning_rate, fused=True)
    for step in range(config.steps):
        rows = rng.integers(len(track), size=min(config.batch, 4 * len(track)))
        losses = adversarial_losses(
            aster, track.take(rows), torch.from_numpy(statistics[rows]), config.reversal, generator
        )
        optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % _EVERY == 0 or step == config.steps - 1:
            _log(losses, log)
            progress("detector/aster", step + 1, config.steps)
    return aster.eval()


def adversarial_losses(
    aster: Aster, windows: Tensor, statistics: Tensor, reversal: float, generator: torch.Generator
) -> Losses:
    """Give the losses of one batch.

    Args:
        aster: all parts.
        windows: (B, L, W) real windows.
        statistics: (B, F) of the same windows.
        reversal: strength of the reversed gradient that the generator receives.
        generator: source of noise.

    Example:
        >>> aster = Aster(8, 1, 2, AsterConfig())
        >>> noise = torch.Generator().manual_seed(0)
        >>> losses = adversarial_losses(aster, torch.zeros(4, 8, 1), torch.zeros(4, 2), 0.5, noise)
        >>> bool(losses.total > 0)
        True
    """
    patches = aster.encoder.cut(windows)  # (B, P, patch * W)
    mean, log_variance = aster.encoder(patches)
    codes = mean + torch.randn(mean.shape, generator=generator) * torch.exp(0.5 * log_variance)
    copy = aster.encoder.decoder(codes)
    elbo = (copy - patches).square().mean() + BETA * kl_to_normal(mean, log_variance)
    raw, made_statistics = draw_raw_material(mean, statistics, generator)
    made = aster.encoder.project(aster.generator(raw))  # (B, P, D)
    made = reverse_gradient(made, reversal)
    both = torch.cat([mean.detach(), made]), torch.cat([statistics, made_statistics])
    logit, _ = aster.classifier(*both)
    real, generated = logit.chunk(2)
    right = ((real < 0).float().mean() + (generated > 0).float().mean()) / 2
    return Losses(elbo, *balanced_loss(real, generated), right.item())


@torch.no_grad()
def judge_aster(aster: Aster, track: Track, statistics: Float32, *, batch: int = 4096) -> tuple[Float32, Float32]:
    """Give the (N,) logit of "generated" and the (N, D) embedding of each window."""
    logits, pooled = [np.empty(0, np.float32)], [np.empty((0, aster.classifier.head.in_features), np.float32)]
    for low in range(0, len(track), batch):
        rows = np.arange(low, min(low + batch, len(track)))
        logit, token = aster(track.take(rows), torch.from_numpy(statistics[rows]))
        logits.append(logit.numpy())
        pooled.append(token.numpy())
    return np.concatenate(logits), np.concatenate(pooled)


def _log(losses: Losses, log: Log) -> None:
    log("aster/elbo", losses.elbo.item())
    log("aster/bce_real", losses.real.item())
    log("aster/bce_generated", losses.generated.item())
    log("aster/separability", losses.separability)
