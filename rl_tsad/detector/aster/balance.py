"""How much each loss counts: learnt from its own uncertainty, so that no weight has to be guessed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig

_REGRESSIONS, _DECISIONS = ("reconstruction",), ("points", "windows")
_KL = 0.1  # weight of the codes' divergence where nothing is balanced


class Balance(nn.Module):
    """Weighs losses by homoscedastic uncertainty (Kendall, Gal & Cipolla, CVPR 2018, equations 7 and 10).

    ``exp(-s) loss + s / 2`` for a decision and half of ``exp(-s) loss + s`` for a squared error, each with a learnt s.
    For the reconstruction this is the VAE with a learnt noise of its decoder (Rybkin et al., ICML 2021), so that the
    KL needs no weight: it keeps 1. The likeness of latent samples is a penalty and keeps the weight that it is given.

    Args:
        config: whether to balance at all, and the penalty's weight.
    """

    def __init__(self, config: AsterConfig) -> None:
        super().__init__()
        self.balance, self.diversity = config.balance, config.diversity
        self.logs = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in (*_REGRESSIONS, *_DECISIONS)})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Sum the losses "reconstruction", "kl", "points", "windows" and, where there is one, "likeness"."""
        weights = self.weights()
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        return total + 0.5 * torch.stack(list(self.logs.values())).sum() if self.balance else total

    def weights(self) -> dict[str, Tensor]:
        """Give each loss's weight (scalars)."""
        if not self.balance:
            own: dict[str, Tensor] = {name: torch.ones(()) for name in self.logs}
            return own | {"kl": torch.tensor(_KL), "likeness": torch.tensor(self.diversity)}
        own = {name: torch.exp(-self.logs[name]) for name in _DECISIONS}
        own |= {name: 0.5 * torch.exp(-self.logs[name]) for name in _REGRESSIONS}
        return own | {"kl": torch.ones(()), "likeness": torch.tensor(self.diversity)}
