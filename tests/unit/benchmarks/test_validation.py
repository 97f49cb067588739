import os

import numpy as np
import pytest
from protocol import load_nab6, load_smap12
from validation import load_daily, load_moved, load_recorded, load_still, load_validation, on_itself, widened


@pytest.mark.slow
def test_cases_have_a_clean_part_to_fit_on_and_something_to_find() -> None:
    for case in load_validation(0, 32):
        assert 0 < case.truth.sum() < 0.4 * case.series.length
        assert case.truth.shape == (case.series.length,)
        assert case.kinds
        if not case.apart:
            assert (case.fit.values == case.series.values[: case.fit.length]).all()
            assert not case.truth[: case.fit.length].any()


@pytest.mark.slow
def test_families_have_their_shares_and_seeds_share_nothing() -> None:
    one, other = load_validation(0, 32), load_validation(1, 32)
    families = [case.name.rsplit("-", 1)[0] for case in one]
    assert [families.count(name) for name in ("plant", "apart", "commanded")] == [4, 4, 8]
    assert len({case.name for case in one}) == 32
    assert len(set(families) - {"plant", "apart", "commanded"}) == 10
    assert not [a.name for a, b in zip(one, other, strict=True) if np.array_equal(a.series.values, b.series.values)]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_cases() -> None:
    for one, again in zip(load_validation(2, 8), load_validation(2, 8), strict=True):
        assert np.array_equal(one.series.values, again.series.values)
        assert np.array_equal(one.truth, again.truth)


@pytest.mark.slow
def test_commands_are_exogenous_and_plants_healthy_twins_clean() -> None:
    for case in load_validation(0, 16):
        if case.name.startswith("commanded"):
            assert case.series.targets.tolist() == [0]
            assert set(np.unique(case.series.values[:, 1:])) <= {0.0, 1.0}
        if case.apart:
            assert not np.array_equal(case.fit.values[:100], case.series.values[:100])


@pytest.mark.slow
def test_moved_plants_lie_elsewhere_than_what_is_fitted_on() -> None:
    cases = load_moved(0, 6)
    for case in cases:
        assert 0 < case.truth.sum() < 0.4 * case.series.length
        usual = case.fit.values.std(axis=0)
        assert (np.abs(np.median(case.series.values, axis=0) - np.median(case.fit.values, axis=0)) > usual).any()
    assert np.array_equal(load_moved(0, 1)[0].series.values, cases[0].series.values)


@pytest.mark.slow
def test_still_plants_lie_far_off_and_hardly_move() -> None:
    for case in load_still(0, 6):
        usual = case.fit.values.std(axis=0)
        apart = np.abs(np.median(case.series.values, axis=0) - np.median(case.fit.values, axis=0)) / usual
        moves = np.abs(case.series.values[case.truth == 0] - np.median(case.series.values, axis=0)) / usual
        assert apart.max() > 1
        assert np.median(moves) < 0.5


@pytest.mark.slow
def test_daily_plants_are_fitted_on_their_own_faults_too() -> None:
    for case in load_daily(0, 4):
        assert np.array_equal(case.fit.values, case.series.values[: case.fit.length])
        assert case.truth[: case.fit.length].any()
        assert case.truth[case.fit.length :].any()
        assert case.fit.truth is None


def test_what_is_fitted_on_itself_sees_all_of_its_values_and_no_truth() -> None:
    case = load_validation(0, 1)[0]
    own = on_itself(case)
    assert own.name == own.series.name == own.fit.name == f"self-{case.name}"
    assert np.array_equal(own.fit.values, case.series.values)
    assert own.fit.truth is None
    assert own.window == case.window


@pytest.mark.slow
@pytest.mark.skipif("RL_TSAD_DATA" not in os.environ, reason="RL_TSAD_DATA names no folder")
def test_recordings_of_the_benchmark_are_not_among_those_to_choose_by() -> None:
    cases = load_recorded()
    measured = {case.series.values.tobytes() for load in (load_nab6, load_smap12) for case in load()}
    assert len(cases) == 31
    assert not {case.name.split("-", 1)[1] for case in cases} & {case.name for case in load_nab6() + load_smap12()}
    assert not {case.series.values.tobytes() for case in cases} & measured
    assert all(0 < case.truth.mean() < 0.12 and not case.truth[: case.fit.length].any() for case in cases)


def test_recordings_need_the_labelled_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RL_TSAD_DATA", raising=False)
    assert load_recorded() == []


def test_wide_labels_hold_the_narrow_ones_and_cover_a_tenth() -> None:
    truth = np.zeros(1000, np.int8)
    truth[[100, 500, 501, 900]] = 1
    wide = widened(truth)
    assert (wide >= truth).all()
    assert 0.09 < wide.mean() <= 0.11
    assert widened(np.zeros(10, np.int8)).sum() == 0
