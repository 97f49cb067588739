import os
from pathlib import Path

import numpy as np
import pytest
from protocol import SETS, Case, data_folder, make_case

from rl_tsad.errors import ConfigError
from rl_tsad.types import Series

needs_data = pytest.mark.skipif("RL_TSAD_DATA" not in os.environ, reason="RL_TSAD_DATA names no folder")


def load(name: str) -> list[Case]:
    return SETS[name]()


def test_a_method_sees_no_truth() -> None:
    truth = np.array([0, 1, 0], np.int8)
    series = Series("a", np.zeros((3, 1), np.float32), np.arange(3), ("x",), truth)
    task = make_case("validation", series, series).task()
    assert not hasattr(task, "truth")
    assert task.series.truth is None
    assert task.fit.truth is None


def test_a_missing_folder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RL_TSAD_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match="RL_TSAD_DATA"):
        data_folder()


@needs_data
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "series", "points", "anomalous", "published"),
    [("nab", 6, 36_795, 3305, 32), ("smap", 12, 97_492, 3293, 23), ("skab", 16, 18_160, 6309, 0)],
)
def test_the_sets_are_the_protocol_s(name: str, series: int, points: int, anomalous: int, published: int) -> None:
    cases = load(name)
    assert len(cases) == series
    assert sum(case.series.length for case in cases) == points
    assert sum(int(case.truth.sum()) for case in cases) == anomalous
    assert {len(case.published) for case in cases} == {published}
    assert all(case.fit.name == case.series.name for case in cases)


@needs_data
@pytest.mark.data
@pytest.mark.slow
def test_a_prefix_is_the_beginning_of_its_series() -> None:
    for name in ("nab", "smap"):
        for case in load(name):
            assert not case.apart
            assert (case.fit.values == case.series.values[: case.fit.length]).all()
            assert not case.truth[: case.fit.length].any()


@needs_data
@pytest.mark.data
@pytest.mark.slow
def test_smap_has_one_target_and_skab_two_protocols() -> None:
    assert {tuple(case.series.targets) for case in load("smap")} == {(0,)}
    apart, itself = load("skab"), load("skab-self")
    assert all(case.apart and case.fit.length == 9405 for case in apart)
    assert all(not case.apart and case.fit.length == case.series.length for case in itself)


@needs_data
@pytest.mark.data
@pytest.mark.slow
def test_nab_drops_the_first_point_and_excludes_a_window_s_start() -> None:
    case = next(case for case in load("nab") if case.name == "rogue_agent_key_hold")
    assert case.series.length == 1881
    assert int(case.truth.sum()) == 188
    assert case.window == 125
