from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from detection.cells import Cell, Store, measure
from detection.page import write_page
from detection.pictures import WIDTH, area, draw, line
from detection.summary import columns_of, entries_of, interval
from detectors import claim, run
from peers.registry import PEERS, Peer, digest
from protocol import Case, Scorer, Task, make_case

from rl_tsad.errors import ConfigError, DataError
from rl_tsad.types import Series

RNG = np.random.default_rng(0)


def case_of(name: str, points: int = 400, width: int = 1) -> Case:
    values = RNG.normal(size=(points, width)).astype(np.float32)
    truth = np.zeros(points, np.int8)
    truth[300:320] = 1
    series = Series(name, values, np.arange(points), tuple(f"x{i}" for i in range(width)), truth)
    prefix = replace(series, values=values[:100], times=series.times[:100], truth=None)
    return replace(make_case("nab", prefix, series), published={"IForest": 0.5})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the series that the method "counted" was really run on."""
    calls: list[str] = []

    def fit(task: Task, seed: int) -> Scorer:
        calls.append(f"{task.name}/{seed}")
        return lambda: np.abs(task.series.values[:, 0].astype(np.float64)) + seed

    monkeypatch.setitem(PEERS, "counted", Peer("Counted", "controls", fit, True, ()))
    return calls


def test_finished_cells_are_read_back(counted: list[str], tmp_path: Path) -> None:
    cases = [case_of("a"), case_of("b")]
    first = run(cases[:1], ["counted"], 2, Store(tmp_path))
    assert counted == ["a/0", "a/1"]
    both = run(cases, ["counted"], 2, Store(tmp_path))
    assert counted == ["a/0", "a/1", "b/0", "b/1"]
    assert both[:2] == first
    assert Store(tmp_path).score(both[0]).shape == (400,)


@pytest.mark.parametrize("change", ["settings", "values", "truth"])
def test_a_change_makes_a_cell_stale(
    change: str, counted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of("a")
    run([case], ["counted"], 1, Store(tmp_path))
    if change == "settings":
        monkeypatch.setitem(PEERS, "counted", replace(PEERS["counted"], settings="window 7"))
    elif change == "values":
        case = replace(case, series=replace(case.series, values=case.series.values + 1))
    else:
        case = replace(case, truth=np.roll(case.truth, 1))
    run([case], ["counted"], 1, Store(tmp_path))
    assert counted == ["a/0", "a/0"]


def test_code_is_part_of_the_version(tmp_path: Path) -> None:
    file = tmp_path / "method.py"
    file.write_text("a = 1")
    before = digest((file,), "")
    digest.cache_clear()
    file.write_text("a = 2")
    assert digest((file,), "") != before


def test_a_torn_line_is_measured_again(counted: list[str], tmp_path: Path) -> None:
    cases = [case_of("a"), case_of("b")]
    run(cases, ["counted"], 1, Store(tmp_path))
    file = tmp_path / "cells.csv"
    file.write_text(file.read_text()[:-4])
    cells = run(cases, ["counted"], 1, Store(tmp_path))
    assert counted == ["a/0", "b/0", "b/0"]
    assert len(cells) == 2
    assert len(file.read_text().splitlines()) == 3


def test_a_method_without_its_package_is_left_out(counted: list[str], tmp_path: Path) -> None:
    def absent() -> None:
        raise ConfigError("expected the package x, got none; install it")

    PEERS["counted"] = replace(PEERS["counted"], prepare=absent)
    assert run([case_of("a")], ["counted", "random"], 1, Store(tmp_path))[0].method == "random"


@pytest.mark.parametrize(
    "score", [lambda task: np.zeros(3), lambda task: np.full(task.series.length, np.nan)], ids=["short", "nan"]
)
def test_wrong_scores_are_refused(score: Callable[[Task], np.ndarray]) -> None:
    peer = Peer("Wrong", "controls", lambda task, seed: lambda: score(task), False, ())
    with pytest.raises(DataError, match="400 finite scores"):
        measure(case_of("a"), "wrong", peer, 0)


def cell_of(series: str, method: str, value: float, seed: int = 0) -> Cell:
    rest = (value, value, value, value, value)
    return Cell("nab", series, method, seed, "v", 100, 400, value, *rest, 2.0, 1.0)


def test_means_are_over_series_and_only_of_all_of_them() -> None:
    cases = [case_of("a"), case_of("b")]
    columns = columns_of(cases)
    cells = [cell_of("a", "iforest", 0.2), cell_of("a", "iforest", 0.4, 1), cell_of("b", "iforest", 0.7)]
    entry = entries_of([*cells, cell_of("a", "random", 0.1)], columns, cases)
    assert set(entry) == {("iforest", "nab")}
    found = entry["iforest", "nab"]
    assert found.mean == pytest.approx(0.5)
    assert (found.published, found.gap) == (0.5, pytest.approx(0.3))
    assert (found.fit_cost, found.score_cost) == (50, 25)
    assert claim(columns, entry, 3)["peer"] == {"nab": ["iforest", 0.5]}


def test_intervals_hold_the_mean_and_shrink_with_more_series() -> None:
    few, many = [[v] for v in RNG.random(5)], [[v] for v in RNG.random(500)]
    (low, high), (lowest, highest) = interval(few), interval(many)
    assert low < np.mean(few) < high
    assert highest - lowest < high - low


def test_pictures_keep_spikes_and_have_bounded_size() -> None:
    spike = np.zeros(50_000, np.float32)
    spike[31_234] = 5
    path = line(spike, 0, 92)
    assert "3.0" in path
    assert path.count("L") < 2 * WIDTH
    assert area(spike, 100, 15).count("H") == WIDTH


def test_the_page_needs_nothing_else(counted: list[str], tmp_path: Path) -> None:
    cases = [case_of("a<b", width=2), case_of("c")]
    store = Store(tmp_path)
    cells = run(cases, ["counted", "random"], 1, store)
    write_page(tmp_path / "page.html", cases, cells, store, 1)
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 2
    assert "a&lt;b" in page
    assert "http" not in page.replace('http-equiv="Content', "")
    assert draw(cases[0], []).border == pytest.approx(WIDTH / 4)
