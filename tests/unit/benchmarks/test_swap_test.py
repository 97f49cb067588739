import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import swap_test
import torch
from detection import swapped as swapping
from detection.alone import train
from detection.judges import DETECTORS, fit_components, nearer
from detection.swap_cells import KEY, REAL, Cell, measure
from detection.swapped import DRAWN, MIXTURE, UNTOUCHED, Held, Written, hold_out, real_ones, swap_all
from detection.table import Table
from protocol import Case, Task, make_case

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.model import Aster
from rl_tsad.errors import DataError
from rl_tsad.types import Series

CONFIG = AsterConfig(steps=2, batch=8)
SEEN = {"latent", "shuffle", "jitter", "trend", "swap"}
FIT = 200


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(700) / 5)[:, None] + rng.normal(0, 0.1, (700, 1))
    truth = np.zeros(700, np.int8)
    truth[400:403] = truth[600:630] = 1
    values[truth > 0] += 3
    series = Series("wave", values.astype(np.float32), np.arange(700), ("x",), truth)
    prefix = replace(series, values=series.values[:FIT], times=series.times[:FIT], truth=None)
    return make_case("validation", prefix, series)


@pytest.fixture(scope="module")
def aster(case: Case) -> Aster:
    return train(case.task(), CONFIG, 0)


@pytest.fixture(scope="module")
def held(case: Case) -> Held:
    return hold_out(case)


@pytest.fixture(scope="module")
def swapped(held: Held, aster: Aster) -> dict[str, Written]:
    return swap_all(held, aster, 0, "wave")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, aster: Aster) -> list[Task]:
    """What the benchmark trained on."""
    calls: list[Task] = []

    def fit(task: Task, config: AsterConfig, seed: int) -> Aster:
        calls.append(task)
        return aster

    monkeypatch.setattr(swap_test, "CONFIG", CONFIG)
    monkeypatch.setattr(swap_test, "train", fit)
    monkeypatch.setattr(swapping, "DRAFTS", 4)
    return calls


def test_positives_decide_an_anomaly_and_negatives_see_none(case: Case, held: Held) -> None:
    assert min(*held.real, *held.clean, *held.donors) >= FIT
    assert held.marks[:, -8:].any(axis=1).all()
    for row in held.donors:
        assert not case.truth[row : row + 64].any()
    assert set(held.clean) < set(held.donors)
    assert not set(held.real) & set(held.donors)


def test_what_is_fitted_on_counts_where_it_is_another_recording(case: Case) -> None:
    assert hold_out(replace(case, apart=True)).clean.min() == 0


def test_a_case_without_anomalies_is_refused(case: Case) -> None:
    with pytest.raises(DataError, match="got 0 and"):
        hold_out(replace(case, truth=np.zeros_like(case.truth)))


@pytest.mark.slow
def test_as_many_anomalies_are_written_and_about_as_long(held: Held, swapped: dict[str, Written]) -> None:
    real = real_ones(held).marks.sum(dim=1).float()
    assert set(swapped) == SEEN | {MIXTURE, DRAWN, "frequency", UNTOUCHED}
    for kind, written in swapped.items():
        assert written.windows.shape == (len(held.real), 64, 1)
        if kind != UNTOUCHED:
            assert written.marks[:, -8:].any(dim=1).all()
            miss = float((written.marks.sum(dim=1) - real).abs().mean())
            assert miss > 4 if kind == DRAWN else miss < 4


def test_the_control_is_made_of_normal_windows(held: Held, swapped: dict[str, Written]) -> None:
    normal = held.track.take(held.donors)
    for window in swapped[UNTOUCHED].windows:
        assert (normal == window).all(dim=(1, 2)).any()
    assert not swapped[UNTOUCHED].marks.any()


def test_the_mixture_holds_what_trained_and_nothing_held_out(swapped: dict[str, Written]) -> None:
    for row, window in enumerate(swapped[MIXTURE].windows):
        assert any(torch.equal(window, swapped[kind].windows[row]) for kind in SEEN)


def test_all_versions_have_the_same_negatives_and_prevalence(case: Case, aster: Aster) -> None:
    cells = measure(case, aster, 0, 1.0)
    assert [cell.kind for cell in cells][:2] == [REAL, MIXTURE]
    assert len({(cell.positives, cell.negatives, cell.version) for cell in cells}) == 1
    for name in DETECTORS:
        assert len({getattr(cell, f"raised_{name}") for cell in cells}) == 1
    assert all(0 <= cell.near_statistics <= 1 for cell in cells[1:])
    assert cells[0].f1_pca > cells[-1].f1_pca  # anomalies as far out as these are found


def test_no_truth_is_trained_on_and_finished_cells_are_read_back(
    case: Case, trained: list[Task], tmp_path: Path
) -> None:
    def again(case: Case) -> list[Cell]:
        return swap_test.run([case], 1, Table(tmp_path / "swap_test.csv", Cell, KEY))

    first = again(case)
    second = again(case)
    assert len(trained) == 1
    assert not hasattr(trained[0], "truth")
    assert [replace(cell, near_embedding=0, near_statistics=0) for cell in first] == [
        replace(cell, near_embedding=0, near_statistics=0) for cell in second
    ]
    other = again(replace(case, truth=np.roll(case.truth, 9)))
    assert len(trained) == 2
    assert len(other) == len(first)
    assert other[0].version != first[0].version


def test_the_last_line_says_what_was_found_and_what_was_left_out(
    case: Case,
    trained: list[Task],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("RL_TSAD_DATA", raising=False)
    monkeypatch.setattr(swap_test, "load_validation", lambda seed, count: [case])
    monkeypatch.setattr(sys, "argv", ["swap_test.py", "--sets", "validation", "nab", "--seeds", "2"])
    swap_test.main()
    printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    assert set(found["skipped"]) == {"nab"}
    one = found["value"]["validation"]["vae"]
    assert one["gap"][0] == pytest.approx(one["real"] - one["swapped"], abs=2e-4)
    assert one["gap"][1] <= one["gap"][0] <= one["gap"][2]
    assert "frequency (held out)" in printed
    assert "shuffle (seen)" in printed


def test_nothing_is_measured_without_sets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("RL_TSAD_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["swap_test.py", "--sets", "nab"])
    swap_test.main()
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["value"] == {}


@pytest.mark.parametrize(
    ("made", "least", "most"),
    [(lambda odd, clean: odd, 1, 1), (lambda odd, clean: clean, 0.5, 0.5), (lambda odd, clean: -odd, 0, 0)],
    ids=["where real ones lie", "where clean ones lie", "elsewhere"],
)
def test_nearer_tells_where_generated_windows_lie(
    made: Callable[[np.ndarray, np.ndarray], np.ndarray], least: float, most: float
) -> None:
    rng = np.random.default_rng(0)
    odd, clean = 5 + rng.random((20, 3)), np.zeros((30, 3))
    assert least <= nearer(odd, made(odd, clean), clean, rng) <= most


def test_components_reproduce_what_they_were_fitted_on_only() -> None:
    plane = torch.randn(50, 1, generator=torch.Generator().manual_seed(0)) * torch.ones(50, 12)
    components = fit_components(plane.reshape(50, 6, 2))
    assert len(components.axes) == 1
    assert float(components.error(plane.reshape(50, 6, 2)).max()) < 1e-4
    assert float(components.error(torch.eye(12).reshape(12, 6, 2)).max()) > 0.5
