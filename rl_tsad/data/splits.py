"""Which windows may be asked and trained on (the pool), and which are only ever evaluated (the test)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rl_tsad.config import SplitConfig
from rl_tsad.errors import DataError
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64, Int64, Series, Windows

_NEAR_DUPLICATE = 0.98


@dataclass(frozen=True)
class Split:
    """Pool and test, with no point in common.

    Attributes:
        pool: windows that may be asked, one entry a series.
        test: windows that are only evaluated, one entry a series; entries may be empty.

    Raises:
        DataError: when pool and test share a point.
    """

    pool: tuple[Windows, ...]
    test: tuple[Windows, ...]

    def __post_init__(self) -> None:
        pool = {windows.series: windows for windows in self.pool if len(windows)}
        for test in self.test:
            if len(test) and test.series in pool:
                _refuse_overlap(pool[test.series], test)


def past_future(windows: Sequence[Windows], lengths: Mapping[str, int], config: SplitConfig) -> Split:
    """Ask in the past, evaluate in the future of the same series: what users live.

    A pool window ends within the first ``pool_fraction`` of its series. A test window's whole context starts at least
    ``gap_windows`` window lengths later, so that no point of it was ever shown to training.

    Args:
        windows: all windows, one entry a series.
        lengths: number of points of each series, by name.
        config: the fraction and the gap.

    Raises:
        DataError: when no series has room for a pool window.

    Example:
        >>> from rl_tsad.types import slide
        >>> s = Series("a", np.zeros((100, 1), np.float32), np.arange(100), ("x",))
        >>> w = slide(s, length=10, stride=5)
        >>> split = past_future([w], {"a": 100}, SplitConfig(pool_fraction=0.5, gap_windows=1))
        >>> split.pool[0].starts.tolist()[-1], split.test[0].starts.tolist()[0]
        (40, 60)
    """
    pool, test = [], []
    for each in windows:
        border = int(np.floor(config.pool_fraction * lengths[each.series] + 1e-9))
        last = int(np.searchsorted(each.starts, border - each.length, side="right"))
        first = int(np.searchsorted(each.starts, border + config.gap_windows * each.length))
        pool.append(each.between(0, last))
        test.append(each.between(len(each) if config.pool_fraction >= 1 else first, len(each)))
    if not any(len(each) for each in pool):
        raise DataError(
            f"expected at least one window in the first {config.pool_fraction:.0%} of a series, got none; "
            "choose a smaller window.length, a larger split.pool_fraction or longer series"
        )
    return Split(tuple(pool), tuple(test))


def unseen(series: Sequence[Series], windows: Sequence[Windows], *, fraction: float, seed: int) -> Split:
    """Ask in some series, evaluate on others, near-duplicates on one side.

    Args:
        series: S series.
        windows: their windows, in the same order.
        fraction: share of the series that forms the pool, above 0 and below 1.
        seed: which series go where.

    Raises:
        DataError: when there are fewer than two groups of distinct series, or the fraction is out of range.

    Example:
        >>> from rl_tsad.types import slide
        >>> noise = np.random.default_rng(0).normal(size=(4, 50, 1)).astype(np.float32)
        >>> four = [Series(f"s{i}", v, np.arange(50), ("x",)) for i, v in enumerate(noise)]
        >>> split = unseen(four, [slide(s, length=10, stride=5) for s in four], fraction=0.5, seed=0)
        >>> len(split.pool), len(split.test)
        (2, 2)
    """
    if not 0 < fraction < 1:
        raise DataError(
            f"expected a pool fraction between 0 and 1, got {fraction}; 0.6 keeps 40 % of the series unseen"
        )
    group = group_duplicates(series)
    if len(set(group.tolist())) < 2:
        raise DataError(
            f"expected at least two distinct series to split by series, got {len(series)} that are near-duplicates; "
            "add series or split by time (--protocol past_future)"
        )
    in_pool = _choose(group, fraction, derive_rng(seed, "data", "unseen"))
    return Split(
        tuple(each for each, chosen in zip(windows, in_pool, strict=True) if chosen),
        tuple(each for each, chosen in zip(windows, in_pool, strict=True) if not chosen),
    )


def group_duplicates(series: Sequence[Series]) -> Int64:
    """Number the groups of near-duplicate series: equal, or correlated above .98 over their common first points.

    Only series of equal width whose lengths differ by at most a tenth are compared.

    Returns:
        (S,) int64 group numbers.

    Example:
        >>> wave = np.sin(np.arange(60)).astype(np.float32)[:, None]
        >>> twins = [Series("a", wave, np.arange(60), ("x",)), Series("b", wave * 2 + 1, np.arange(60), ("x",))]
        >>> group_duplicates(twins).tolist()
        [0, 0]
    """
    pairs = [(a, b) for a, b in combinations(range(len(series)), 2) if _is_duplicate(series[a], series[b])]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(series), len(series)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _is_duplicate(a: Series, b: Series) -> bool:
    common = min(a.length, b.length)
    if a.width != b.width or common < 2 or common < 0.9 * max(a.length, b.length):
        return False
    left, right = _standard(a, common), _standard(b, common)
    return bool((left * right).sum() / max(_moving(left), _moving(right), 1) > _NEAR_DUPLICATE) or np.array_equal(
        a.values[:common], b.values[:common]
    )


def _standard(series: Series, length: int) -> Float64:
    values = series.values[:length].astype(np.float64)
    spread = values.std(axis=0)
    centred = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1) / np.sqrt(length)
    return np.where(spread > 0, centred, 0.0)


def _moving(standard: Float64) -> int:
    return int((standard != 0).any(axis=0).sum())


def _choose(group: Int64, fraction: float, rng: np.random.Generator) -> list[bool]:
    order = rng.permutation(np.unique(group))
    sizes = np.array([(group == number).sum() for number in order])
    before = np.cumsum(sizes) - sizes
    wanted = before + sizes / 2 < fraction * len(group)
    wanted[0], wanted[-1] = True, False
    return [bool(chosen) for chosen in np.isin(group, order[wanted])]


def _refuse_overlap(pool: Windows, test: Windows) -> None:
    pool_end = int(pool.starts[-1]) + pool.length
    test_end = int(test.starts[-1]) + test.length
    if pool_end > test.starts[0] and test_end > pool.starts[0]:
        raise DataError(
            f"series {pool.series!r}: expected pool and test without a common point, got pool points up to {pool_end} "
            f"and test points from {test.starts[0]}; leave a gap between them"
        )
