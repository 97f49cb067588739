import os

import numpy as np
import pytest
from peers.plain import matrix_profile
from peers.registry import PEERS
from peers.targets import on_targets
from peers.tsb import second_period, sub_pca
from peers.windows import cut, each_row, pad, spread_out
from protocol import SETS, Scorer, Task, make_case
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from validation import load_validation

from rl_tsad.errors import ConfigError
from rl_tsad.evaluation.volume import vus_pr
from rl_tsad.types import Float64, Series

RNG = np.random.default_rng(0)
LIGHT = [
    name for name, peer in PEERS.items() if peer.group in ("TSB-AD's settings", "controls") and "profile" not in name
]
needs_data = pytest.mark.skipif("RL_TSAD_DATA" not in os.environ, reason="RL_TSAD_DATA names no folder")


def task_of(values: Float64, *, fit: int, apart: bool = False) -> Task:
    channels = tuple(f"x{i}" for i in range(values.shape[1]))
    series = Series("s", values.astype(np.float32), np.arange(len(values)), channels, np.zeros(len(values), np.int8))
    prefix = Series("s", series.values[:fit], series.times[:fit], channels)
    return make_case("validation", prefix, series, apart=apart).task()


def test_windows_are_cut_channel_by_channel() -> None:
    assert cut(np.array([[1.0, 10], [2, 20], [3, 30]]), 2).tolist() == [[1, 2, 10, 20], [2, 3, 20, 30]]


def test_rows_are_normalised_and_constant_rows_become_zero() -> None:
    rows = each_row(np.array([[1.0, 2, 3], [5, 5, 5]]))
    assert rows.tolist() == [[-1, 0, 1], [0, 0, 0]]


def test_points_get_the_window_around_them() -> None:
    assert pad(np.array([1.0, 2, 3]), 6, 4).tolist() == [1, 1, 1, 2, 3, 3]
    with pytest.raises(ValueError, match="expected 3 windows"):
        pad(np.array([1.0]), 6, 4)


def test_points_get_the_mean_of_all_windows_that_cover_them() -> None:
    scores = RNG.random(17)
    slow = [np.mean([scores[i] for i in range(17) if i <= t < i + 4]) for t in range(20)]
    assert spread_out(scores, 20, 4) == pytest.approx(slow)


def test_the_second_period_is_a_longer_one() -> None:
    assert second_period(np.sin(np.arange(3000) * 2 * np.pi / 24)) == 48
    assert second_period(np.arange(50.0)) == 125


def test_distances_to_components_equal_the_reference_s() -> None:
    values = np.cumsum(RNG.normal(size=(400, 1)), axis=0)
    task = task_of(values, fit=100)
    rows = StandardScaler().fit_transform(cut(task.series.values.astype(np.float64), task.window))
    found = PCA(random_state=0).fit(rows)
    reference = (cdist(rows, found.components_) / found.explained_variance_ratio_).sum(axis=1)
    assert sub_pca()(task, 0)() == pytest.approx(pad(reference, 400, task.window), rel=1e-9)


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.slow
def test_every_method_scores_every_point(name: str) -> None:
    wide = np.column_stack([np.sin(np.arange(700) / 9), np.ones(700), RNG.normal(size=700)])
    for task in (task_of(wide[:, :1], fit=200), task_of(wide, fit=200), task_of(wide, fit=400, apart=True)):
        score = PEERS[name].fit(task, 0)()
        assert score.shape == (700,)
        assert np.isfinite(score).all()


@pytest.mark.parametrize("name", [name for name in PEERS if "-100" in name])
@pytest.mark.slow
def test_pyod_s_methods_score_every_point(name: str) -> None:
    pytest.importorskip("pyod", reason="needs the extra: pip install -e '.[bench]'")
    task = task_of(np.column_stack([np.sin(np.arange(400) / 9), RNG.normal(size=400)]), fit=300, apart=True)
    assert np.isfinite(PEERS[name].fit(task, 0)()).all()


@pytest.mark.slow
def test_the_matrix_profile_finds_a_discord_or_names_the_extra() -> None:
    values = np.sin(np.arange(600) * 2 * np.pi / 30)[:, None] + 0.01 * RNG.normal(size=(600, 1))
    values[400:415] *= -1
    task = task_of(values, fit=150)
    try:
        assert 370 < int(np.argmax(matrix_profile(task, 0)())) < 430
    except ConfigError as error:
        assert "bench" in str(error)  # noqa: PT017


def test_a_method_may_be_shown_the_targets_alone() -> None:
    values = RNG.normal(size=(300, 3)).astype(np.float32)
    roles = np.array([True, False, True])
    series = Series("s", values, np.arange(300), ("a", "b", "c"), np.zeros(300, np.int8), exogenous=roles)
    seen: list[Task] = []

    def spy(task: Task, seed: int) -> Scorer:
        seen.append(task)
        return lambda: np.zeros(300)

    on_targets(spy)(make_case("validation", series, series).task(), 0)
    assert seen[0].series.channels == seen[0].fit.channels == ("b",)
    assert (seen[0].series.values == values[:, 1:2]).all()


@pytest.mark.slow
def test_controls_stand_where_they_should() -> None:
    found = {name: [] for name in ("random", "robust-z")}  # type: dict[str, list[float]]
    for case in load_validation(0, 16):
        for name, values in found.items():
            values.append(vus_pr(case.truth, PEERS[name].fit(case.task(), 0)(), case.window))
    assert np.mean(found["random"]) < 0.12 < np.mean(found["robust-z"])


@needs_data
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method", "gap"),
    [
        *(("nab", method, gap) for method, gap in (("iforest", 5e-4), ("hbos", 5e-4), ("spectral-residual", 5e-4))),
        *(("nab", method, gap) for method, gap in (("knn", 3e-3), ("pca", 6e-3))),
        *(("smap", method, gap) for method, gap in (("iforest", 5e-4), ("hbos", 5e-4), ("pca", 5e-4))),
    ],
)
def test_published_columns_are_reproduced(name: str, method: str, gap: float) -> None:
    peer = PEERS[method]
    few = [
        case for case in SETS[name]() if case.name in ("rogue_agent_key_hold", "exchange-3_cpm_results", "E-5", "A-1")
    ]
    assert len(few) == 2
    for case in few:
        mine = vus_pr(case.truth, peer.fit(case.task(), 0)(), case.window)
        assert mine == pytest.approx(case.published[peer.published[name]], abs=gap)
