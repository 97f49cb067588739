"""How ASTER is trained without labels: real windows against a pool of generated ones, one optimiser for all parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.balance import Balance
from rl_tsad.detector.aster.material import split_material
from rl_tsad.detector.aster.model import Aster, Coded, Verdict
from rl_tsad.detector.aster.pool import Made, Pool, make_batch, training_pool, validation_generators
from rl_tsad.detector.aster.score import roles_of
from rl_tsad.detector.aster.select import Keeper, auc, calibrate, prepare_trial
from rl_tsad.detector.track import Track
from rl_tsad.progress import Log, Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32

WARM_UP = 0.25  # share of the steps in which every real window counts
TRIM = 0.06  # share of each later batch's real windows, the most anomalous ones, that is left out
_EVERY = 10  # steps between two entries of the history
_LOOK = 50  # steps between two looks at the validation
_SAMPLE = 2048  # real windows from which is learnt what is usual
_TRIAL = 384  # validation windows
_RISE = 0.2  # share of the steps in which the learning rate rises; afterwards it falls to a twentieth
_FORGET = 0.05  # share of the newest batch in the usual error of reproduction


def train_aster(
    track: Track,
    config: AsterConfig,
    *,
    stride: int,
    targets: Float32 | None = None,
    seed: int,
    log: Log,
    progress: Progress = no_progress,
) -> Aster:
    """Train encoder, generators and classifier together, without labels.

    Loss: reconstruction and KL of the codes (ELBO), cross entropy of positions and of spans (real 0, generated 1), the
    latent generator's gradient reversed, and its samples' likeness; weighed by their uncertainty. A fifth of the
    windows, in two blocks, is kept for validation: on these, and on generators kept out of the training
    (``config.held_out``), the best step is chosen and the probabilities are calibrated. After a warm-up the real
    windows that look most anomalous do not count, so that a contaminated recording costs little.

    Args:
        track: N windows to learn from, none of which crosses a gap; windows between two overlapping ones are used too.
        config: sizes, steps, mixture of the generators.
        stride: S, points in a window's span, its last ones; the window's own probability speaks of them.
        targets: (W,) or (N, W), 1 for a channel that is scored, 0 for an exogenous or padding one; all ones when
            omitted. Exogenous channels are seen, but neither edited nor reproduced.
        seed: of initial weights, batches and noise.
        log: called with "aster/loss/{part}", "aster/weight/{part}", "aster/separability/{generator}" (AUC of its
            positions against real ones, in its last batch) and "aster/validation".
        progress: called as ("detector/aster", step, steps).

    Example:
        >>> import numpy as np
        >>> track = Track(np.zeros((20, 1), np.float32), np.arange(12), 8)
        >>> aster = train_aster(track, AsterConfig(steps=1), stride=4, seed=0, log=lambda path, value: None)
        >>> aster.training
        False
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "aster", "weights"))
        aster = Aster(track.length, track.values.shape[1], config)
    aster.span.fill_(stride)
    noise = torch.Generator().manual_seed(derive_seed(seed, "aster", "noise"))
    rng = derive_rng(seed, "aster", "batches")
    material, held = split_material(track, roles_of(track, targets))
    aster.statistics.fit(*material.draw(rng, _SAMPLE))
    generators = validation_generators(aster.latent, config)
    keeper = Keeper(prepare_trial(*held.draw(rng, _TRIAL), generators, config.hardness, noise))
    course = Course(aster, training_pool(aster.latent, config), Balance(config), noise)
    for step in range(config.steps):
        losses = course.step(*material.draw(rng, config.batch), done=step / config.steps)
        is_last = step == config.steps - 1
        if step % _EVERY == 0 or is_last:
            _log(losses, course.balance, log)
            progress("detector/aster", step + 1, config.steps)
        if (step + 1) % _LOOK == 0 or is_last:
            log("aster/validation", keeper.look(aster))
    keeper.restore(aster)
    calibrate(aster, keeper.trial)
    return aster.eval()


@dataclass(frozen=True)
class StepLosses:
    """One step's losses by name (scalars), and what they came from."""

    parts: Mapping[str, Tensor]
    verdict: Verdict
    made: Made

    @torch.no_grad()
    def separability(self) -> dict[str, float]:
        """Give how well each generator's changed positions are told from real ones (AUC-ROC)."""
        real, fake = self.verdict.points.chunk(2)
        return {
            name: auc(fake[(self.made.kinds == kind)[:, None] & self.made.positions], real.flatten())
            for kind, name in enumerate(self.made.names)
        }


