"""On which series are settings chosen? None of the benchmark's: simulated plants and generated anomalies.

Of eight cases four are univariate (ten kinds of healthy recordings, thirteen of anomalies, see
:mod:`rl_tsad.data.disturb`), two are a sensor that follows binary commands, one is a plant with a clean beginning, one
a plant fitted on another, healthy recording, with short faults or one long. Faults, kinds, lengths and units are drawn;
nothing was chosen with a method in view. Run ``python benchmarks/validation.py`` for a table of the cases.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from protocol import Case, make_case

from rl_tsad.data.bases import BASES, Base, make_base
from rl_tsad.data.disturb import GenerateConfig, generate_series, write_events
from rl_tsad.data.faults import Fault, Terrain, write_fault
from rl_tsad.data.simulate import Plant, PlantConfig, simulate_plant
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Bool, Float64, Series

SET = "validation"
_TURNS = ("generated", "plant", "generated", "commanded", "generated", "apart", "generated", "commanded")
_CLEAN = 0.25
_LONG = ("level", "drift", "oscillation", "decoupling")


def load_validation(seed: int = 0, n: int = 24) -> list[Case]:
    """Make validation cases.

    Args:
        seed: the same seed gives the same cases; another one gives other cases, none of them in common.
        n: how many; a multiple of eight has the shares named above.

    Returns:
        Cases named by family and number, such as ``"sine-0"``, ``"plant-1"``; ``kinds`` are their anomalies.
    """
    makers = {"generated": _generated, "plant": _plant, "commanded": _commanded, "apart": _apart}
    return [makers[_TURNS[i % len(_TURNS)]](seed, i) for i in range(n)]


def _generated(seed: int, number: int) -> Case:
    order = derive_rng(seed, "bases", number // 20).permutation(BASES)
    base = str(order[number % 20 // 2])
    points = int(derive_rng(seed, "points", number).integers(1500, 6000))
    config = GenerateConfig(points=points, clean=_CLEAN)
    made = generate_series(config, seed=derive_seed(seed, number), base=base, name=f"{base}-{number}")
    return _with_prefix(made.series, made.clean, tuple(event.kind for event in made.events))


def _commanded(seed: int, number: int) -> Case:
    """A sensor that some of many binary commands move; its own anomalies have no command as their cause."""
    rng = derive_rng(seed, "commanded", number)
    points, count = int(rng.integers(2500, 7000)), int(rng.integers(4, 25))
    commands = np.stack([_switched(points, rng) for _ in range(count)], axis=1)
    moving = rng.choice(count, int(rng.integers(1, min(count, 5) + 1)), replace=False)
    lag = int(rng.integers(1, 6))
    gains = rng.normal(0, 1.5, len(moving))
    answer = np.roll(commands[:, moving], lag, axis=0) @ gains  # (T, M) @ (M,) -> (T,)
    own = make_base(str(rng.choice(BASES)), points, rng)
    whole = own.values * rng.choice([0.1, 0.5, 1.0]) + answer
    base = Base("commanded", (whole - np.median(whole)) / whole.std(), own.cycle)
    config = GenerateConfig(points=points, clean=_CLEAN)
    values, truth, events = write_events(config, base, rng)
    columns = np.column_stack([values, commands]).astype(np.float32)
    names = ("value", *(f"command {i}" for i in range(1, count + 1)))
    exogenous = np.arange(count + 1) > 0
    series = Series(f"commanded-{number}", columns, np.arange(points), names, truth, exogenous=exogenous)
    return _with_prefix(series, int(_CLEAN * points), tuple(event.kind for event in events))


def _switched(points: int, rng: np.random.Generator) -> Float64:
    """Switch a command on now and then; some stay as they are."""
    if rng.random() < 0.2:
        return np.full(points, float(rng.integers(0, 2)))
    usual = points * rng.uniform(0.005, 0.05)
    lengths = np.ceil(rng.exponential(usual, 800) + 1).astype(np.int64)
    return np.asarray(np.repeat(np.arange(800) % 2, lengths)[:points], dtype=np.float64)


def _plant(seed: int, number: int) -> Case:
    """A plant whose first quarter is that of its faultless twin."""
    rng = derive_rng(seed, "plant", number)
    points, name = int(rng.integers(1800, 4100)), f"plant-{number}"
    config = PlantConfig(points=points, faults=int(rng.integers(3, points // 200)), stops=int(rng.integers(0, 4)))
    faulty, healthy = _twins(config, derive_seed(seed, "plant", number), name)
    clean = int(_CLEAN * points)
    values, truth = faulty.series.values.copy(), np.asarray(faulty.series.truth).copy()
    values[:clean], truth[:clean] = healthy.series.values[:clean], 0
    kinds = tuple(fault.kind for fault in faulty.faults if fault.stop > clean)
    return _with_prefix(replace(faulty.series, values=values, truth=truth), clean, kinds)


def _apart(seed: int, number: int) -> Case:
    """A plant fitted on another, healthy recording of it: many short faults, or one that stays."""
    rng = derive_rng(seed, "apart", number)
    name, points = f"apart-{number}", int(rng.integers(1000, 2000))
    config = PlantConfig(points=points, faults=int(rng.integers(2, points // 150)), stops=0)
    faulty, healthy = _twins(config, derive_seed(seed, "apart", number), name)
    fit = simulate_plant(PlantConfig(points=3000, faults=0, stops=0), seed=derive_seed(seed, "fit", number), name=name)
    if rng.random() < 0.5:
        return make_case(SET, fit.series, faulty.series, apart=True, kinds=tuple(f.kind for f in faulty.faults))
    series, kind = _with_long_fault(healthy.series, rng)
    return make_case(SET, fit.series, series, apart=True, kinds=(kind,))


def _twins(config: PlantConfig, seed: int, name: str) -> tuple[Plant, Plant]:
    """Record the same plant with and without its faults."""
    return simulate_plant(config, seed=seed, name=name), simulate_plant(replace(config, faults=0), seed=seed, name=name)


def _with_long_fault(series: Series, rng: np.random.Generator) -> tuple[Series, str]:
    values = series.values.astype(np.float64)
    noise = 1.48 * np.median(np.abs(np.diff(values, axis=0)), axis=0) / np.sqrt(2)
    terrain = Terrain(values, noise, np.zeros(series.width), np.zeros(series.length), ())
    length = int(series.length * rng.uniform(0.1, 0.35))
    start = int(rng.integers(series.length // 4, series.length - length))
    channels = tuple(int(c) for c in rng.choice(np.arange(1, series.width), int(rng.integers(1, 4)), replace=False))
    fault = Fault(str(rng.choice(_LONG)), start, start + length, channels)
    write_fault(terrain, fault, rng)
    truth = np.zeros(series.length, np.int8)
    truth[fault.start : fault.stop] = 1
    return replace(series, values=values.astype(np.float32), truth=truth), f"long {fault.kind}"


def _with_prefix(series: Series, clean: int, kinds: tuple[str, ...]) -> Case:
    roles: Bool | None = series.exogenous
    prefix = replace(series, values=series.values[:clean], times=series.times[:clean], truth=None, exogenous=roles)
    return make_case(SET, prefix, series, kinds=kinds)


def main() -> None:
    cases = load_validation()
    for case in cases:
        sizes = f"{case.fit.length:>6}{case.series.length:>6}{case.series.width:>4}{case.window:>5}"
        print(f"{case.name:20}{sizes}{case.truth.mean():>8.1%}  {', '.join(case.kinds)}")
    print(json.dumps({"claim": "validation cases", "value": len(cases)}))


if __name__ == "__main__":
    main()
