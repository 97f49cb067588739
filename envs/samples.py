"""Made-up windows whose truth is known: for tests, benchmarks and examples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from envs.errors import EnvError
from envs.window_data import LIMIT, Int8, Int64, WindowData


@dataclass(frozen=True, eq=False)
class Sample:
    """Windows and their truth.

    Attributes:
        data: what an environment may see; nothing of it is labelled unless :meth:`answer` did so.
        truth: (N,) int8, 1 for an anomaly.
    """

    data: WindowData
    truth: Int8

    def answer(self, rows: Int64) -> WindowData:
        """Let a perfect analyst answer the windows in some rows.

        Example:
            >>> sample = sample_windows(50, 3, seed=0)
            >>> sample.answer(np.array([0, 7])).weight.sum().item()
            2.0
        """
        target, weight = self.data.target.copy(), self.data.weight.copy()
        target[rows], weight[rows] = self.truth[rows], 1.0
        return replace(self.data, target=target, weight=weight)


def sample_windows(rows: int, width: int, *, runs: int = 1, prevalence: float = 0.1, seed: int = 0) -> Sample:
    """Make windows of which some are anomalies, seen through noisy features.

    The first feature leans toward the truth, the others are noise with a slight lean; the unsupervised term e and the
    severity are blurred copies of the truth, as a label-free detector would give them.

    Args:
        rows: windows N.
        width: features F.
        runs: series that the rows are shared among, nearly equally.
        prevalence: share of anomalies.
        seed: of the draw.

    Raises:
        EnvError: when there are fewer rows than runs.

    Example:
        >>> sample = sample_windows(100, 3, runs=4, seed=1)
        >>> sample.data.observations.shape, int(sample.data.episode.max())
        ((100, 3), 3)
    """
    if not 1 <= runs <= rows:
        raise EnvError(f"expected 1 <= runs <= rows, got {runs} runs and {rows} rows; ask for fewer runs")
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < prevalence).astype(np.int8)
    lean = np.append(2.0, np.full(width - 1, 0.3))  # (F,)
    seen = rng.normal(size=(rows, width)) + lean * truth[:, None]
    blurred = truth + rng.normal(scale=0.5, size=rows)
    data = WindowData(
        observations=np.clip(seen, -LIMIT, LIMIT).astype(np.float32),
        target=np.full(rows, -1, dtype=np.int8),
        weight=np.zeros(rows, dtype=np.float32),
        error=np.tanh(2.0 * (blurred - 0.6)).astype(np.float32),
        severity=np.clip(blurred, 0.0, 1.0).astype(np.float32),
        episode=(np.arange(rows) * runs // rows).astype(np.int64),
        start_weight=1.0 + rng.random(rows),
    )
    return Sample(data, truth)
