import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve

from rl_tsad.active.graph import Graph, build_graph
from rl_tsad.active.propagate import EPSILON, diffuse, spread
from rl_tsad.errors import ConfigError, DataError
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    weights = np.triu(rng.uniform(0.05, 1.0, (count, count)) * (rng.random((count, count)) < 0.25), 1)
    return graph_of(weights + weights.T)


@st.composite
def answered_graphs(draw):
    graph = draw(graphs())
    chosen = draw(st.lists(st.sampled_from(graph.keys.tolist()), unique=True, max_size=12))
    return graph, {key: draw(st.integers(0, 1)) for key in chosen}


def graph_of(dense):
    matrix = sparse.csr_array(np.asarray(dense, dtype=np.float32))
    matrix.sort_indices()
    keys = np.array([f"a:{8 * row}:64" for row in range(len(dense))])
    return Graph(keys, matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data)


def chain(count):
    return graph_of(np.diag(np.ones(count - 1), 1) + np.diag(np.ones(count - 1), -1))


def exact_reach(graph, answers, alpha):
    """Solve the clamped system directly."""
    count = len(graph)
    known = np.array([key in answers for key in graph.keys.tolist()])
    right = np.zeros((count, 2))
    for key, value in answers.items():
        right[graph.row[key], value] = 1.0
    step = sparse.diags_array(np.where(known, 0.0, alpha / graph.pull)) @ graph.matrix.astype(float)
    system = (sparse.eye_array(count) - step).tocsc()
    return np.stack([spsolve(system, right[:, side]) for side in (0, 1)], axis=1).reshape(count, 2)


@settings(deadline=None)
@given(answered_graphs(), st.sampled_from([0.3, 0.5, 0.8]))
def test_pushing_agrees_with_the_direct_solution(case, alpha):
    graph, answers = case
    reach = diffuse(graph, answers, alpha=alpha).reach
    assert np.abs(reach - exact_reach(graph, answers, alpha)).max() <= EPSILON / (1 - alpha) + 1e-5


@settings(deadline=None)
@given(answered_graphs(), st.floats(0, 1))
def test_people_are_never_overruled(case, confidence):
    graph, answers = case
    targets = spread(graph, answers, confidence=confidence)
    human = targets.source == "human"
    assert {key: int(value) for key, value in zip(graph.keys[human], targets.value[human], strict=True)} == answers
    assert (targets.weight[human] == 1).all()


@settings(deadline=None)
@given(answered_graphs(), st.floats(0, 1))
def test_every_window_is_human_propagated_or_unknown(case, confidence):
    graph, answers = case
    targets = spread(graph, answers, confidence=confidence)
    unknown, moved = targets.source == "none", targets.source == "propagated"
    assert (targets.value[unknown] == UNKNOWN).all()
    assert (targets.weight[unknown] == 0).all()
    assert np.isin(targets.value[moved], [NORMAL, ANOMALY]).all()
    assert (targets.weight[moved] >= confidence).all()
    assert ((targets.weight >= 0) & (targets.weight <= 1)).all()
    assert set(targets.source.tolist()) <= {"human", "propagated", "none"}


@settings(deadline=None)
@given(answered_graphs(), st.randoms())
def test_undo_restores_bit_by_bit_and_order_leaves_no_trace(case, random):
    graph, answers = case
    before = spread(graph, answers)
    more = dict(answers)
    for key in graph.keys.tolist()[:3]:
        more.setdefault(key, 1)
    spread(graph, more)
    shuffled = list(answers.items())
    random.shuffle(shuffled)
    after = spread(graph, dict(shuffled))
    for field in ("value", "weight", "source"):
        assert np.array_equal(getattr(before, field), getattr(after, field))


@settings(deadline=None)
@given(answered_graphs())
def test_swapping_the_answers_swaps_their_reach(case):
    graph, answers = case
    one = diffuse(graph, answers)
    other = diffuse(graph, {key: 1 - value for key, value in answers.items()})
    np.testing.assert_array_equal(one.reach, other.reach[:, ::-1])


@settings(deadline=None)
@given(answered_graphs())
def test_a_rarer_kind_spreads_less_far_but_clamps_as_hard(case):
    graph, answers = case
    rare, common = (spread(graph, answers, anomaly_doubt=doubt, confidence=0.1) for doubt in (8.0, 1.0))
    assert not ((rare.value == ANOMALY) & (common.value != ANOMALY)).any()
    human = rare.source == "human"
    assert np.array_equal(rare.value[human], common.value[human])