class Course:
    """The training's moving parts: one optimiser and one learning rate's course for everything that learns.

    Args:
        aster: all networks.
        pool: the generators that train.
        balance: the losses' weights.
        noise: source of randomness.
    """

    def __init__(self, aster: Aster, pool: Pool, balance: Balance, noise: torch.Generator) -> None:
        self.aster, self.pool, self.balance, self.noise = aster, pool, balance, noise
        rate = aster.config.learning_rate
        groups: list[dict[str, Any]] = [{"params": list(part.parameters())} for part in (aster, balance)]
        self.optimiser = torch.optim.Adam(groups, lr=rate, fused=True)
        self._rates = [rate, 5 * rate]

    def step(self, windows: Tensor, targets: Tensor, *, done: float) -> StepLosses:
        """Learn from one batch (B, L, W); ``done`` is the share of the steps that are over."""
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * min(1.0, done / _RISE + 0.1, 1.05 - done)
        losses = step_losses(self.aster, self.pool, windows, targets, noise=self.noise, trim=TRIM * (done >= WARM_UP))
        self.optimiser.zero_grad()
        self.balance(losses.parts).backward()
        self.optimiser.step()
        return losses


def step_losses(
    aster: Aster, pool: Pool, windows: Tensor, targets: Tensor, *, noise: torch.Generator, trim: float = 0.0
) -> StepLosses:
    """Give the losses of one batch of real windows and as many generated ones.

    Args:
        aster: all networks.
        pool: generators.
        windows: (B, L, W) real windows.
        targets: (B, W) 1 for a target channel, else 0.
        noise: source of randomness.
        trim: share of the real windows, the most anomalous ones, that do not count.

    Example:
        >>> aster = Aster(8, 1, AsterConfig())
        >>> pool = training_pool(aster.latent, aster.config)
        >>> losses = step_losses(aster, pool, torch.randn(16, 8, 1), torch.ones(16, 1), noise=torch.Generator())
        >>> sorted(losses.parts)
        ['kl', 'likeness', 'points', 'reconstruction', 'windows']
    """
    made = make_batch(pool, windows, targets, aster.config.hardness, noise)
    both, roles, rows = torch.cat([windows, made.windows]), torch.cat([targets, targets]), len(windows)
    coded = aster.code(both)
    aster.statistics.follow_error(coded.error[:rows], targets, _FORGET)
    verdict = aster.judge(both, roles, coded)
    kept = _least_odd(verdict, rows, trim)
    parts = _evidence_losses(aster, coded, windows[kept], targets[kept], kept, noise=noise)
    parts |= _verdict_losses(aster, verdict, made, kept)
    if "latent" in pool.shares:
        parts["likeness"] = aster.latent.likeness
    return StepLosses(parts, verdict, made)


def _evidence_losses(
    aster: Aster, coded: Coded, windows: Tensor, targets: Tensor, kept: Tensor, *, noise: torch.Generator
) -> dict[str, Tensor]:
    """Squared error and KL per value of the kept real windows, over their targets (the ELBO's two terms)."""
    mean, log_variance = coded.mean[kept], coded.log_variance[kept]
    copy = aster.encoder.decode(mean + torch.randn(mean.shape, generator=noise) * torch.exp(0.5 * log_variance))
    used = targets[:, None]
    size = (used.sum(dim=(1, 2)) * copy.shape[1]).clamp_min(1)  # (B,) values that count
    squared = ((copy - windows).square() * used).sum(dim=(1, 2)) / size
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2)) / size
    return {"reconstruction": squared.mean(), "kl": kl.mean()}


def _verdict_losses(aster: Aster, verdict: Verdict, made: Made, kept: Tensor) -> dict[str, Tensor]:
    """Cross entropy of positions and of spans: kept real ones against 0, generated ones against what changed."""
    real, truth = made.positions.new_zeros(len(kept), made.positions.shape[1]), made.positions
    truth = torch.cat([real, truth]).float()
    rows = torch.cat([kept, torch.arange(len(made.windows), 2 * len(made.windows))])
    spans = truth[:, -int(aster.span) :].amax(dim=1)
    entropy = functional.binary_cross_entropy_with_logits
    return {"points": entropy(verdict.points[rows], truth), "windows": entropy(verdict.windows[rows], spans)}


def _least_odd(verdict: Verdict, rows: int, trim: float) -> Tensor:
    """Rows of the real windows without the share that looks most anomalous."""
    odd = torch.sigmoid(verdict.points[:rows].detach()).mean(dim=1) + torch.sigmoid(verdict.windows[:rows].detach())
    return odd.argsort()[: rows - int(trim * rows)]


def _log(losses: StepLosses, balance: Balance, log: Log) -> None:
    for name, value in losses.parts.items():
        log(f"aster/loss/{name}", value.item())
        log(f"aster/weight/{name}", balance.weights()[name].item())
    for name, share in losses.separability().items():
        log(f"aster/separability/{name}", share)
