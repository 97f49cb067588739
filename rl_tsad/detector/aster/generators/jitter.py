"""Noise where there was less of it, down to a single spike."""

from __future__ import annotations

import torch
from torch import Tensor

from rl_tsad.detector.aster.generators.edit import changed, draw_place, draw_strength, normal


def jitter(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add Gaussian noise inside the interval (see :class:`rl_tsad.detector.aster.generators.edit.Generator`).

    Example:
        >>> made, positions = jitter(torch.zeros(4, 16, 1), torch.ones(4, 1), 0.0, torch.Generator())
        >>> bool((made[~positions].abs() <= 0.02).all())
        True
    """
    place = draw_place(windows, targets, hardness, noise)
    made = windows + place.mask * draw_strength(place.noise, hardness, noise) * normal(windows, noise)
    return made, changed(windows, made, targets, place.noise)
