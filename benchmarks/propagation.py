"""Claim: an answer spreads in milliseconds, whatever the size of the graph, to the same solution as a full solve.

    python benchmarks/propagation.py [--sizes 10000,100000,1000000] [--answers 300] [--repeats 5]

Windows are simulated: 200 shapes in 8 dimensions that drift while they last (50 windows), seen through 32 features
with noise. One graph a size (k = 10, locally scaled, edges in time); epsilon 1e-4, alpha .5. On that same graph and the
same answers:

* ``push``: this package, one answer after another, the state kept; every tenth is taken back as well;
* ``solve``: power iteration over all windows from nothing to 1e-4, on the same clamped system (SciPy);
* ``warm``: the same from the state before the answer to 1e-4;
* ``iteration``: scikit-learn's ``LabelSpreading`` on the graph of this package, so that its own search is not counted
  (30 steps, alpha .5): what a refit costs at least;
* ``refit``: ``LabelSpreading(kernel="knn")`` as it comes, its search included; up to 10^4 windows, 10^5 if ``--refit``.

Costs are CPU milliseconds of one core, median and 95th percentile. ``difference`` is the largest of the pushed state to
the exact solution (solve to 1e-9). Memory is what the state and the graph's arrays take, a window; with the points of
the windows, which lie in a file and are needed to insert others, in brackets. The last line is one JSON object; its
``ratio`` is iteration to push at the largest size.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.semi_supervised import LabelSpreading

from rl_tsad.active.graph import Graph, build_graph
from rl_tsad.active.propagate import FREE, Spreading
from rl_tsad.types import Float32, Float64, Int64

ITERATIONS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5, help="repeats of what works on all windows")
    parser.add_argument(
        "--refit", type=int, default=10_000, help="largest size at which LabelSpreading searches itself"
    )
    options = parser.parse_args()
    found = {}
    for size in map(int, options.sizes.split(",")):
        found[str(size)] = measure(size, options)
    largest = found[str(max(map(int, found)))]
    claim = {"claim": "an answer spreads in milliseconds", "ratio": largest["ratio"], "sizes": found}
    print(json.dumps(claim))


def measure(size: int, options: argparse.Namespace) -> dict[str, Any]:
    rng = np.random.default_rng(size)
    points = windows(size, rng)
    keys = np.array([f"s{row // 1000}:{8 * (row % 1000)}:64" for row in range(size)])
    build, graph = timed(lambda: build_graph(points, keys))
    rows = rng.choice(size, options.answers, replace=False)
    said = rng.integers(0, 2, options.answers)
    state = Spreading(graph)
    pushes, undone, touched = [], [], []
    for place, (row, label) in enumerate(zip(rows, said, strict=True)):
        spent, change = timed(lambda row=row, label=label: state.clamp(np.array([row]), np.array([label])))
        pushes.append(1e3 * spent)
        touched.append(len(change.rows))
        if place % 10 == 9:
            undone.append(1e3 * timed(lambda row=row: state.free(np.array([row])))[0])
            state.clamp(np.array([row]), np.array([label]))
    before = state.reach.copy()
    difference = state.solve()
    flow = state.flow.copy()
    whole = {name: [1e3 * timed(work)[0] for _ in range(options.repeats)] for name, work in peers(graph, flow, before)}
    if size <= options.refit:
        whole["refit"] = [1e3 * timed(lambda: refit(points, flow))[0]]
    show(size, build, graph, {"push": pushes, "undo": undone} | whole, touched, difference)
    memory, with_points = bytes_of(state, graph, size)
    print(f"  memory {memory:.0f} bytes a window [{with_points:.0f}], largest difference {difference:.1e}", flush=True)
    local = {"push": pushes, "undo": undone}
    median = {name: round(float(np.median(its)), 3) for name, its in {**local, **whole}.items()}
    return {
        "milliseconds": median,
        "p95": {
            name: round(float(np.quantile(its, 0.95)), 3) for name, its in {"push": pushes, "undo": undone}.items()
        },
        "touched": int(np.median(touched)),
        "difference": difference,
        "recall": round(graph.recall, 3),
        "build_cpu_s": round(build, 1),
        "bytes": round(memory),
        "ratio": round(median["iteration"] / median["push"], 1),
        "ratio_solve": round(median["solve"] / median["push"], 1),
    }


def windows(size: int, rng: np.random.Generator) -> Float32:
    """Make features of windows: (N, 32)."""
    shapes, mixing = rng.normal(size=(200, 8)), rng.normal(size=(8, 32))
    block = np.arange(size) // 50
    which = rng.integers(0, len(shapes), int(block[-1]) + 1)[block]
    walk = np.cumsum(rng.normal(scale=0.05, size=(size, 8)), axis=0)
    latent = shapes[which] + walk - walk[block * 50] + rng.normal(scale=0.3, size=(size, 8))
    return (latent @ mixing + rng.normal(scale=0.3, size=(size, 32))).astype(np.float32)


def peers(graph: Graph, flow: Any, before: Float64) -> list[tuple[str, Callable[[], object]]]:
    """What works on all windows, ready to be timed: the arrays that a program would keep are made beforehand."""
    matrix = graph.matrix.astype(np.float64)
    share = 0.5 / graph.pull
    fixed = np.flatnonzero(flow != FREE)
    known = np.eye(2)[flow[fixed]]
    cached = cached_spreading(graph)
    labels = np.where(flow == FREE, -1, flow).astype(np.int64)
    return [
        ("solve", lambda: power(matrix, share, (fixed, known), np.zeros((len(graph), 2)), 1e-4)),
        ("warm", lambda: power(matrix, share, (fixed, known), _perturbed(before.T, fixed), 1e-4)),
        ("iteration", lambda: cached.fit(np.zeros((len(graph), 1)), labels)),
    ]


def power(matrix: Any, share: Float64, known: tuple[Int64, Float64], reach: Float64, tolerance: float) -> Float64:
    """Iterate the clamped system until its error is below a tolerance."""
    while True:
        after = (matrix @ reach) * share[:, None]
        after[known[0]] = known[1]
        moved, reach = float(np.abs(after - reach).max()), after
        if moved <= tolerance:  # alpha / (1 - alpha) is 1
            return reach


def _perturbed(reach: Float64, fixed: Int64) -> Float64:
    """Take one answer away: what a warm start begins from."""
    out = reach.copy()
    out[fixed[-1]] = 0.0
    return out


def cached_spreading(graph: Graph) -> LabelSpreading:
    """Give scikit-learn's iteration on a graph that is there already."""
    degree = np.asarray(graph.matrix.sum(axis=1)).ravel()
    scale = sparse.diags_array(1.0 / np.sqrt(np.maximum(degree, 1e-12)))
    laplacian = sparse.csr_matrix((scale @ graph.matrix @ scale).astype(np.float64))
    peer = LabelSpreading(kernel="knn", alpha=0.5, max_iter=ITERATIONS)
    peer._build_graph = lambda: laplacian
    return peer


