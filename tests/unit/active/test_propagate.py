import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve

from rl_tsad.active.graph import Graph
from rl_tsad.active.propagate import EPSILON, FREE, SILENT, Spreading
from rl_tsad.active.window_table import WindowTable
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN

ALPHAS = st.sampled_from([0.3, 0.5, 0.8])
STEP = st.tuples(st.integers(0, 24), st.sampled_from([NORMAL, ANOMALY, SILENT, FREE]))


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    weights = np.triu(rng.uniform(0.05, 1.0, (count, count)) * (rng.random((count, count)) < 0.25), 1)
    return graph_of(weights + weights.T)


def graph_of(dense):
    matrix = sparse.csr_array(np.asarray(dense, dtype=np.float32))
    matrix.sort_indices()
    windows = WindowTable.of([f"a:{8 * row}:64" for row in range(len(dense))])
    return Graph(windows, matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data)


def chain(count):
    return graph_of(np.diag(np.ones(count - 1), 1) + np.diag(np.ones(count - 1), -1))


def take(state, row, flow):
    """One step: an answer, a contradiction of an earlier one, a veto, or an undoing."""
    rows = np.array([row % len(state.graph)])
    return state.free(rows) if flow == FREE else state.clamp(rows, np.array([flow]))


def exact(state):
    """Solve the clamped system directly: (2, N)."""
    graph, known = state.graph, state.flow != FREE
    right = np.stack([state.flow == NORMAL, state.flow == ANOMALY], axis=1).astype(float)
    step = sparse.diags_array(np.where(known, 0.0, state.alpha / graph.pull)) @ graph.matrix.astype(float)
    system = (sparse.eye_array(len(graph)) - step).tocsc()
    return np.stack([spsolve(system, right[:, side]) for side in (0, 1)]).reshape(2, len(graph))


@settings(deadline=None)
@given(graphs(), ALPHAS, st.lists(STEP, max_size=40))
def test_after_any_steps_the_pushed_state_is_within_epsilon_of_the_exact_one(graph, alpha, steps):
    state = Spreading(graph, alpha=alpha)
    for row, flow in steps:
        take(state, row, flow)
    wanted = exact(state)
    assert np.abs(state.reach - wanted).max() <= EPSILON + 1e-7
    drift = state.solve()
    assert drift <= EPSILON + 1e-7
    assert np.abs(state.reach - wanted).max() <= 1e-6  # weights are float32


@settings(deadline=None)
@given(graphs(), st.lists(STEP, max_size=10), st.lists(STEP, min_size=1, max_size=10))
def test_steps_taken_back_leave_no_trace(graph, before, after):
    state = Spreading(graph)
    for row, flow in before:
        take(state, row, flow)
    kept = state.reach.copy(), state._residual.copy(), state.flow.copy()
    changes = [take(state, row, flow) for row, flow in after]
    for change in reversed(changes):
        state.restore(change)
    assert all(
        np.array_equal(one, now) for one, now in zip(kept, (state.reach, state._residual, state.flow), strict=True)
    )


@settings(deadline=None)
@given(graphs(), st.lists(STEP, max_size=8), st.integers(0, 24), st.sampled_from([NORMAL, ANOMALY]))
def test_an_old_answer_is_undone_by_the_negative_push(graph, others, row, flow):
    state = Spreading(graph)
    take(state, row, flow)
    own = row % len(graph)
    for other, said in others:
        if other % len(graph) != own:
            take(state, other, said)
    take(state, row, FREE)
    without = Spreading(graph)
    for other, said in others:
        if other % len(graph) != own:
            take(without, other, said)
    assert np.abs(state.reach - without.reach).max() <= 2 * EPSILON + 1e-7


@settings(deadline=None)
@given(graphs(), st.lists(STEP, max_size=20))
def test_people_are_never_overruled(graph, steps):
    state = Spreading(graph)
    said = {}
    for row, flow in steps:
        take(state, row, flow)
        said[row % len(graph)] = flow
    lean, confidence = state.lean()
    for row, flow in said.items():
        if flow in (NORMAL, ANOMALY):
            assert (lean[row], confidence[row]) == (flow, 1.0)
        elif flow == SILENT:
            assert (lean[row], confidence[row]) == (UNKNOWN, 0.0)
    assert ((confidence >= 0) & (confidence <= 1)).all()


