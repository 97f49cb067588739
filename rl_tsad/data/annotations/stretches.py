"""What is a labelled stretch of a series, and how do labels of single points become stretches?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rl_tsad.data.columns import FALSE_WORDS, TRUE_WORDS
from rl_tsad.data.timestamps import Fail
from rl_tsad.data.understanding import Place
from rl_tsad.types import Int8, Int64

ANOMALY, NORMAL, UNSURE = WORDS = ("anomaly", "normal", "unsure")
"""What may be said of a stretch; of windows that several stretches touch, the first of these holds."""


@dataclass(frozen=True)
class Stretch:
    """Points of a series of which one thing is said.

    Attributes:
        series: name.
        low, high: points [low, high).
        answer: one of :data:`WORDS`.
        analyst: who said it; empty where the file does not tell.
        row: where it stands in its file (see :attr:`Annotations.place`).
    """

    series: str
    low: int
    high: int
    answer: str
    analyst: str = ""
    row: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Annotations:
    """What a file says.

    Attributes:
        stretches: what it calls anomalous, normal or unsure; of everything else it says nothing.
        series: those that it is about, also where it says nothing of them.
        place: says where a row stands in the file.
        strange: names that are no series here and were left out.
        empty: stretches that hold no point, as inside a recording gap.
    """

    stretches: tuple[Stretch, ...]
    series: frozenset[str]
    place: Place
    strange: tuple[str, ...] = ()
    empty: int = 0


def runs_of(codes: NDArray[Any]) -> tuple[Int64, Int64]:
    """Find where equal codes (T,) stand in a row.

    Returns:
        (R,) first points and (R,) ends of the runs, that tile [0, T).

    Example:
        >>> [part.tolist() for part in runs_of(np.array([1, 1, 0, 1]))]
        [[0, 2, 3], [2, 3, 4]]
    """
    if not len(codes):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    edges = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1], [True]])).astype(np.int64)
    return edges[:-1], edges[1:]


def stretches_of_points(
    series: str, said: Int8, analysts: Int64 | None = None, *, names: Sequence[str] = ("",), rows: Int64 | None = None
) -> list[Stretch]:
    """Join points of which the same is said by the same analyst.

    Args:
        series: name.
        said: (T,) position in :data:`WORDS`; -1 where nothing is said.
        analysts: (T,) position in ``names``; the first one when omitted.
        names: of the analysts.
        rows: (T,) row of the file that each point comes from.

    Example:
        >>> [(one.low, one.high, one.answer) for one in stretches_of_points("a", np.array([-1, 0, 0, 1], np.int8))]
        [(1, 3, 'anomaly'), (3, 4, 'normal')]
    """
    who = np.zeros(len(said), np.int64) if analysts is None else analysts
    starts, stops = runs_of(np.where(said < 0, -1, said + len(WORDS) * who))
    told = said[starts] >= 0
    where = starts if rows is None else rows[starts]
    columns = (starts, stops, said[starts], who[starts], where)
    return [
        Stretch(series, low, high, WORDS[code], names[name], row)
        for low, high, code, name, row in zip(*(column[told].tolist() for column in columns), strict=True)
    ]


def points_of(stretches: Iterable[Stretch], points: int) -> tuple[Int8, Int64, tuple[str, ...]]:
    """Say of every point of one series what its stretches say; anomaly holds before normal before unsure.

    Returns:
        (T,) position in :data:`WORDS`, -1 where nothing is said; (T,) position in the names; names of the analysts.

    Example:
        >>> points_of([Stretch("a", 1, 3, "anomaly", "ann")], 4)[0].tolist()
        [-1, 0, 0, -1]
    """
    said, who, names = np.full(points, -1, np.int8), np.zeros(points, np.int64), {"": 0}
    for one in sorted(stretches, key=lambda one: -WORDS.index(one.answer)):
        said[one.low : one.high] = WORDS.index(one.answer)
        who[one.low : one.high] = names.setdefault(one.analyst, len(names))
    return said, who, tuple(names)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join stretches that meet or overlap where series, answer and analyst are the same; in order of their place.

    Example:
        >>> parts = [Stretch("a", 4, 9, "normal"), Stretch("a", 0, 4, "normal"), Stretch("a", 9, 12, "anomaly")]
        >>> [(one.low, one.high) for one in merged(parts)]
        [(0, 9), (9, 12)]
    """
    joined: list[Stretch] = []
    for one in sorted(stretches, key=lambda one: (one.series, one.answer, one.analyst, one.low, one.high)):
        last = joined[-1] if joined else None
        same = last is not None and (last.series, last.answer, last.analyst) == (one.series, one.answer, one.analyst)
        if last is not None and same and one.low <= last.high:
            joined[-1] = replace(last, high=max(last.high, one.high))
        else:
            joined.append(one)
    return sorted(joined, key=lambda one: (one.series, one.low, one.high))


def by_series(stretches: Iterable[Stretch], names: Iterable[str]) -> dict[str, list[Stretch]]:
    """Sort stretches by their series, every series in its place."""
    found: dict[str, list[Stretch]] = {name: [] for name in names}
    for one in stretches:
        found[one.series].append(one)
    return found


def read_answers(cells: pd.Series[Any], anomalous: Iterable[str], fail: Fail) -> Int8:
    """Read a label column (N,): what each cell means; an empty one says nothing.

    Args:
        cells: texts.
        anomalous: further words that mean an anomaly, in any case.
        fail: raises with file and line.

    Returns:
        (N,) position in :data:`WORDS`, -1 where nothing is said.

    Raises:
        DataError: at the first word that means nothing here.

    Example:
        >>> def fail(row, expected, advice): raise ValueError(f"row {row}: expected {expected}; {advice}")
        >>> read_answers(pd.Series(["1", "Normal", "", "Spike"]), ["spike"], fail).tolist()
        [0, 1, -1, 0]
    """
    known = dict.fromkeys(TRUE_WORDS, 0) | dict.fromkeys(FALSE_WORDS, 1) | {UNSURE: 2, "": -1}
    known |= {word.strip().lower(): 0 for word in anomalous}
    codes, words = pd.factorize(cells)
    meant = np.array([known.get(str(word).strip().lower(), -2) for word in words], dtype=np.int8)[codes]
    wrong = np.flatnonzero(meant == -2)
    if len(wrong):
        fail(
            int(wrong[0]),
            f"{', '.join(WORDS)}, 0 or 1",
            "mend it, or where it names a kind of anomaly, say so with --anomaly-word",
        )
    return np.asarray(meant, dtype=np.int8)
