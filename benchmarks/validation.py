"""On which series are settings chosen? None of the benchmark's: simulated plants and generated anomalies.

Of eight cases four are univariate (ten kinds of healthy recordings, thirteen of anomalies, see
:mod:`rl_tsad.data.disturb`), two are a sensor that follows binary commands, one is a plant with a clean beginning, one
a plant fitted on another, healthy recording, with short faults or one long. Faults, kinds, lengths and units are drawn;
nothing was chosen with a method in view.

Beside them (:func:`load_suite`): plants that have moved to another operating point since the recording that is fitted
on, some of which then nearly stand still; plants and all of the above fitted on what is scored, anomalies and
maintenance stops included, as in daily use; and, where RL_TSAD_DATA names the labelled data, other recordings than the
benchmark's (24 of NAB, 7 healthy ones of SMAP) with anomalies of the same thirteen kinds written into them. Their own
labels are not read: what is odd in NAB's counts as usual. People mark more than what changed, so every case can also be
judged by wide labels (:func:`widened`), as NAB's are. Run ``python benchmarks/validation.py`` for a table of the cases.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from protocol import NAB, SMAP, Case, data_folder, make_case, published_names, run_main

from rl_tsad.data.bases import BASES, Base, make_base
from rl_tsad.data.disturb import GenerateConfig, generate_series, write_events
from rl_tsad.data.faults import Fault, Terrain, write_fault
from rl_tsad.data.period import find_period
from rl_tsad.data.simulate import Plant, PlantConfig, simulate_plant
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Bool, Float64, Int8, Series

SET = "validation"
_TURNS = ("generated", "plant", "generated", "commanded", "generated", "apart", "generated", "commanded")
_CLEAN = 0.25
_DAILY = 0.6
_EARLIER = "2023-11-01T00:00:00"
"""When the other recording that is fitted on was made."""
_LONG = ("level", "drift", "oscillation", "decoupling")
_WIDE = 0.1
"""Share of a series that its wide labels cover, together; as NAB's windows do."""
_MOST = 8000
"""Points that are kept of a recording."""


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
    fit = simulate_plant(
        PlantConfig(points=3000, faults=0, stops=0, start=_EARLIER), seed=derive_seed(seed, "fit", number), name=name
    )
    if rng.random() < 0.5:
        return make_case(SET, fit.series, faulty.series, apart=True, kinds=tuple(f.kind for f in faulty.faults))
    series, kinds = _with_long_fault(healthy.series, rng)
    return make_case(SET, fit.series, series, apart=True, kinds=kinds)


def _twins(config: PlantConfig, seed: int, name: str) -> tuple[Plant, Plant]:
    """Record the same plant with and without its faults."""
    return simulate_plant(config, seed=seed, name=name), simulate_plant(replace(config, faults=0), seed=seed, name=name)


def load_suite(seed: int = 0) -> list[Case]:
    """Make all cases that settings are chosen on; another seed gives others."""
    usual = load_validation(seed) + load_recorded(seed)
    return (
        usual
        + load_moved(seed)
        + load_still(seed)
        + load_daily(seed)
        + [on_itself(each) for each in usual if not each.apart]
    )


def on_itself(case: Case) -> Case:
    """Fit on the whole series that is scored, as one does who has nothing else; named ``"self-..."``."""
    name = f"self-{case.name}"
    whole = replace(case.series, name=name)
    return replace(case, name=name, fit=whole, series=whole, healthy=False)


def load_daily(seed: int = 0, n: int = 10) -> list[Case]:
    """Make plants with faults and stops from the start, fitted on their first three fifths; named ``"daily-0"`` ..."""
    return [_daily(seed, number) for number in range(n)]


