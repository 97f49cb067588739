"""What if a method knew which channels are targets? It is shown these only; commands and set-points are left out."""

from __future__ import annotations

from dataclasses import replace

from protocol import Method, Scorer, Task

from rl_tsad.types import Series


def on_targets(method: Method) -> Method:
    """Let a method see the targets alone."""

    def fit(task: Task, seed: int) -> Scorer:
        return method(replace(task, fit=_targets(task.fit), series=_targets(task.series)), seed)

    return fit


def _targets(series: Series) -> Series:
    chosen = series.targets
    names = tuple(series.channels[i] for i in chosen)
    return replace(series, values=series.values[:, chosen], channels=names, exogenous=None)
