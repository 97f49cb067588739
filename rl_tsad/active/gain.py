"""What is one answer expected to earn? Learning active learning: a regression taught on simulated plants.

Konyushkova, Sznitman & Fua, "Learning active learning from data", NIPS 2017: scalars of a window and of what was asked
so far go in, the gain that its answer brought on other data comes out. The regression that ships
(``gain.safetensors``) learnt on simulated plants what one more answer changed in the average precision of unanswered
windows; ``benchmarks/agent_gain.py`` taught and judged it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from rl_tsad.active.neighbours import nearest_distance
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Int64

NAMES = (
    "margin",
    "logit",
    "prior",
    "rank of the prior",
    "rank of the logit",
    "sparseness",
    "logit around",
    "apart in time",
    "apart from asked",
    "apart from anomalies",
    "apart from normals",
    "anomalies asked",
    "normals asked",
    "share called anomalous",
)
"""Columns of :meth:`Facts.table`."""
MOST = 4096
"""Windows of smallest margin, and of highest score, of which facts are gathered."""
_FAR = 5.0  # usual distances to answers that do not exist
_NEAR, _SAMPLE = 10, 512
_AROUND, _BESIDE = 7, 10.0  # windows


class Facts:
    """Scalars of windows that may be asked, kept up as questions are added.

    Args:
        probability: (N,) P(anomaly) of all windows of the pool.
        prior: (N,) label-free score.
        points: (N, Z) standardised embedding.
        series: (N,) number of each window's series.
        position: (N,) number of each window within its series.
        asked: rows that were asked about.
        kept: rising rows whose facts are wanted.
    """

    def __init__(
        self,
        probability: Float32,
        prior: Float32,
        points: Float32,
        series: Int64,
        position: Int64,
        *,
        asked: Int64,
        kept: Int64,
    ) -> None:
        self.kept, self.anomalous = kept, probability > 0.5  # once asked, the belief agrees with the answer
        self.points, self.series, self.position = points, series, position
        certain = probability.astype(np.float64)
        logit = np.log((certain + 1e-3) / (1.0 - certain + 1e-3))
        some = points[derive_rng(0, "active/gain").permutation(len(points))[:_SAMPLE]]
        sparse = _mean_of_nearest(points[kept], some)
        self.usual = float(np.median(_mean_of_nearest(some, some))) or 1.0
        around = np.convolve(logit, np.ones(_AROUND) / _AROUND, mode="same")[: len(logit)]
        columns = [np.abs(2.0 * certain - 1.0), logit, prior, _rank(prior), _rank(logit)]
        self.fixed = np.stack([*(each[kept] for each in columns), sparse / self.usual, around[kept]], axis=1)
        self.called = float(self.anomalous.mean())
        self.counts = np.zeros(2)
        self.near = np.full((len(kept), 4), _FAR)  # in time; to asked, anomaly, normal
        self._add(asked)

    def add(self, row: int) -> None:
        """Count a window as asked."""
        self._add(np.array([row], dtype=np.int64))

    def table(self) -> Float64:
        """(K, F) float64 facts of the kept rows, columns as in :data:`NAMES`."""
        shared = np.append(np.log1p(self.counts), self.called)
        return np.column_stack([self.fixed, self.near, np.tile(shared, (len(self.kept), 1))])

    def _add(self, rows: Int64) -> None:
        kinds = [rows, rows[self.anomalous[rows]], rows[~self.anomalous[rows]]]
        self.counts += [len(kinds[1]), len(kinds[2])]
        for column, own in enumerate(kinds, start=1):
            apart = nearest_distance(self.points[self.kept], self.points[own]) / self.usual
            np.minimum(self.near[:, column], apart, out=self.near[:, column])
        for number in np.unique(self.series[rows]).tolist():
            ours = np.flatnonzero(self.series[self.kept] == number)
            places = np.sort(self.position[rows[self.series[rows] == number]])
            here = self.position[self.kept[ours]]
            after = places[np.minimum(np.searchsorted(places, here), len(places) - 1)]
            before = places[np.maximum(np.searchsorted(places, here) - 1, 0)]
            apart = np.minimum(np.abs(after - here), np.abs(here - before)) / _BESIDE
            self.near[ours, 0] = np.minimum(self.near[ours, 0], apart)


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of T regression trees of at most M nodes each, as arrays: what ships must outlive scikit-learn's versions.

    Attributes:
        feature: (T, M) int64 column that a node looks at.
        threshold: (T, M) float64; what is not above it goes left.
        left, right: (T, M) int64 next node; a leaf's is itself.
        value: (T, M) float64 of leaves.
        start: (1,) float64 that the sum begins with.
    """

    feature: Int64
    threshold: Float64
    left: Int64
    right: Int64
    value: Float64
    start: Float64

    def predict(self, table: Float64) -> Float64:
        """Give the sum for each row of a table, (K, F) to (K,).

        Example:
            >>> stump = [np.array([[0, 0, 0]]), np.array([[0.5, 0, 0]]), np.array([[1, 1, 2]]), np.array([[2, 1, 2]])]
            >>> trees = Trees(*stump, value=np.array([[0.0, -1.0, 1.0]]), start=np.array([0.5]))
            >>> trees.predict(np.array([[0.0], [1.0]])).tolist()
            [-0.5, 1.5]
        """
        seen = table.astype(np.float32)
        tree, row = np.arange(len(self.feature)), np.arange(len(table))[:, None]
        node = np.zeros((len(table), len(tree)), dtype=np.int64)
        while True:
            goes_left = seen[row, self.feature[tree, node]] <= self.threshold[tree, node]
            following = np.where(goes_left, self.left[tree, node], self.right[tree, node])
            if np.array_equal(following, node):
                return np.asarray(self.start[0] + self.value[tree, node].sum(axis=1))
            node = following

    def write(self, file: Path) -> None:
        """Write the trees as safetensors."""
        file.write_bytes(save({name: np.ascontiguousarray(value) for name, value in asdict(self).items()}))


@cache
def load_trees() -> Trees:
    """Load the regression that ships with the package."""
    return Trees(**load(files("rl_tsad.active").joinpath("gain.safetensors").read_bytes()))


def _mean_of_nearest(points: Float32, some: Float32) -> Float64:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=min(_NEAR, len(some)), algorithm="brute").fit(some)
    return np.asarray(index.kneighbors(points)[0].mean(axis=1), dtype=np.float64)


def _rank(values: Float32 | Float64) -> Float64:
    return np.argsort(np.argsort(values)) / len(values)
