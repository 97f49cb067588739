import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rl_tsad.active.graph import build_graph, insert_windows, time_edges
from rl_tsad.active.graph_files import load_graph, load_windows, save_graph
from rl_tsad.active.neighbours import find_neighbours, standardise
from rl_tsad.active.window_table import WindowTable
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
    assert time_edges(WindowTable.of(keys)).tolist() == [[0, 1], [1, 2], [3, 4]]


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
    assert isinstance(back.weights.base, np.memmap)
    assert (back.matrix != graph.matrix).nnz == 0
    assert back.keys.tolist() == graph.keys.tolist()
    assert sorted(path.name for path in (tmp_path / "graph").iterdir()) == [
        "assigned.npy",
        "center.npy",
        "centres.npy",
        "graph.json",
        "indices.npy",
        "indptr.npy",
        "points.npy",
        "scale.npy",
        "series.npy",
        "spread.npy",
        "starts.npy",
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
    np.save(tmp_path / "series.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError):
        load_graph(tmp_path)


def test_wrong_rows_are_explained():
    with pytest.raises(DataError, match="distinct windows, got 3 keys of 2"):
        build_graph(blobs(3), np.array(["a:0:8", "a:0:8", "a:8:8"]))
    with pytest.raises(DataError, match="one key a row, got 3 rows and 2 keys"):
        build_graph(blobs(3), np.array(["a:0:8", "a:8:8"]))
    with pytest.raises(DataError, match="one length"):
        build_graph(blobs(2), np.array(["a:0:8", "a:8:16"]))
    with pytest.raises(DataError, match="finite"):
        build_graph(np.array([[np.nan]], np.float32), np.array(["a:0:8"]))


def test_keys_are_found_wherever_they_stand():
    keys = np.array(["b:16:8", "a:0:8", "b:0:8", "c: odd:name:8:8"])
    table = WindowTable.of(keys)
    assert table.keys().tolist() == keys.tolist()
    assert table.rows([*keys[::-1], "b:8:8", "d:0:8", "a:0:9"]).tolist() == [3, 2, 1, 0, -1, -1, -1]
    assert table.rows_of_series("b").tolist() == [2, 0]
    assert table.rows_of_series("x").tolist() == []


def test_mutual_look_alikes_are_a_part_of_all_look_alikes():
    points, keys = blobs(150), np.array([f"s{row}:0:8" for row in range(150)])
    either, both = build_graph(points, keys, neighbours=4), build_graph(points, keys, neighbours=4, mutual=True)
    found = find_neighbours(standardise(points), 4).rows
    links = {(row, int(other)) for row in range(150) for other in found[row]}
    wanted = {(one, other) for one, other in links if (other, one) in links}
    assert {(int(one), int(other)) for one, other in zip(*both.matrix.nonzero(), strict=True)} == wanted
    assert both.matrix.nnz < either.matrix.nnz
    assert (both.matrix > either.matrix).nnz == 0


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("exact", [True, False])
def test_new_windows_find_their_look_alikes_and_leave_the_others_alone(mutual, exact, monkeypatch):
    if not exact:
        monkeypatch.setattr("rl_tsad.active.neighbours.EXACT_UP_TO", 100)
        monkeypatch.setattr(find_neighbours, "__kwdefaults__", {**find_neighbours.__kwdefaults__, "exact_up_to": 100})
    points, keys = blobs(600, width=4), series_keys(600)
    graph = build_graph(points[:500], keys[:500], neighbours=6, mutual=mutual)
    grown = insert_windows(graph, points[500:560], keys[500:560])
    grown = insert_windows(grown, points[560:], keys[560:])
    assert grown.keys.tolist() == keys.tolist()
    assert (grown.matrix != grown.matrix.T).nnz == 0
    assert abs(grown.matrix[:500, :][:, :500] - graph.matrix).max() == 0
    assert grown.matrix[499, 500] >= 0.5  # next to each other in time
    assert (grown.probes > 0) is not exact
    whole = build_graph(points, keys, neighbours=6, mutual=mutual)
    new, old = ({tuple(pair) for pair in zip(*one.matrix[500:, :].nonzero(), strict=True)} for one in (grown, whole))
    assert len(new & old) >= 0.9 * len(old)


def test_a_grown_graph_is_kept_like_any_other(tmp_path):
    graph = build_graph(blobs(50), series_keys(50))
    save_graph(graph, tmp_path)
    grown = insert_windows(load_graph(tmp_path), blobs(5, seed=1), series_keys(5, "b"))
    save_graph(grown, tmp_path)
    back = load_graph(tmp_path)
    assert (back.matrix != grown.matrix).nnz == 0
    assert load_windows(tmp_path).keys().tolist() == grown.keys.tolist()


def test_windows_that_cannot_be_inserted_are_explained():
    graph = build_graph(blobs(20), series_keys(20))
    with pytest.raises(DataError, match="does not hold, got 'a:8:64' again"):
        insert_windows(graph, blobs(1), np.array(["a:8:64"]))
    with pytest.raises(DataError, match="expected 6 dimensions as the graph has, got 2"):
        insert_windows(graph, blobs(1, width=2), np.array(["b:8:64"]))
    with pytest.raises(DataError, match="length 64, got 8"):
        insert_windows(graph, blobs(1), np.array(["b:8:8"]))


def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path):
    points = standardise(blobs(40_000, width=3))
    whole = find_neighbours(points, 4)
    asked: list[int] = []

    def dies(stage, done, total):
        asked.append(done)
        if stage == "graph/neighbours" and done > 20_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_neighbours(points, 4, keep=tmp_path / "kept", progress=dies)
    later: list[int] = []
    found = find_neighbours(points, 4, keep=tmp_path / "kept", progress=lambda _, done, __: later.append(done))
    assert np.array_equal(found.rows, whole.rows)
    assert np.array_equal(found.distances, whole.distances)
    assert min(later) > 20_000  # neither cells nor the first rows were searched again
    other = find_neighbours(points[:30_000], 4, keep=tmp_path / "kept")  # another search begins anew
    assert len(other.rows) == 30_000


def test_two_searches_do_not_share_a_folder(tmp_path):
    points = standardise(blobs(25_000, width=3))
    seen = []

    def look(stage, done, total):
        if not seen and stage == "graph/neighbours":
            seen.append(find_neighbours(points, 2, keep=tmp_path / "kept"))

    found = find_neighbours(points, 2, keep=tmp_path / "kept", progress=look)
    assert not isinstance(seen[0].rows, np.memmap)
    assert np.array_equal(seen[0].rows, found.rows)
