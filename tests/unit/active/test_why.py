from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from rl_tsad.active.graph import build_graph
from rl_tsad.active.propagate import SILENT, Spreading
from rl_tsad.active.why import answers_behind, explain


@pytest.fixture(scope="module")
def state() -> Spreading:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(at, 1.0, (60, 3)) for at in (0.0, 4.0)]).astype(np.float32)
    spread = Spreading(build_graph(points, np.array([f"s:{row}:8" for row in range(120)]), neighbours=6))
    spread.clamp(np.array([3, 17, 40, 65, 90, 110]), np.array([0, 0, 0, 1, 1, SILENT]))
    return spread


@pytest.mark.parametrize("row", [0, 25, 70, 119])
def test_the_ways_are_the_shortest_ones_of_the_windows_looked_at(state: Spreading, row: int) -> None:
    why = explain(state, row)
    graph = why.around.reverse()
    nx.set_edge_attributes(graph, {edge: -np.log(graph.edges[edge]["share"]) for edge in graph.edges}, "length")
    lengths = nx.single_source_dijkstra_path_length(graph, row, weight="length")
    ends = sorted((end for end in lengths if end != row and state.flow[end] in (0, 1)), key=lambda end: lengths[end])
    assert [path.rows[0] for path in why.paths] == ends[:5]
    assert all(path.rows[-1] == row for path in why.paths)


@pytest.mark.parametrize("row", [0, 25, 70, 119])
def test_the_nearest_answers_are_those_of_the_whole_explanation(state: Spreading, row: int) -> None:
    assert answers_behind(state, row, paths=3) == explain(state, row, paths=3).paths


def test_unsure_answers_end_a_walk_and_give_nothing(state: Spreading) -> None:
    assert all(110 not in path.rows for row in range(120) if row != 110 for path in explain(state, row).paths)


def test_a_window_that_no_answer_reaches_has_no_ways() -> None:
    graph = build_graph(
        np.array([[0.0], [0.1], [9.0], [9.1]], np.float32), np.array([f"s:{row}:8" for row in range(4)]), neighbours=1
    )
    assert explain(Spreading(graph), 0).paths == ()
