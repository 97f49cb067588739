"""Pseudo-anomalies written as small programs over arrays, registered by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from rl_tsad.detector.aster.generators.edit import changed, noise_scale
from rl_tsad.errors import ConfigError
from rl_tsad.types import Float32

Program = Callable[[Float32, float, np.random.Generator], Float32]
"""``program(windows (B, L, W), hardness, rng) -> windows (B, L, W)``: edits a copy; float32, finite."""

_PROGRAMS: dict[str, Program] = {}


def register_program(name: str, program: Program) -> None:
    """Add a program to the pool, or replace the one of that name.

    Example:
        >>> register_program("lift", lambda windows, hardness, rng: windows + np.float32(2 - hardness))
        >>> "lift" in registered_programs()
        True
    """
    _PROGRAMS[name] = program


def registered_programs() -> tuple[str, ...]:
    """Give the names of all programs, in order of registration.

    Example:
        >>> isinstance(registered_programs(), tuple)
        True
    """
    return tuple(_PROGRAMS)


def program(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Let one of the registered programs, drawn at random, edit the windows; exogenous channels stay.

    See :class:`rl_tsad.detector.aster.generators.edit.Generator`.

    Raises:
        ConfigError: when no program is registered, or one gives another shape or what is not finite.

    Example:
        >>> register_program("lift", lambda windows, hardness, rng: windows + np.float32(2 - hardness))
        >>> made, positions = program(torch.zeros(1, 4, 1), torch.ones(1, 1), 1.0, torch.Generator())
        >>> made.flatten().tolist(), bool(positions.all())
        ([1.0, 1.0, 1.0, 1.0], True)
    """
    names = registered_programs()
    if not names:
        raise ConfigError(
            "expected a registered program, got none; call register_program or set detector.aster.mixture.program = 0"
        )
    name = names[int(torch.randint(len(names), (1,), generator=noise))]
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=noise)))
    raw = np.asarray(_PROGRAMS[name](windows.detach().numpy().copy(), hardness, rng), np.float32)
    if raw.shape != tuple(windows.shape) or not np.isfinite(raw).all():
        raise ConfigError(
            f"expected finite windows {tuple(windows.shape)} from program {name!r}, got {raw.shape}, "
            f"finite: {bool(np.isfinite(raw).all())}; correct the program"
        )
    made = torch.where(targets[:, None] > 0, torch.from_numpy(raw), windows)
    return made, changed(windows, made, targets, noise_scale(windows))