def test_an_anomalous_label_needs_more_support_than_a_normal_one():
    normal = diffuse(chain(3), {"a:0:64": NORMAL}).confidence[1]
    anomaly = diffuse(chain(3), {"a:0:64": ANOMALY}).confidence[1]
    assert 0 < anomaly < normal
    assert diffuse(chain(3), {"a:0:64": ANOMALY}, anomaly_doubt=1.0).confidence[1] == normal
    with pytest.raises(ConfigError, match="anomaly_doubt >= 1"):
        diffuse(chain(3), {"a:0:64": ANOMALY}, anomaly_doubt=0.5)


@settings(deadline=None)
@given(answered_graphs())
def test_only_normal_answers_make_nothing_anomalous(case):
    graph, answers = case
    targets = spread(graph, dict.fromkeys(answers, NORMAL), confidence=0.0)
    assert not (targets.value == ANOMALY).any()


def test_no_answer_settles_nothing():
    assert (spread(chain(5), {}, confidence=0.0).source == "none").all()


def test_confidence_falls_with_every_step_from_the_answer():
    trust = diffuse(chain(8), {"a:0:64": NORMAL}).confidence
    assert (np.diff(trust[:6]) < 0).all()
    assert trust[1] > 0.2 > trust[3]


def test_an_answer_never_passes_another_answer():
    reach = diffuse(chain(5), {"a:0:64": ANOMALY, "a:16:64": NORMAL}).reach
    assert reach[3, ANOMALY] == 0
    assert reach[1, ANOMALY] == reach[1, NORMAL]


def test_contradiction_lowers_confidence():
    graph = chain(3)
    alone = diffuse(graph, {"a:0:64": NORMAL}).confidence[1]
    both = diffuse(graph, {"a:0:64": NORMAL, "a:16:64": ANOMALY}).confidence[1]
    agreed = diffuse(graph, {"a:0:64": NORMAL, "a:16:64": NORMAL}).confidence[1]
    assert both == 0
    assert both < alone < agreed


def two_groups(seed=0):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(size=(300, 4)), rng.normal(size=(30, 4)) * 0.7 + 9]).astype(np.float32)
    return build_graph(points, np.array([f"s{row}:0:64" for row in range(330)]))


def test_twenty_normals_do_not_make_the_unseen_group_normal():
    graph = two_groups()
    targets = spread(graph, {f"s{row}:0:64": NORMAL for row in range(20)})
    assert (targets.source[300:] == "none").all()
    assert (targets.value == ANOMALY).sum() == 0
    assert 0 < (targets.source[:300] == "propagated").sum() < 280


def test_a_lonely_window_stays_unknown_among_normals():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(200, 4)), np.full((1, 4), 12.0)]).astype(np.float32)
    graph = build_graph(points, np.array([f"s{row}:0:64" for row in range(201)]))
    targets = spread(graph, {f"s{row}:0:64": NORMAL for row in range(200)})
    assert targets.value[200] == UNKNOWN


def test_answers_in_both_groups_settle_each_its_own():
    graph = two_groups()
    answers = {f"s{row}:0:64": NORMAL for row in range(20)} | {"s300:0:64": ANOMALY, "s301:0:64": ANOMALY}
    targets = spread(graph, answers)
    settled = targets.source == "propagated"
    truth = np.arange(330) >= 300
    assert settled[truth].sum() > 5
    assert np.array_equal(targets.value[settled], truth[settled].astype(int))


def test_keys_of_other_graphs_have_no_effect():
    assert (spread(chain(3), {"b:0:64": 1}).source == "none").all()


def test_wrong_answers_and_settings_are_explained():
    with pytest.raises(DataError, match="expected answers 0 or 1, got -1"):
        spread(chain(3), {"a:0:64": -1})
    with pytest.raises(ConfigError, match="alpha"):
        spread(chain(3), {}, alpha=1.0)
    with pytest.raises(ConfigError, match="confidence"):
        spread(chain(3), {}, confidence=2.0)


@pytest.mark.slow
def test_spreading_loads_neither_torch_nor_faiss():
    code = "import sys, rl_tsad.active.propagate; print({'torch', 'faiss', 'sklearn'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