def _daily(seed: int, number: int) -> Case:
    rng, name = derive_rng(seed, "daily", number), f"daily-{number}"
    points = int(rng.integers(2500, 4100))
    config = PlantConfig(points=points, faults=int(rng.integers(6, points // 250)), stops=int(rng.integers(1, 5)))
    plant = simulate_plant(config, seed=derive_seed(seed, "daily", number), name=name)
    kinds = tuple(fault.kind for fault in plant.faults)
    return replace(_with_prefix(plant.series, int(_DAILY * points), kinds), healthy=False)


def load_moved(seed: int = 0, n: int = 16) -> list[Case]:
    """Make plants at another operating point than the healthy recording that is fitted on.

    More than half of the channels lie .3 to 20 usual deviations away from where they were, each varies a tenth as much
    to twice as much as before, and faults are one to twenty times as large as the plant's usual ones.

    Args:
        seed: another one gives other cases.
        n: how many, named ``"moved-0"`` and so on.
    """
    return [_moved(derive_rng(seed, "moved", i), derive_seed(seed, "moved", i), f"moved-{i}") for i in range(n)]


def load_still(seed: int = 0, n: int = 12) -> list[Case]:
    """Make plants that lie 3 to 60 usual deviations away and vary a hundredth to a third as much, faults included.

    Args:
        seed: another one gives other cases.
        n: how many, named ``"still-0"`` and so on.
    """
    return [
        _moved(derive_rng(seed, "still", i), derive_seed(seed, "still", i), f"still-{i}", still=True) for i in range(n)
    ]


def _moved(rng: np.random.Generator, seed: int, name: str, *, still: bool = False) -> Case:
    points = int(rng.integers(1000, 2000))
    config = PlantConfig(points=points, faults=int(rng.integers(2, points // 150)), stops=0)
    faulty, healthy = _twins(config, seed, name)
    fit = simulate_plant(
        PlantConfig(points=3000, faults=0, stops=0, start=_EARLIER), seed=derive_seed(seed, "fit"), name=name
    )
    kinds = tuple(fault.kind for fault in faulty.faults)
    series, usual = faulty.series, healthy.series.values.astype(np.float64)
    if rng.random() < 0.5:
        series, kinds = _with_long_fault(healthy.series, rng)
    (near, far), (least, most) = ((3, 60), (0.01, 0.3)) if still else ((0.3, 20), (0.1, 2.0))
    away = rng.normal(size=series.width) * np.exp(rng.uniform(np.log(near), np.log(far), series.width))
    away *= (rng.random(series.width) < 0.6) * fit.series.values.std(axis=0)
    gain = np.exp(rng.uniform(np.log(least), np.log(most), 1 if still else series.width))
    middle = np.median(usual, axis=0)
    fault = (series.values - usual) * (gain if still else 1) * np.exp(rng.uniform(0, np.log(20)))
    values = (usual - middle) * gain + middle + away + fault
    return make_case(SET, fit.series, replace(series, values=values.astype(np.float32)), apart=True, kinds=kinds)


def load_recorded(seed: int = 0) -> list[Case]:
    """Write anomalies into recordings that the benchmark does not measure; none where there is no labelled data.

    Args:
        seed: another one gives other anomalies in the same recordings.

    Returns:
        Cases named ``"nab-..."`` and ``"smap-..."``, fitted on their first quarter.
    """
    if "RL_TSAD_DATA" not in os.environ:
        return []
    folder, cases = data_folder(), []
    measured = published_names(NAB) | published_names(SMAP)
    for path in sorted((folder / "nab" / "data").rglob("*.csv")):
        if f"{path.parent.name}/{path.name}" not in measured:
            values = pd.read_csv(path).value.to_numpy(np.float64)[:_MOST, None]
            cases.append(_recorded(seed, f"nab-{path.stem}", values))
    for path in sorted((folder / "smap" / "train").glob("*.npy")):
        if path.stem not in measured:
            values = np.load(path, allow_pickle=False)[:_MOST].astype(np.float64)
            cases.append(_recorded(seed, f"smap-{path.stem}", values))
    return [case for case in cases if case is not None]


def _recorded(seed: int, name: str, columns: Float64) -> Case | None:
    """Write anomalies into the first column; the others are commands. None where it never moves."""
    column = columns[:, 0]
    middle, spread = np.median(column), column.std()
    if not spread:
        return None
    standard = (column - middle) / spread
    base = Base("recorded", standard, find_period(standard))
    config = GenerateConfig(points=len(column), clean=_CLEAN)
    values, truth, events = write_events(config, base, derive_rng(seed, "recorded", name))
    written = np.column_stack([values * spread + middle, columns[:, 1:]]).astype(np.float32)
    names = ("value", *(f"command {i}" for i in range(1, written.shape[1])))
    exogenous = np.arange(written.shape[1]) > 0
    series = Series(name, written, np.arange(len(column)), names, truth, exogenous=exogenous)
    return _with_prefix(series, int(_CLEAN * len(column)), tuple(event.kind for event in events))


def widened(truth: Int8) -> Int8:
    """Let labels reach beyond what changed: equally wide around each event's start, together a tenth of the series.

    Args:
        truth: (T,) 1 inside an anomaly.
    """
    step = np.diff(truth, prepend=0, append=0)
    starts, stops = np.flatnonzero(step == 1), np.flatnonzero(step == -1)
    reach = int(_WIDE * len(truth) / max(len(starts), 1) / 2)
    wide = truth.copy()
    for start, stop in zip(starts, stops, strict=True):
        wide[max(start - reach, 0) : max(start + reach, stop)] = 1
    return wide


def with_long_faults(
    series: Series, extents: Iterable[tuple[int, int]], rng: np.random.Generator
) -> tuple[Series, tuple[str, ...]]:
    """Write a fault that lasts into each extent [start, stop) of a healthy plant; kinds, channels are drawn.

    Returns:
        The series with its truth, and the kinds.
    """
    values, truth, kinds = series.values.astype(np.float64), np.zeros(series.length, np.int8), []
    noise = 1.48 * np.median(np.abs(np.diff(values, axis=0)), axis=0) / np.sqrt(2)
    terrain = Terrain(values, noise, np.zeros(series.width), np.zeros(series.length), ())
    for start, stop in extents:
        channels = tuple(int(c) for c in rng.choice(np.arange(1, series.width), int(rng.integers(1, 4)), replace=False))
        fault = Fault(str(rng.choice(_LONG)), start, stop, channels)
        write_fault(terrain, fault, rng)
        truth[start:stop] = 1
        kinds.append(f"long {fault.kind}")
    return replace(series, values=values.astype(np.float32), truth=truth), tuple(kinds)


def _with_long_fault(series: Series, rng: np.random.Generator) -> tuple[Series, tuple[str, ...]]:
    length = int(series.length * rng.uniform(0.1, 0.35))
    start = int(rng.integers(series.length // 4, series.length - length))
    return with_long_faults(series, [(start, start + length)], rng)


def _with_prefix(series: Series, clean: int, kinds: tuple[str, ...]) -> Case:
    roles: Bool | None = series.exogenous
    prefix = replace(series, values=series.values[:clean], times=series.times[:clean], truth=None, exogenous=roles)
    return make_case(SET, prefix, series, kinds=kinds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=int, default=0, help="seed of the suite: another one, other cases")
    cases = load_suite(parser.parse_args().suite)
    for case in cases:
        sizes = f"{case.fit.length:>6}{case.series.length:>6}{case.series.width:>4}{case.window:>5}"
        print(f"{case.name:20}{sizes}{case.truth.mean():>8.1%}  {', '.join(case.kinds)}")
    print(json.dumps({"claim": "validation cases", "value": len(cases)}))


if __name__ == "__main__":
    run_main(main)
