"""Why is a window taken for what it is? The way from the answers to it, on the small part of the graph around it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from io import BytesIO

import networkx as nx
import numpy as np

from rl_tsad.active.propagate import FREE, Spreading
from rl_tsad.types import ANOMALY, NORMAL, Float64

MOST_WINDOWS = 500
"""networkx holds no more than so many windows at a time."""


@dataclass(frozen=True)
class Path:
    """A way from an answer to a window.

    Attributes:
        rows: windows by row of the graph, the answered one first.
        share: part of all that reaches the window from answers that comes this way, in (0, 1].
        says: 0 or 1, the answer at its beginning.
    """

    rows: tuple[int, ...]
    share: float
    says: int


@dataclass(frozen=True)
class Why:
    """What speaks for and against a window's label.

    Attributes:
        row: the window.
        paths: the likeliest way from each answer that is near, the likeliest first.
        around: the windows looked at, by row; on nodes ``key``, ``said`` (-1, 0, 1), ``normal`` and ``anomaly`` (what
            reaches them), on edges ``share``, from the window that gives to the one that takes.
    """

    row: int
    paths: tuple[Path, ...]
    around: nx.DiGraph[int]

    def graphml(self) -> bytes:
        """Write the windows looked at, and the ways, as GraphML."""
        named = nx.relabel_nodes(self.around, {row: self.around.nodes[row]["key"] for row in self.around}, copy=True)
        on_path = {pair for path in self.paths for pair in zip(path.rows, path.rows[1:], strict=False)}
        for giver, taker in self.around.edges:
            ends = self.around.nodes[giver]["key"], self.around.nodes[taker]["key"]
            named.edges[ends]["on_path"] = (giver, taker) in on_path
        file = BytesIO()
        nx.write_graphml_xml(named, file)
        return file.getvalue()


def explain(state: Spreading, row: int, *, most: int = MOST_WINDOWS, paths: int = 5) -> Why:
    """Find the likeliest ways from answers to a window.

    A walk steps from a window to a neighbour with the share that this has of its label, and ends where a person
    answered. The windows that a walk most likely visits are looked at, at most ``most`` of them: Dijkstra's order, with
    lengths -log share.

    Args:
        state: the spread answers.
        row: the window.
        most: windows looked at.
        paths: ways given.

    Example:
        >>> from rl_tsad.active.graph import build_graph
        >>> points = np.array([[0.0], [0.1], [0.2], [9.0]], np.float32)
        >>> state = Spreading(build_graph(points, np.array(["a:0:8", "b:0:8", "c:0:8", "d:0:8"]), neighbours=1))
        >>> _ = state.clamp(np.array([0]), np.array([1]))
        >>> found = explain(state, 2)
        >>> [path.rows for path in found.paths], found.paths[0].says
        ([(0, 1, 2)], 1)
    """
    walk = _walk(state, row, most)
    found = _paths(state, walk, paths)
    return Why(row, found, _around(state, walk))


def answers_behind(state: Spreading, row: int, *, most: int = MOST_WINDOWS, paths: int = 5) -> tuple[Path, ...]:
    """Find the likeliest ways from answers to a window, as :func:`explain`, and look no further than they are.

    Args:
        state: the spread answers.
        row: the window.
        most: windows looked at.
        paths: ways given.
    """
    return _paths(state, _walk(state, row, most, ends=paths), paths)


@dataclass(frozen=True)
class _Walk:
    """Windows looked at from one on, the likeliest first.

    Attributes:
        lengths: for each its -log of the likeliest way to it, in the order in which they were reached.
        before: for each the window from which it was reached, one step nearer to where the walk began.
        ends: those answered as normal or anomaly, the nearest first.
    """

    lengths: dict[int, float]
    before: dict[int, int]
    ends: list[int]


def _walk(state: Spreading, row: int, most: int, ends: int | None = None) -> _Walk:
    """Walk from a window outward, against the direction in which labels flow (Dijkstra); a walk ends at an answer."""
    lengths, before, found = dict[int, float](), dict[int, int](), list[int]()
    waiting = [(0.0, row, row)]
    while waiting and len(lengths) < most and (ends is None or len(found) < ends):
        length, here, nearer = heapq.heappop(waiting)
        if here in lengths:
            continue
        lengths[here], before[here] = length, nearer
        if state.flow[here] != FREE:
            if here != row and state.flow[here] in (NORMAL, ANOMALY):
                found.append(here)
            continue
        theirs, shares = _shares(state, here)
        for there, step in zip(theirs, (-np.log(shares)).tolist(), strict=True):
            if there not in lengths:
                heapq.heappush(waiting, (length + step, there, here))
    return _Walk(lengths, before, found)


def _shares(state: Spreading, row: int) -> tuple[list[int], Float64]:
    """Give the neighbours of a window, and which part of each one's label it has."""
    graph = state.graph
    low, high = int(graph.indptr[row]), int(graph.indptr[row + 1])
    return graph.indices[low:high].tolist(), state.alpha * graph.weights[low:high].astype(np.float64) / graph.pull[row]


def _paths(state: Spreading, walk: _Walk, most: int) -> tuple[Path, ...]:
    row = next(iter(walk.lengths))
    ends = walk.ends[:most]
    arrives = max(float(state.reach[:, row].sum()), float(np.finfo(np.float32).tiny))
    shares = [min(1.0, float(np.exp(-walk.lengths[end])) / arrives) for end in ends]
    return tuple(
        Path(_way(walk, end, row), share, int(state.flow[end])) for end, share in zip(ends, shares, strict=True)
    )


def _way(walk: _Walk, end: int, row: int) -> tuple[int, ...]:
    way = [end]
    while way[-1] != row:
        way.append(walk.before[way[-1]])
    return tuple(way)


def _around(state: Spreading, walk: _Walk) -> nx.DiGraph[int]:
    around: nx.DiGraph[int] = nx.DiGraph()
    around.add_nodes_from((here, _facts(state, here)) for here in walk.lengths)
    for here in walk.lengths:
        if state.flow[here] != FREE:
            continue
        theirs, shares = _shares(state, here)
        around.add_edges_from(
            (there, here, {"share": share})
            for there, share in zip(theirs, shares.tolist(), strict=True)
            if there in walk.lengths
        )
    return around


def _facts(state: Spreading, row: int) -> dict[str, object]:
    said = int(state.flow[row]) if state.flow[row] in (NORMAL, ANOMALY) else -1
    normal, anomaly = state.reach[:, row].tolist()
    return {"key": state.graph.windows.key(row), "said": said, "normal": normal, "anomaly": anomaly}
