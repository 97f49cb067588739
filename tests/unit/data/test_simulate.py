from __future__ import annotations

import numpy as np
import pytest

from rl_tsad.data.simulate import CHANNELS, FAULTS, PlantConfig, simulate_plant
from rl_tsad.errors import ConfigError

PLANT = simulate_plant(seed=0)


def test_the_same_seed_gives_the_same_plant() -> None:
    again = simulate_plant(seed=0)
    assert again.series.values.tobytes() == PLANT.series.values.tobytes()
    assert again.faults == PLANT.faults
    assert simulate_plant(seed=1).series.values.tobytes() != PLANT.series.values.tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_truth_is_exactly_the_faults(seed: int) -> None:
    plant = simulate_plant(seed=seed)
    assert plant.series.truth is not None
    marked = np.zeros(plant.series.length, dtype=bool)
    for fault in plant.faults:
        assert not marked[fault.start : fault.stop].any()
        marked[fault.start : fault.stop] = True
    assert np.array_equal(plant.series.truth == 1, marked)
    assert 0.02 <= marked.mean() <= 0.045
    assert {fault.kind for fault in plant.faults} == set(FAULTS)


@pytest.mark.parametrize("seed", range(8))
def test_faults_change_every_point_they_claim_and_no_other(seed: int) -> None:
    plant = simulate_plant(seed=seed)
    healthy = simulate_plant(PlantConfig(faults=0), seed=seed)
    changed = plant.series.values != healthy.series.values
    assert np.array_equal(changed.any(axis=1), plant.series.truth == 1)
    for fault in plant.faults:
        others = [c for c in range(len(CHANNELS)) if c not in fault.channels]
        assert not changed[fault.start : fault.stop, others].any()


@pytest.mark.parametrize("seed", range(8))
def test_stops_are_normal_and_drastic(seed: int) -> None:
    plant = simulate_plant(seed=seed)
    assert plant.series.truth is not None
    assert len(plant.stops) == 3
    flow = plant.series.values[:, CHANNELS.index("flow")]
    for start, stop in plant.stops:
        assert plant.series.truth[start:stop].sum() == 0
        assert flow[start + 20 : stop].max() < 0.3 * np.median(flow)


def test_sensors_are_correlated_and_the_day_is_seen() -> None:
    values = PLANT.series.values
    assert np.corrcoef(values[:, CHANNELS.index("load")], values[:, CHANNELS.index("flow")])[0, 1] > 0.9
    spectrum = np.abs(np.fft.rfft(values[:, 0] - values[:, 0].mean()))
    assert spectrum[14] > 3 * np.median(spectrum[5:40])


def test_a_wrong_hour_backwash_looks_like_the_nightly_one() -> None:
    fault = next(fault for fault in PLANT.faults if fault.kind == "contextual")
    hour = PLANT.series.times[fault.start].astype("datetime64[h]").astype(int) % 24
    assert hour not in (0, 1, 2, 3)
    assert fault.stop - fault.start == 6


def test_other_sizes() -> None:
    plant = simulate_plant(PlantConfig(points=1000, faults=4, stops=1, step_seconds=60), seed=3, name="small")
    assert (plant.series.name, plant.series.length, len(plant.faults), len(plant.stops)) == ("small", 1000, 4, 1)
    assert plant.series.times[1] - plant.series.times[0] == np.timedelta64(60, "s")
    assert simulate_plant(PlantConfig(points=400, faults=0, stops=0), seed=0).faults == ()


def test_impossible_plants_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most"):
        PlantConfig(points=300, faults=9)
    with pytest.raises(ConfigError, match="points >= 300"):
        PlantConfig(points=10)
