"""A channel from elsewhere: right by itself, wrong beside the others or at this time."""

from __future__ import annotations

import torch
from torch import Tensor

from rl_tsad.detector.aster.generators.edit import changed, draw_place


def swap(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Replace what lies in the interval by the same channels of another window of the batch.

    In half of the windows the piece is moved to the level at which the interval begins, so that only its shape, and
    the lost correlation with the other channels, tell. See :class:`rl_tsad.detector.aster.generators.edit.Generator`.

    Example:
        >>> made, positions = swap(torch.randn(4, 16, 2), torch.ones(4, 2), 0.5, torch.Generator())
        >>> made.shape, positions.shape
        (torch.Size([4, 16, 2]), torch.Size([4, 16]))
    """
    place = draw_place(windows, targets, hardness, noise, least=4)
    other = windows[torch.randperm(len(windows), generator=noise)].roll(
        int(torch.randint(windows.shape[1], (1,), generator=noise)), dims=1
    )
    at_first = place.first[:, :, None].expand(-1, 1, windows.shape[2])
    step = windows.gather(1, at_first) - other.gather(1, at_first)
    aligned = torch.rand(len(windows), 1, 1, generator=noise) < 0.5
    other = other + torch.where(aligned, step, torch.zeros_like(step))
    made = torch.lerp(windows, other, place.mask)
    return made, changed(windows, made, targets, place.noise)
