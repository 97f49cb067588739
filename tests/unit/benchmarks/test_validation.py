import numpy as np
import pytest
from validation import load_validation


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
