"""What do the cells say of each method on each set: means with intervals, costs, distance from what was published?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from peers.registry import PEERS
from protocol import TARGETS, TITLES, Case

from detection.cells import Cell
from rl_tsad.seeding import derive_rng

OURS = "rl-tsad"
_DRAWS = 2000
_ON_A_PREFIX = ("generated", "commanded", "plant", "nab", "smap")
_FAMILIES = (*_ON_A_PREFIX, "apart", "moved", "still", "daily", *(f"self {name}" for name in _ON_A_PREFIX))


@dataclass(frozen=True)
class Column:
    """Series whose mean is one number of the table.

    Attributes:
        key: set, or family of validation cases.
        title: for people.
        names: (set, series) of its cases.
        target: VUS-PR to be reached, or None.
        published: mean VUS-PR of each published method over these series; empty where there is none.
    """

    key: str
    title: str
    names: frozenset[tuple[str, str]]
    target: float | None
    published: dict[str, float]

    @property
    def best_published(self) -> tuple[str, float] | None:
        """Name and mean of the best published method."""
        return max(self.published.items(), key=lambda each: each[1]) if self.published else None


@dataclass(frozen=True)
class Entry:
    """One method in one column.

    Attributes:
        mean: mean VUS-PR over series and seeds; low, high: 95 % bootstrap interval over series and seeds.
        seeds: how many there were.
        fit_cost, score_cost: CPU-seconds (see :func:`costs_of`).
        published: mean of the published column of the same method, or None; gap: largest difference on a series.
    """

    mean: float
    low: float
    high: float
    seeds: int
    fit_cost: float
    score_cost: float
    published: float | None = None
    gap: float | None = None


def columns_of(cases: Sequence[Case]) -> list[Column]:
    """Make a column of each set, and of each family of validation cases."""
    columns = []
    for key in dict.fromkeys(case.set for case in cases):
        own = [case for case in cases if case.set == key]
        columns.append(_column(key, TITLES[key], own))
        if key == "validation":
            families = {name: [case for case in own if family(case.name) == name] for name in _FAMILIES}
            columns += [_column(name, name, few) for name, few in families.items() if few]
    return columns


def family(name: str) -> str:
    """Give the family of a validation case: plants, commands, recordings (NAB, SMAP), or one generated column.

    Example:
        >>> family("moved-3"), family("sine-0"), family("self-plant-1")
        ('moved', 'generated', 'self plant')
    """
    first, _, rest = name.partition("-")
    if first == "self":
        return f"self {family(rest)}"
    return first if first in _FAMILIES else "generated"


def _column(key: str, title: str, cases: Sequence[Case]) -> Column:
    published = {method: fmean(case.published[method] for case in cases) for method in cases[0].published}
    names = frozenset((case.set, case.name) for case in cases)
    return Column(key, title, names, TARGETS.get(key), published)


def entries_of(cells: Sequence[Cell], columns: Sequence[Column], cases: Sequence[Case]) -> dict[tuple[str, str], Entry]:
    """Sum up every method in every column where it has all series."""
    found = {}
    published = {(case.set, case.name): case.published for case in cases}
    for column in columns:
        for method in dict.fromkeys(cell.method for cell in cells):
            own = [cell for cell in cells if cell.method == method and (cell.set, cell.series) in column.names]
            if {(cell.set, cell.series) for cell in own} == column.names:
                found[method, column.key] = _entry(own, PEERS[method].published.get(column.key), published)
    return found


def _entry(own: Sequence[Cell], name: str | None, published: dict[tuple[str, str], dict[str, float]]) -> Entry:
    by_series: dict[tuple[str, str], list[float]] = {}
    for cell in own:
        by_series.setdefault((cell.set, cell.series), []).append(cell.vus_pr)
    mean = fmean(fmean(values) for values in by_series.values())
    low, high = interval(list(by_series.values()))
    seeds = max(len(values) for values in by_series.values())
    if name is None:
        return Entry(mean, low, high, seeds, *costs_of(own))
    theirs = {key: published[key][name] for key in by_series}
    gap = max(abs(values[0] - theirs[key]) for key, values in by_series.items())
    return Entry(mean, low, high, seeds, *costs_of(own), fmean(theirs.values()), gap)


def costs_of(own: Sequence[Cell]) -> tuple[float, float]:
    """Give CPU-seconds of fitting and of scoring per 10^4 points.

    Of fitting: points of the recording that is fitted on or whose beginning is; what a series of 10^4 points costs.
    """
    learnt = sum(max(cell.fit_points, cell.points) for cell in own)
    scored = sum(cell.points for cell in own)
    return 1e4 * sum(cell.fit_cpu_s for cell in own) / learnt, 1e4 * sum(cell.score_cpu_s for cell in own) / scored


def interval(values: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Give the 95 % bootstrap interval of a mean over series; for each drawn series one of its seeds is drawn.

    Args:
        values: for each series the values of its seeds.
    """
    rng = derive_rng(0, "interval", len(values))
    seeds = min(len(each) for each in values)
    table = np.array([each[:seeds] for each in values])  # (S, K)
    series = rng.integers(0, len(table), (_DRAWS, len(table)))
    means = table[series, rng.integers(0, seeds, series.shape)].mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def best_peer(entries: dict[tuple[str, str], Entry], key: str) -> tuple[str, float] | None:
    """Give the best method of a column that is not ours."""
    own = [(method, entry.mean) for (method, column), entry in entries.items() if column == key]
    others = [each for each in own if PEERS[each[0]].group != OURS]
    return max(others, key=lambda each: each[1]) if others else None
