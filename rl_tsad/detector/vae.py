"""How badly a network that has seen the usual windows reproduces this one: the reward's unsupervised term."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from rl_tsad.config import VaeConfig
from rl_tsad.detector.track import Track
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32

WARM_UP = 0.25  # share of the steps in which every window counts
TRIM = 0.05  # share of each later batch, the worst reproduced, that is left out
_EVERY = 10  # steps between two entries of the history

Log = Callable[[str, float], None]


class Vae(nn.Module):
    """Variational autoencoder over whole windows (Kingma & Welling, Auto-Encoding Variational Bayes, 2014, section 3).

    Args:
        length: L, points per window.
        width: W, channels.
        config: sizes.
    """

    def __init__(self, length: int, width: int, config: VaeConfig) -> None:
        super().__init__()
        size = length * width
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, config.hidden), nn.GELU())
        self.moments = nn.Linear(config.hidden, 2 * config.latent)
        self.decoder = nn.Sequential(
            nn.Linear(config.latent, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, size),
            nn.Unflatten(1, (length, width)),
        )

    def forward(self, windows: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Reproduce windows.

        Args:
            windows: (B, L, W).
            noise: (B, Z) standard normal; without it the mean code is decoded.

        Returns:
            (B, L, W) reproduction, (B, Z) mean and (B, Z) log variance of the code.
        """
        mean, log_variance = self.moments(self.encoder(windows)).chunk(2, dim=1)  # (B, Z) each
        log_variance = log_variance.clamp(-8, 8)
        code = mean if noise is None else mean + noise * torch.exp(0.5 * log_variance)
        return self.decoder(code), mean, log_variance


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Give the mean KL divergence of codes from the standard normal, per dimension (Kingma & Welling, appendix B).

    Example:
        >>> float(kl_to_normal(torch.zeros(2, 3), torch.zeros(2, 3)))
        0.0
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def train_vae(track: Track, config: VaeConfig, *, seed: int, log: Log, progress: Progress = no_progress) -> Vae:
    """Fit the network to pool windows; after a warm-up the worst 5 % of each batch do not count.

    Loss: mean squared error + beta KL, both per dimension (beta-VAE, Higgins et al., 2017).

    Args:
        track: windows to learn from, none of which crosses a gap.
        config: sizes and steps.
        seed: of initial weights, batches and noise.
        log: called with "vae/loss" and "vae/kl".
        progress: called as ("detector/vae", step, steps).

    Example:
        >>> track = Track(np.zeros((20, 1), np.float32), np.arange(12), 8)
        >>> vae = train_vae(track, VaeConfig(steps=2), seed=0, log=lambda path, value: None)
        >>> span_errors(vae, track, stride=4).shape
        (12,)
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "vae", "weights"))
        vae = Vae(track.length, track.values.shape[1], config)
    generator = torch.Generator().manual_seed(derive_seed(seed, "vae", "noise"))
    rng = derive_rng(seed, "vae", "batches")
    optimizer = torch.optim.Adam(vae.parameters(), lr=config.learning_rate, fused=True)
    for step in range(config.steps):
        windows = track.take(rng.integers(len(track), size=min(config.batch, 4 * len(track))))
        noise = torch.randn(len(windows), config.latent, generator=generator)
        copy, mean, log_variance = vae(windows, noise)
        errors = (copy - windows).square().mean(dim=(1, 2))  # (B,)
        kl = kl_to_normal(mean, log_variance)
        loss = _trimmed(errors, step >= WARM_UP * config.steps) + config.beta * kl
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % _EVERY == 0 or step == config.steps - 1:
            log("vae/loss", loss.item())
            log("vae/kl", kl.item())
            progress("detector/vae", step + 1, config.steps)
    return vae.eval()


@torch.no_grad()
def span_errors(vae: Vae, track: Track, *, stride: int, batch: int = 4096) -> Float32:
    """Give the (N,) mean squared error of each window's span, its last ``stride`` points; log(1e-6 + error).

    The two worst channels count, so that one faulty sensor among many is not averaged away.
    """
    parts = []
    for low in range(0, len(track), batch):
        windows = track.take(np.arange(low, min(low + batch, len(track))))
        errors = (vae(windows)[0] - windows).square()[:, -stride:].mean(dim=1)  # (B, W)
        worst = errors.topk(min(2, errors.shape[1]), dim=1).values.mean(dim=1)
        parts.append(torch.log(worst + 1e-6).numpy())
    return np.concatenate(parts).astype(np.float32) if parts else np.empty(0, np.float32)


def _trimmed(errors: Tensor, trim: bool) -> Tensor:
    kept = len(errors) - int(TRIM * len(errors)) if trim else len(errors)
    return errors.sort().values[:kept].mean()
