"""Detectors with TSB-AD's code paths and published settings, which differ for one column and for many.

Liu & Paparrizos ("The Elephant in the Room: Towards A Reliable Time-Series Anomaly Detection Benchmark", NeurIPS
2024), package TSB-AD 1.5: ``model_wrapper.py`` and ``Optimal_Uni_algo_HP_dict`` / ``Optimal_Multi_algo_HP_dict`` in
``HP_list.py``. Their VUS-PR is the published column's where the arithmetic is the same (see the tests). Differences:

* Where something apart is fitted on (SKAB), rows are normalised in scoring as in fitting; there only in fitting.
* Distances to components come from one matrix product instead of ``cdist``: same numbers, a fifth of the time.
* A component without any variance weighs 1e30 and not infinity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from protocol import Method, Scorer, Task
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from peers.windows import cut, each_row, material, pad, spread_out
from rl_tsad.types import Float64

_READ, _LAGS, _NONE = 20_000, 400, 125
_RATIO = 1e-30
"""Least share of variance; below it there are rounding errors only, and scores would no longer be finite."""


def second_period(values: Float64) -> int:
    """Give TSB-AD's ``find_length_rank(data, rank=2)``: the next lower peak of the autocorrelation at a longer lag."""
    series = values[:_READ] - values[:_READ].mean()
    power = np.abs(np.fft.rfft(series, 2 * len(series) + 1)) ** 2
    correlation = np.fft.irfft(power, 2 * len(series) + 1)[3 : _LAGS + 1]
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:])) + 1
    order = np.argsort(correlation[peaks])[::-1]
    if not len(order):
        return _NONE
    chosen = next((place for place in order[1:] if place > order[0]), order[0])
    return int(peaks[chosen]) + 3 if 3 <= peaks[chosen] <= 300 else _NONE


def iforest(task: Task, seed: int) -> Scorer:
    """Score points, not windows: 200 trees on one column; 25 trees on .8 of many, each point's columns normalised."""
    fitted, scored = material(task)
    if fitted.shape[1] == 1:
        forest = IsolationForest(n_estimators=200, random_state=seed).fit(fitted)
    else:
        fitted, scored = each_row(fitted), each_row(scored)
        forest = IsolationForest(n_estimators=25, max_features=0.8, random_state=seed).fit(fitted)
    return lambda: -forest.decision_function(scored)


def sub_pca(*, windows: bool = True) -> Method:
    """Sum the distances to all components over their share of variance; windows are one period long.

    Args:
        windows: on many columns, look at windows with all components; else, as TSB-AD's ``PCA``, at points with the
            components that explain a quarter.
    """

    def fit(task: Task, seed: int) -> Scorer:
        fitted, scored = material(task)
        by_point = not windows and fitted.shape[1] > 1
        length = 1 if by_point else task.window
        scaler = StandardScaler()
        rows = scaler.fit_transform(cut(fitted, length))
        varies = (rows != 0).any(axis=0)
        found = PCA(0.25 if by_point else None, random_state=seed).fit(rows[:, varies])
        weight = 1 / np.maximum(found.explained_variance_ratio_, _RATIO)  # (K,)

        def score() -> Float64:
            seen = scaler.transform(cut(scored, length))[:, varies]  # (N, L)
            squares = (seen**2).sum(axis=1)[:, None] + 1 - 2 * seen @ found.components_.T  # (N, K): components are unit
            return pad(np.sqrt(np.maximum(squares, 0)) @ weight, len(scored), length)

        return score

    return fit


def kmeans(task: Task, seed: int) -> Scorer:
    """Distance to the nearest of ten centres of normalised windows: second period on one column, 40 points on many."""
    fitted, scored = material(task)
    length = second_period(scored[:, 0]) if fitted.shape[1] == 1 else 40
    model = KMeans(10, random_state=seed).fit(each_row(cut(fitted, length)))
    return lambda: spread_out(model.transform(each_row(cut(scored, length))).min(axis=1), len(scored), length)


def hbos(task: Task, seed: int) -> Scorer:
    """Sum of the columns' log densities: 10 bins and windows of a period on one column; 30 bins and points on many."""
    fitted, scored = material(task)
    length, bins = (task.window, 10) if fitted.shape[1] == 1 else (1, 30)
    rows = each_row(cut(fitted, length))
    tables = [np.histogram(column, bins, density=True) for column in rows.T]

    def score() -> Float64:
        seen = each_row(cut(scored, length))
        total = np.zeros(len(seen))
        for column, (density, edges) in zip(seen.T, tables, strict=True):
            place = np.digitize(column, edges, right=True)
            slack = 0.5 * np.diff(edges)[[0, -1]]
            inside = (column >= edges[0] - slack[0]) & (column <= edges[-1] + slack[1])
            level = np.log2(density + 0.1)
            total -= np.where(inside, level[np.clip(place - 1, 0, bins - 1)], level.min())
        return pad(total, len(scored), length)

    return score


def knn(task: Task, seed: int) -> Scorer:
    """Distance to 50 neighbours: the last one's, windows of the second period, on one column; the mean on many."""
    fitted, scored = material(task)
    single = fitted.shape[1] == 1
    length = second_period(scored[:, 0]) if single else 1
    index = NearestNeighbors(n_neighbors=50).fit(each_row(cut(fitted, length)))
    reduce: Callable[[Float64], Float64] = (lambda far: far[:, -1]) if single else (lambda far: far.mean(axis=1))

    def score() -> Float64:
        seen = each_row(cut(scored, length)) if task.apart else None  # none: each point's neighbours without itself
        return pad(reduce(index.kneighbors(seen)[0]), len(scored), length)

    return score
