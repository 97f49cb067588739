"""How much each loss counts: learnt from its own uncertainty, so that no weight has to be guessed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig

_REGRESSIONS, _DECISIONS = ("reconstruction",), ("points", "windows")


class Balance(nn.Module):
    """Weighs losses by homoscedastic uncertainty (Kendall, Gal & Cipolla, CVPR 2018, equations 7 and 10).

    ``exp(-s) loss + s / 2`` for a decision and half of ``exp(-s) loss + s`` for a squared error, each with a learnt s.
    The ELBO counts as one squared error: the KL shares the reconstruction's weight, times beta (with its own weight, as
    in a VAE with a learnt noise of the decoder, the codes said too much: VUS-PR of the error .52 against .56). The
    likeness of latent samples is a penalty and keeps the weight that it is given.

    Args:
        config: whether to balance at all, beta, and the penalty's weight.
    """

    def __init__(self, config: AsterConfig) -> None:
        super().__init__()
        self.balance, self.beta, self.diversity = config.balance, config.beta, config.diversity
        self.logs = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in (*_REGRESSIONS, *_DECISIONS)})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Sum the losses "reconstruction", "kl", "points", "windows" and, where there is one, "likeness"."""
        weights = self.weights()
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        return total + 0.5 * torch.stack(list(self.logs.values())).sum() if self.balance else total

    def weights(self) -> dict[str, Tensor]:
        """Give each loss's weight (scalars)."""
        ones = {name: torch.ones(()) for name in self.logs}
        own = {name: torch.exp(-log) for name, log in self.logs.items()} if self.balance else ones
        if self.balance:
            own |= {name: 0.5 * own[name] for name in _REGRESSIONS}
        return own | {"kl": self.beta * own["reconstruction"], "likeness": torch.tensor(self.diversity)}
