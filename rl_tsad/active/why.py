"""Why is a window taken for what it is? The way from the answers to it, on the small part of the graph around it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import networkx as nx
import numpy as np

from rl_tsad.active.propagate import FREE, Spreading
from rl_tsad.types import ANOMALY, NORMAL

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
    answered. The windows that a walk most likely visits are looked at, at most ``most`` of them; among those the
    likeliest way to each answer is Dijkstra's, with lengths -log share.

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
    around = _around(state, row, most)
    # from the window outward: against the direction in which labels flow
    found_by: Any = nx.single_source_dijkstra(around.reverse(copy=False), row, weight="length")
    lengths, ways = found_by
    ends = [end for end in ways if end != row and state.flow[end] in (NORMAL, ANOMALY)]
    best = sorted(ends, key=lambda end: (lengths[end], end))[:paths]
    arrives = max(float(state.reach[:, row].sum()), float(np.finfo(np.float32).tiny))
    shares = [min(1.0, float(np.exp(-lengths[end])) / arrives) for end in best]
    found = [
        Path(tuple(reversed(ways[end])), share, int(state.flow[end])) for end, share in zip(best, shares, strict=True)
    ]
    return Why(row, tuple(found), around)


def _around(state: Spreading, row: int, most: int) -> nx.DiGraph[int]:
    graph = state.graph
    around: nx.DiGraph[int] = nx.DiGraph()
    waiting, settled = [(0.0, row)], set[int]()
    while waiting and len(settled) < most:
        length, here = heapq.heappop(waiting)
        if here in settled:
            continue
        settled.add(here)
        around.add_node(here, **_facts(state, here))
        if state.flow[here] != FREE:
            continue  # a walk ends at an answer
        low, high = int(graph.indptr[here]), int(graph.indptr[here + 1])
        shares = state.alpha * graph.weights[low:high].astype(np.float64) / graph.pull[here]
        for there, share in zip(graph.indices[low:high].tolist(), shares.tolist(), strict=True):
            around.add_edge(there, here, share=share, length=-float(np.log(share)))
            heapq.heappush(waiting, (length - float(np.log(share)), there))
    around.remove_nodes_from([other for other in around if other not in settled])
    return around


def _facts(state: Spreading, row: int) -> dict[str, object]:
    said = int(state.flow[row]) if state.flow[row] in (NORMAL, ANOMALY) else -1
    normal, anomaly = state.reach[:, row].tolist()
    return {"key": state.graph.windows.key(row), "said": said, "normal": normal, "anomaly": anomaly}
