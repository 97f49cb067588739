"""A workspace that asks, made without training: one long series, a model version, its graph and a queue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hand_made import add_series, add_version, ask

from rl_tsad.config import Settings
from rl_tsad.services.workspace import create_workspace
from rl_tsad.types import Series, slide

LENGTH, STRIDE = 256, 64
CHANNELS = ("flow [l/s]", "T (°C)", "valve")


def make_scene(root: Path, points: int, questions: int) -> None:
    """Make the workspace.

    Args:
        root: its folder; made here.
        points: of the series, one a minute.
        questions: spread evenly over it.
    """
    recorded = _recorded(points)
    windows = slide(recorded, length=LENGTH, stride=STRIDE)
    embedding = np.concatenate([windows.values.mean(axis=1), windows.values.std(axis=1)], axis=1)
    rows = np.linspace(8, len(windows) - 9, questions).astype(int)
    with create_workspace(root, Settings()) as ws:
        add_series(ws, recorded, exogenous=("valve",))
        version = add_version(ws, windows, embedding.astype(np.float32), neighbours=10)
        ask(ws, windows, points, rows, version)


def _recorded(points: int) -> Series:
    rng, steps = np.random.default_rng(0), np.arange(points)
    clock = np.datetime64("2024-01-01T00:00", "ns") + steps * np.timedelta64(60, "s")
    waves = np.stack([np.sin(steps / 60), 40 + np.cos(steps / 229), steps % 50 / 50], axis=1)
    values = (waves + rng.normal(0, 0.08, waves.shape)).astype(np.float32)
    values[rng.integers(0, points, 200), 0] += 4
    return Series("plant", values, clock, CHANNELS, None, "Europe/Berlin")