def refit(points: Float32, flow: Any) -> object:
    """Fit LabelSpreading as it comes."""
    labels = np.where(flow == FREE, -1, flow).astype(np.int64)
    return LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.5, max_iter=ITERATIONS).fit(points, labels)


def bytes_of(state: Spreading, graph: Graph, size: int) -> tuple[float, float]:
    """Give bytes a window of all arrays of state and graph, without and with the points."""
    arrays = [value for value in vars(state).values() if isinstance(value, np.ndarray)]
    arrays += [graph.indptr, graph.indices, graph.weights, graph.pull]
    arrays += [graph.windows.series, graph.windows.starts, graph.windows._sorted[1]]
    placed = graph.placed
    assert placed is not None
    lean = sum(array.nbytes for array in arrays)
    return lean / size, (lean + placed.points.nbytes + placed.scale.nbytes + placed.cells.assigned.nbytes) / size


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    made = work()
    return time.process_time() - started, made


def show(
    size: int, build: float, graph: Graph, costs: dict[str, list[float]], touched: list[int], difference: float
) -> None:
    print(
        f"\n{size:,} windows, graph {build:.1f} CPU-s, recall {graph.recall:.3f} with {graph.probes} probes", flush=True
    )
    push = float(np.median(costs["push"]))
    for name, its in costs.items():
        median, high = np.median(its), np.quantile(its, 0.95)
        more = f", {np.median(touched):.0f} windows touched" if name == "push" else f", {median / push:.0f} pushes"
        print(f"  {name:10} {median:10.2f} ms, p95 {high:10.2f} ms{more}", flush=True)


if __name__ == "__main__":
    main()
