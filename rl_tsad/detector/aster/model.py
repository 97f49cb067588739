"""ASTER's parts together: a window becomes codes, errors and statistics, and these become probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.classifier import Classifier
from rl_tsad.detector.aster.encoder import Normal, PatchEncoder, normalise
from rl_tsad.detector.aster.generators.latent import LatentGenerator
from rl_tsad.detector.aster.statistics import PointStatistics


@dataclass(frozen=True)
class Coded:
    """Windows as the encoder leaves them.

    Attributes:
        normal: the windows in their own units.
        mean, log_variance: (B, P, Z) of the patches' codes.
        copy: (B, L, W) reproduction from the mean code.
        error: (B, L, W) its absolute error, detached.
    """

    normal: Normal
    mean: Tensor
    log_variance: Tensor
    copy: Tensor
    error: Tensor


@dataclass(frozen=True)
class Verdict:
    """What the classifier says: logits (B, L) of the positions and (B,) of the windows' spans, embedding (B, D)."""

    points: Tensor
    windows: Tensor
    embedding: Tensor


class Aster(nn.Module):
    """Patch VAE, latent generator, statistics and classifier.

    Args:
        length: L, points per window.
        width: W, channels.
        config: sizes.
    """

    span: Tensor
    slopes: Tensor
    shifts: Tensor

    def __init__(self, length: int, width: int, config: AsterConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = PatchEncoder(length, width, config)
        self.latent = LatentGenerator(self.encoder, config)
        self.statistics = PointStatistics(width)
        inputs = config.latent + config.patch * (width + self.statistics.size) + 2 * width
        self.classifier = Classifier(
            self.encoder.patches, config.patch, inputs, statistics=self.statistics.size, config=config
        )
        self.register_buffer("span", torch.tensor(config.patch))
        self.register_buffer("slopes", torch.ones(2))  # calibration of the positions' and the windows' logits
        self.register_buffer("shifts", torch.zeros(2))

    def code(self, windows: Tensor) -> Coded:
        """Encode windows (B, L, W) and reproduce them from the mean code."""
        normal = normalise(windows)
        mean, log_variance = self.encoder(normal)
        with torch.no_grad():
            copy = self.encoder.decode(mean)
            return Coded(normal, mean, log_variance, copy, (copy - windows).abs())

    def judge(self, windows: Tensor, targets: Tensor, coded: Coded) -> Verdict:
        """Judge windows (B, L, W) with targets (B, W) from their codes; logits are not calibrated."""
        cut, normal = self.encoder.cut, coded.normal
        with torch.no_grad():
            statistics = cut(self.statistics(windows, coded.error, normal.level, targets))  # (B, P, patch * S)
        facts = torch.cat([normal.level, normal.scale.log()], dim=2).expand(-1, self.encoder.patches, -1)
        tokens = torch.cat([coded.mean, cut(normal.values), statistics, facts], dim=2)
        points, own, embedding = self.classifier(tokens, statistics, int(self.span))
        return Verdict(points[:, self.encoder.missing :], own, embedding)

    def forward(self, windows: Tensor, targets: Tensor) -> tuple[Verdict, Tensor]:
        """Judge windows (B, L, W) with targets (B, W): calibrated verdict and (B, L, W) errors; nothing is sampled."""
        coded = self.code(windows)
        raw = self.judge(windows, targets, coded)
        (a, b), (c, d) = self.slopes, self.shifts
        return Verdict(a * raw.points + c, b * raw.windows + d, raw.embedding), coded.error
