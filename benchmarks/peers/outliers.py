"""PyOD's detectors with their default settings, on windows of 100 points of columns of one scale (extra ``bench``)."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from protocol import Method, Scorer, Task

from peers.windows import alike, cut, material, pad
from rl_tsad.errors import ConfigError
from rl_tsad.types import Float64

LENGTH = 100


def pyod(module: str, name: str, *, seeded: bool = False) -> Method:
    """Make a method of a PyOD class, such as ``pyod("iforest", "IForest")``.

    Args:
        module: below ``pyod.models``.
        name: of the class.
        seeded: whether it takes a ``random_state``.
    """

    def fit(task: Task, seed: int) -> Scorer:
        fitted, scored = alike(*material(task))
        made: Any = getattr(load_pyod(module), name)
        detector = made(random_state=seed) if seeded else made()
        detector.fit(cut(fitted, LENGTH))

        def score() -> Float64:
            rows = detector.decision_function(cut(scored, LENGTH)) if task.apart else detector.decision_scores_
            return pad(np.asarray(rows, dtype=np.float64), len(scored), LENGTH)

        return score

    return fit


def load_pyod(module: str) -> Any:
    """Import a module of PyOD.

    Raises:
        ConfigError: names the extra where the package is absent.
    """
    try:
        return importlib.import_module(f"pyod.models.{module}")
    except ImportError as error:
        raise ConfigError(f"expected the package pyod, got {error}; install it: pip install -e '.[bench]'") from error
