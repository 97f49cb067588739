import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rl_tsad.active.graph import build_graph, load_graph, save_graph, time_edges
from rl_tsad.active.neighbours import find_neighbours, standardise
from rl_tsad.errors import CheckpointError, DataError


def series_keys(count, name="a", stride=8, length=64):
    return np.array([f"{name}:{row * stride}:{length}" for row in range(count)])


def blobs(count, seed=0, width=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.floats(-1e3, 1e3, width=32),
    ),
    st.integers(1, 12),
)
def test_every_graph_is_symmetric_weighted_and_without_loops(points, neighbours):
    graph = build_graph(points, series_keys(len(points)), neighbours=neighbours)
    assert (graph.matrix != graph.matrix.T).nnz == 0
    assert not graph.matrix.diagonal().any()
    assert graph.indptr.dtype == graph.indices.dtype == np.int32
    assert graph.weights.dtype == np.float32
    assert np.isfinite(graph.weights).all()
    assert ((graph.weights > 0) & (graph.weights <= 1)).all()


def test_neighbours_are_the_true_ones():
    points = blobs(200)
    found = find_neighbours(points, 5)
    square = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(square, np.inf)
    assert found.recall == 1.0
    assert np.array_equal(found.rows, np.argsort(square, axis=1)[:, :5])


def test_cells_are_probed_until_recall_suffices():
    points = standardise(blobs(3000, width=8))
    exact = find_neighbours(points, 10)
    celled = find_neighbours(points, 10, exact_up_to=100)
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.rows, celled.rows, strict=True)])
    assert celled.probes >= 8
    assert celled.recall >= 0.95
    assert same >= 0.93


def test_copies_never_are_their_own_neighbours():
    found = find_neighbours(np.zeros((50, 3), np.float32), 4)
    assert not (found.rows == np.arange(50)[:, None]).any()
    assert (found.distances == 0).all()


def test_consecutive_windows_are_linked_even_when_they_look_different():
    points = np.array([[0.0], [0.01], [5.0], [5.01], [0.02]], np.float32)
    graph = build_graph(points, series_keys(5), neighbours=1)
    assert graph.matrix[1, 2] >= 0.25
    assert graph.matrix[3, 4] >= 0.25


def test_time_edges_stay_in_their_series_and_do_not_jump_over_holes():
    keys = np.concatenate([series_keys(3, "a"), series_keys(2, "b"), np.array(["a:64:64"])])
    assert time_edges(keys).tolist() == [[0, 1], [1, 2], [3, 4]]


def test_the_usual_distance_weighs_the_same_in_dense_and_sparse_regions():
    rng = np.random.default_rng(3)
    dense, sparse_ = rng.normal(size=(100, 2)) * 0.1, rng.normal(size=(100, 2)) * 2 + 50
    keys = np.array([f"s{row}:0:8" for row in range(200)])
    graph = build_graph(np.concatenate([dense, sparse_]).astype(np.float32), keys)
    means = [float(graph.matrix[rows, :].data.mean()) for rows in (slice(0, 100), slice(100, 200))]
    assert means[0] == pytest.approx(means[1], rel=0.1)


def test_a_saved_graph_comes_back_memory_mapped_and_equal(tmp_path):
    graph = build_graph(blobs(40), series_keys(40))
    digest = save_graph(graph, tmp_path / "graph")
    back = load_graph(tmp_path / "graph", digest)
    assert isinstance(back.weights, np.memmap)
    assert (back.matrix != graph.matrix).nnz == 0
    assert back.keys.tolist() == graph.keys.tolist()
    assert sorted(path.name for path in (tmp_path / "graph").iterdir()) == [
        "graph.json",
        "indices.npy",
        "indptr.npy",
        "keys.npy",
        "weights.npy",
    ]


def test_the_same_windows_give_the_same_digest(tmp_path):
    digests = {save_graph(build_graph(blobs(40), series_keys(40)), tmp_path / name) for name in "ab"}
    assert len(digests) == 1


@pytest.mark.parametrize("harm", ["flip", "truncate", "missing", "other", "note"])
def test_a_damaged_graph_is_refused(tmp_path, harm):
    digest = save_graph(build_graph(blobs(40), series_keys(40)), tmp_path)
    file = tmp_path / "weights.npy"
    if harm == "flip":
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    elif harm == "truncate":
        file.write_bytes(file.read_bytes()[:-40])
    elif harm == "missing":
        file.unlink()
    elif harm == "note":
        note = json.loads((tmp_path / "graph.json").read_text())
        (tmp_path / "graph.json").write_text(json.dumps({**note, "recall": 0.5}))
    with pytest.raises(CheckpointError, match=r"expected .*got .*retrain"):
        load_graph(tmp_path, "0" * 64 if harm == "other" else digest)


def test_pickled_arrays_are_never_loaded(tmp_path):
    save_graph(build_graph(blobs(5), series_keys(5)), tmp_path)
    np.save(tmp_path / "keys.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError):
        load_graph(tmp_path)


def test_wrong_rows_are_explained():
    with pytest.raises(DataError, match="one distinct key a row"):
        build_graph(blobs(3), np.array(["a:0:8", "a:0:8", "a:8:8"]))
    with pytest.raises(DataError, match="finite"):
        build_graph(np.array([[np.nan]], np.float32), np.array(["a:0:8"]))
