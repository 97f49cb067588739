import numpy as np
import pytest

from rl_tsad.data.bases import BASES, make_base
from rl_tsad.data.disturb import KINDS, GenerateConfig, disturb, generate_series, possible_kinds
from rl_tsad.errors import ConfigError


@pytest.mark.parametrize("base", BASES)
def test_the_truth_is_exact_and_the_beginning_clean(base: str) -> None:
    for seed in range(6):
        made = generate_series(GenerateConfig(points=2000), seed=seed, base=base)
        truth = np.asarray(made.series.truth)
        assert (made.series.values[truth == 0, 0] == made.healthy.astype(np.float32)[truth == 0]).all()
        assert not truth[: made.clean].any()
        assert made.clean == 500
        marked = np.zeros(2000, np.int8)
        for event in made.events:
            marked[event.start : event.stop] = 1
            assert event.kind in KINDS
        assert (marked == truth).all()


@pytest.mark.parametrize("base", BASES)
def test_every_anomaly_can_be_seen(base: str) -> None:
    for seed in range(6):
        made = generate_series(GenerateConfig(points=2000), seed=seed, base=base)
        spread = made.healthy.std()
        for event in made.events:
            change = made.series.values[event.start : event.stop, 0] - made.healthy[event.start : event.stop]
            assert np.sqrt(np.mean(change**2)) > 0.3 * spread


def test_lengths_follow_the_shares() -> None:
    config = GenerateConfig(points=3000, share=(0.05, 0.1), events=1)
    made = [generate_series(config, seed=seed) for seed in range(40)]
    shares = [np.mean(np.asarray(one.series.truth)) for one in made if one.events[0].kind != "spike"]
    assert len(shares) > 20
    assert 0.049 < min(shares) < max(shares) < 0.101


def test_same_seed_same_bits() -> None:
    one, again, other = (generate_series(seed=seed) for seed in (3, 3, 4))
    assert (one.series.values == again.series.values).all()
    assert one.events == again.events
    assert not np.array_equal(one.series.values, other.series.values)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_stays_inside_its_span(kind: str) -> None:
    base = make_base("heartbeat", 1000, np.random.default_rng(0))
    part = disturb(base, kind, 400, 480, np.random.default_rng(1))
    assert part.shape == (80,)
    assert np.isfinite(part).all()


def test_all_kinds_occur() -> None:
    made = [generate_series(GenerateConfig(points=600), seed=seed) for seed in range(80)]
    assert {event.kind for one in made for event in one.events} == set(KINDS)
    assert {one.base for one in made} == set(BASES)


def test_patterns_need_a_base_that_repeats() -> None:
    walk = make_base("walk", 600, np.random.default_rng(0))
    assert "reversed" not in possible_kinds(walk)
    with pytest.raises(ConfigError, match="choose another"):
        disturb(walk, "reversed", 100, 150, np.random.default_rng(0))


@pytest.mark.parametrize("wrong", [{"points": 10}, {"clean": 0.9}, {"share": (0.0, 0.1)}, {"events": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="expected points"):
        GenerateConfig(**wrong)  # type: ignore[arg-type]