@settings(deadline=None)
@given(graphs(), st.dictionaries(st.integers(0, 24), st.integers(0, 1), max_size=12), st.randoms())
def test_the_order_of_answering_leaves_no_trace_where_all_come_at_once(graph, answers, random):
    keys = {graph.windows.key(row): value for row, value in answers.items() if row < len(graph)}
    shuffled = list(keys.items())
    random.shuffle(shuffled)
    one, other = Spreading.of(graph, keys), Spreading.of(graph, dict(shuffled))
    assert np.array_equal(one.reach, other.reach)
    swapped = Spreading.of(graph, {key: 1 - value for key, value in keys.items()})
    assert np.array_equal(one.reach, swapped.reach[::-1])


@settings(deadline=None)
@given(graphs(), st.lists(st.integers(0, 24), max_size=12))
def test_only_normal_answers_make_nothing_anomalous(graph, rows):
    state = Spreading(graph)
    for row in rows:
        take(state, row, NORMAL)
    assert not (state.lean()[0] == ANOMALY).any()


def test_the_work_of_an_answer_does_not_depend_on_the_size_of_the_graph():
    small, large = Spreading(chain(100)), Spreading(chain(20_000))
    reached = [len(state.clamp(np.array([50]), np.array([1])).rows) for state in (small, large)]
    assert reached[0] == reached[1] < 40


def test_an_anomalous_label_needs_more_support_than_a_normal_one():
    normal, anomaly = (Spreading.of(chain(3), {"a:0:64": said}) for said in (NORMAL, ANOMALY))
    assert 0 < anomaly.lean()[1][1] < normal.lean()[1][1]
    assert anomaly.lean(anomaly_doubt=1.0)[1][1] == normal.lean()[1][1]
    with pytest.raises(ConfigError, match="anomaly_doubt >= 1"):
        anomaly.lean(anomaly_doubt=0.5)


def test_confidence_falls_with_every_step_from_the_answer():
    trust = Spreading.of(chain(8), {"a:0:64": NORMAL}).lean()[1]
    assert (np.diff(trust[:6]) < 0).all()
    assert trust[1] > 0.2 > trust[3]


def test_what_is_within_the_error_of_nothing_is_unknown():
    state = Spreading.of(chain(40), {"a:0:64": NORMAL})
    lean, confidence = state.lean()
    far = state.reach.sum(axis=0) < 10 * EPSILON
    assert far.any()
    assert (lean[far] == UNKNOWN).all()
    assert (confidence[far] == 0).all()


def test_an_answer_never_passes_another_answer_nor_a_silent_window():
    state = Spreading.of(chain(5), {"a:0:64": ANOMALY, "a:16:64": NORMAL})
    assert state.reach[ANOMALY, 3] == 0
    assert state.reach[ANOMALY, 1] == pytest.approx(state.reach[NORMAL, 1])
    assert not Spreading.of(chain(5), {"a:0:64": ANOMALY, "a:8:64": SILENT}).reach[:, 2:].any()


def test_contradiction_lowers_confidence():
    alone = Spreading.of(chain(3), {"a:0:64": NORMAL}).lean()[1][1]
    both = Spreading.of(chain(3), {"a:0:64": NORMAL, "a:16:64": ANOMALY}).lean()[1][1]
    agreed = Spreading.of(chain(3), {"a:0:64": NORMAL, "a:16:64": NORMAL}).lean()[1][1]
    assert both == pytest.approx(0, abs=1e-3)
    assert both < alone < agreed


def test_keys_of_other_graphs_have_no_effect():
    assert not Spreading.of(chain(3), {"b:0:64": 1}).reach.any()


def test_wrong_answers_and_settings_are_explained():
    with pytest.raises(DataError, match="expected answers 0 or 1, got -1 for 'a:0:64'"):
        Spreading.of(chain(3), {"a:0:64": -1})
    with pytest.raises(ConfigError, match="alpha"):
        Spreading(chain(3), alpha=1.0)
    with pytest.raises(ConfigError, match="epsilon"):
        Spreading(chain(3), epsilon=0.0)
    state = Spreading(chain(3))
    old = take(state, 0, NORMAL)
    take(state, 1, NORMAL)
    with pytest.raises(DataError, match="newest step"):
        state.restore(old)


@pytest.mark.slow
def test_spreading_loads_neither_torch_nor_faiss():
    code = "import sys, rl_tsad.active.trust; print({'torch', 'faiss', 'sklearn'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
