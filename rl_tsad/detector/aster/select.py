"""Which step of the training is kept, and how its logits become probabilities: by generators that never trained it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from rl_tsad.detector.aster.generators.edit import Generator
from rl_tsad.detector.aster.model import Aster, Verdict


@dataclass(frozen=True)
class Trial:
    """Windows that ASTER is tried on.

    Attributes:
        windows, targets: (V, L, W) validation windows and (V, W) their roles.
        made: edited windows (V, L, W) and positions (V, L), by generator.
    """

    windows: Tensor
    targets: Tensor
    made: Mapping[str, tuple[Tensor, Tensor]]


@torch.no_grad()
def prepare_trial(
    windows: Tensor, targets: Tensor, generators: Mapping[str, Generator], hardness: float, noise: torch.Generator
) -> Trial:
    """Let each generator edit all validation windows.

    Example:
        >>> from rl_tsad.detector.aster.generators.jitter import jitter
        >>> trial = prepare_trial(torch.zeros(4, 8, 1), torch.ones(4, 1), {"jitter": jitter}, 0.5, torch.Generator())
        >>> trial.made["jitter"][1].shape
        torch.Size([4, 8])
    """
    made = {name: one(windows, targets, hardness, noise) for name, one in generators.items()}
    return Trial(windows, targets, made)


@torch.no_grad()
def quality(aster: Aster, trial: Trial) -> float:
    """Give how well edited positions are told from all others, in [0, 1]: AUC-ROC, mean over the generators.

    Example:
        >>> from rl_tsad.config import AsterConfig
        >>> aster = Aster(8, 1, AsterConfig())
        >>> still = torch.zeros(2, 8, 1)
        >>> trial = Trial(still, torch.ones(2, 1), {"none": (still, torch.ones(2, 8, dtype=torch.bool))})
        >>> quality(aster, trial)
        0.5
    """
    real, values = _judge(aster, trial.windows, trial.targets), []
    for windows, positions in trial.made.values():
        fake = _judge(aster, windows, trial.targets)
        values.append(auc(fake.points[positions], torch.cat([real.points.flatten(), fake.points[~positions]])))
    return sum(values) / len(values)


def auc(odd: Tensor, plain: Tensor) -> float:
    """Give the probability that one of ``odd`` (N,) exceeds one of ``plain`` (M,), ties half; 0.5 without either.

    Example:
        >>> auc(torch.tensor([2.0, 1.0]), torch.tensor([0.0, 1.0]))
        0.875
    """
    if not len(odd) or not len(plain):
        return 0.5
    ordered = plain.sort().values
    below = torch.searchsorted(ordered, odd) + torch.searchsorted(ordered, odd, right=True)
    return float(below.double().mean() / (2 * len(plain)))


class Keeper:
    """Remembers the best step's weights.

    Args:
        trial: what decides.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial, self.best = trial, -1.0
        self._state: dict[str, Tensor] = {}

    def look(self, aster: Aster) -> float:
        """Measure the weights of now, and keep them when none were better."""
        value = quality(aster, self.trial)
        if value >= self.best:
            self.best = value
            self._state = {name: tensor.clone() for name, tensor in aster.state_dict().items()}
        return value

    def restore(self, aster: Aster) -> None:
        """Put the best weights back."""
        aster.load_state_dict(self._state)


def calibrate(aster: Aster, trial: Trial) -> None:
    """Scale and shift the logits so that they are probabilities on the trial (Platt, 1999).

    There, half of the windows are real and half are edited; an edit that moved nothing counts as real.
    """
    with torch.no_grad():
        real = _judge(aster, trial.windows, trial.targets)
        fakes = [(_judge(aster, made, trial.targets), positions) for made, positions in trial.made.values()]
    span = int(aster.span)
    points = [torch.cat([real.points] * len(fakes)), *(fake.points for fake, _ in fakes)]
    windows = [torch.cat([real.windows] * len(fakes)), *(fake.windows for fake, _ in fakes)]
    truth = torch.cat([torch.zeros_like(points[0]), *(positions.float() for _, positions in fakes)])
    for row, (logits, wanted) in enumerate(
        [(torch.cat(points).flatten(), truth.flatten()), (torch.cat(windows), truth[:, -span:].amax(dim=1))]
    ):
        aster.slopes[row], aster.shifts[row] = fit_platt(logits, wanted)


def fit_platt(logits: Tensor, truth: Tensor) -> tuple[float, float]:
    """Find slope > 0 and shift of logits (N,) that minimise the cross entropy with truth (N,).

    Example:
        >>> slope, shift = fit_platt(torch.tensor([-2.0, 2.0] * 50), torch.tensor([0.0, 1.0] * 40 + [1.0, 0.0] * 10))
        >>> round(slope, 2), abs(round(shift, 2))
        (0.69, 0.0)
    """
    log_slope, shift = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    solver = torch.optim.LBFGS([log_slope, shift], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = functional.binary_cross_entropy_with_logits(log_slope.exp() * logits + shift, truth)
        value = value + 1e-4 * (log_slope.square() + shift.square())  # stays finite where all is told right
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]
    return float(log_slope.detach().exp()), float(shift.detach())


def _judge(aster: Aster, windows: Tensor, targets: Tensor) -> Verdict:
    return aster.judge(windows, targets, aster.code(windows))
