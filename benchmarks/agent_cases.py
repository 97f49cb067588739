"""On what are agents measured? Recordings judged once, label-free, with what was written into copies of their past.

A world is one workspace as a user would have it: the series of a data set together, or one simulated plant. It is cut
by one of three protocols:

* ``past_future``: the first 60 % of each series may be asked, the rest is the test, after a gap of one window (main);
* ``blocks``: each series is cut into six, one window is purged between two, four of six may be asked; the cuts of
  near-duplicates go the same way;
* ``unseen``: whole series, near-duplicates on one side.

Worlds are kept in a folder, as arrays without pickles, and made anew where they are missing.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from validation import widened, with_long_faults

from rl_tsad.config import Settings
from rl_tsad.data.readers import read_path
from rl_tsad.data.role_agreement import agree_on_roles
from rl_tsad.data.simulate import PlantConfig, simulate_plant
from rl_tsad.data.splits import Split, group_duplicates
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.apart import set_apart
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.judge import Judge, Judgement
from rl_tsad.detector.rehearse import Rehearsal, rehearse
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.services.pools import split_windows
from rl_tsad.types import Bool, Float32, Int8, Int64, Series, Windows, spans_of

REAL = ("nab", "skab", "smap")
CHOICE = tuple(f"plant-{seed}" for seed in range(100, 120))
"""Worlds on which settings are chosen."""
LATER = tuple(f"plant-{seed}" for seed in range(120, 140))
"""Twenty more of them, for what those left in doubt."""
PLANTS = tuple(f"plant-{seed}" for seed in range(40))
"""Worlds on which they are reported, with the real ones."""
VARIED = tuple(f"varied-{seed}" for seed in range(200, 216))
"""Plants that differ in length, noise, number of faults and of stops: teachers only."""
WIRES = tuple(f"wire-{seed}" for seed in range(300, 312))
"""Univariate series: one sensor of a plant each, anomalous where a fault touches it; reported only."""
AGAIN = tuple(f"wire-{seed}" for seed in range(312, 318))
"""Six others, to see what was found on those once more."""
FLEETS = tuple(
    f"{kind}-{first + place}"
    for kind, first in {
        "unlike": 400,
        "wide": 400,
        "alike": 500,
        "long": 600,
        "dense": 700,
        "lasting": 800,
        "drifting": 900,
    }.items()
    for place in range(6)
)
"""Fleets on which settings are chosen too: ``unlike``, twelve single sensors, each of another plant; ``wide``, the same
with labels that reach beyond what changed, as NAB's do; ``alike``, four plants with the same settings; ``long``, three
plants whose faults last for 150 to 500 points; ``lasting``, six plants of four channels with such faults; ``dense``,
eight short recordings of one plant, a third of each anomalous; and ``drifting``, such ones whose sensors wander."""
POOL = 0.6
BLOCKS = 6
_JUDGED = ("keys", "features", "members", "prior", "vae_error", "aster", "embedding", "notes")


@dataclass(frozen=True, eq=False)
class World:
    """All that a learner may see of a workspace, and the truth that only its analyst and its judge see.

    Attributes:
        name: of the data set or plant.
        judgements: one a series, all windows; those of the pool by who has not seen it.
        seen: one a series, of the pool's windows, by the detector that learnt on them; none where those are by it.
        rehearsal: events written into copies of the pool.
        pool: (N,) whether a window may be asked.
        test: (N,) whether it is only evaluated.
        spans: (N, 2) points [low, high) that each window decides.
        truth: (N,) int8, 1 where a decided point is anomalous.
    """

    name: str
    judgements: tuple[Judgement, ...]
    seen: tuple[Judgement, ...]
    rehearsal: Rehearsal
    pool: Bool
    test: Bool
    spans: Int64
    truth: Int8

    @property
    def episode(self) -> Int64:
        """(N,) number of the series."""
        return np.repeat(np.arange(len(self.judgements)), [len(one) for one in self.judgements])


def load_world(name: str, folder: Path, *, protocol: str = "past_future", seed: int = 0, seen: bool = False) -> World:
    """Read a world from the folder, or make it.

    Args:
        name: see :data:`REAL`, :data:`PLANTS` and the others.
        folder: where worlds are kept.
        protocol: how it is cut.
        seed: of everything, detectors included.
        seen: whether the pool is judged by what it taught itself, not by what the rest of it taught.
    """
    file = folder / f"{name}.{protocol}{'.seen' if seen else ''}.{seed}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft.npz")
        np.savez(draft, allow_pickle=False, **_make(name, protocol, seed, seen=seen))
        draft.replace(file)
    with np.load(file, allow_pickle=False) as arrays:
        kept = {key: arrays[key] for key in arrays.files}
    names = tuple(kept["feature_names"].tolist())
    judgements = tuple(_cut(kept, "real", names))
    rehearsed = Rehearsal(
        tuple(_cut(kept, "rehearsed", names)), tuple(_parts(kept["rehearsed_truth"], kept, "rehearsed"))
    )
    known = tuple(_cut(kept, "seen", names)) if "seen_counts" in kept else ()
    return World(name, judgements, known, rehearsed, kept["pool"], kept["test"], kept["spans"], kept["truth"])


def read_world(name: str) -> list[Series]:
    """Read a world's series with their truth."""
    kind, _, seed = name.partition("-")
    if kind in _SIMULATED:
        return [_SIMULATED[kind](int(seed))]
    if kind in _IN_FLEETS:
        members = enumerate(_IN_FLEETS[kind](int(seed)))
        return [replace(one, name=f"{one.name}-{place}") for place, one in members]
    folder = Path(os.environ["RL_TSAD_DATA"]) / name
    return [reading.series for reading in agree_on_roles(list(read_path(folder))) if reading.series.truth is not None]


def _varied(seed: int) -> Series:
    rng = derive_rng(seed, "varied plant")
    points = int(rng.integers(3000, 6000))
    faults, stops = int(rng.integers(5, points // 210)), int(rng.integers(0, 6))
    noise = float(np.exp(rng.normal(0, 0.5)))
    return simulate_plant(PlantConfig(points=points, faults=faults, stops=stops, noise=noise), seed=seed).series


def _wire(seed: int, *, points: int = 8064, faults: int = 40, stops: int = 6) -> Series:
    plant = simulate_plant(PlantConfig(points=points, faults=faults, stops=stops), seed=seed)
    series, place = plant.series, 1 + seed % (plant.series.width - 1)
    truth = np.zeros(series.length, dtype=np.int8)
    for fault in plant.faults:
        if place in fault.channels:
            truth[fault.start : fault.stop] = 1
    values, channels = series.values[:, place : place + 1].copy(), (series.channels[place],)
    return replace(series, values=values, channels=channels, truth=truth, exogenous=None)


def _long(seed: int) -> Series:
    rng = derive_rng(seed, "long faults")
    series = simulate_plant(PlantConfig(points=6048, faults=0), seed=seed).series
    return with_long_faults(series, _extents(np.linspace(0, series.length, 7).astype(int), (150, 500), rng), rng)[0]


def _lasting(seed: int) -> Series:
    rng = derive_rng(seed, "lasting faults")
    series = simulate_plant(PlantConfig(points=6048, faults=0, stops=2), seed=seed).series
    few = replace(series, values=series.values[:, :4], channels=series.channels[:4], exogenous=None)
    return with_long_faults(few, _extents(np.linspace(0, few.length, 7).astype(int), (150, 500), rng), rng)[0]


def _dense(seed: int) -> list[Series]:
    rng = derive_rng(seed, "dense faults")
    series = simulate_plant(PlantConfig(points=9600, faults=0), seed=seed).series
    borders = np.linspace(0, series.length, 9).astype(int)
    marked = with_long_faults(series, _extents(borders, (300, 500), rng), rng)[0]
    assert marked.truth is not None
    return [
        replace(marked, values=marked.values[low:high], times=marked.times[low:high], truth=marked.truth[low:high])
        for low, high in pairwise(borders.tolist())
    ]


def _drifting(seed: int) -> list[Series]:
    rng = derive_rng(seed, "drifting")
    return [replace(one, values=one.values + _wander(one, rng)) for one in _dense(seed)]


def _wander(series: Series, rng: np.random.Generator) -> Float32:
    """A slow random walk for each sensor, of a few deviations of its noise; the set-point stays where it is."""
    noise = 1.48 * np.median(np.abs(np.diff(series.values, axis=0)), axis=0) / np.sqrt(2)
    knots = np.arange(0, series.length + 200, 200)
    walks = np.cumsum(rng.normal(0, 1, (len(knots), series.width)), axis=0) * noise
    walks[:, 0] = 0
    return np.stack([np.interp(np.arange(series.length), knots, walk) for walk in walks.T], axis=1).astype(np.float32)


def _extents(borders: Int64, lengths: tuple[int, int], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    for low, high in pairwise(borders.tolist()):
        length = int(rng.integers(*lengths))
        start = int(rng.integers(low + 100, high - length))
        yield start, start + length


_SIMULATED = {
    "plant": lambda seed: simulate_plant(PlantConfig(), seed=seed).series,
    "varied": _varied,
    "wire": _wire,
}
_IN_FLEETS = {
    "unlike": lambda seed: [_wire(20 * seed + place, points=4032, faults=12, stops=2) for place in range(12)],
    "wide": lambda seed: [replace(one, truth=widened(one.truth)) for one in _IN_FLEETS["unlike"](seed)],
    "alike": lambda seed: [simulate_plant(PlantConfig(), seed=20 * seed + place).series for place in range(4)],
    "long": lambda seed: [_long(20 * seed + place) for place in range(3)],
    "lasting": lambda seed: [_lasting(20 * seed + place) for place in range(6)],
    "dense": _dense,
    "drifting": _drifting,
}


def _make(name: str, protocol: str, seed: int, *, seen: bool) -> dict[str, np.ndarray]:
    series = read_world(name)
    settings = Settings(seed=seed)
    if protocol == "blocks":
        cut = [list(_blocks(one, settings.window.length)) for one in series]
        groups = np.repeat(group_duplicates(series), [len(each) for each in cut])
        series = [block for each in cut for block in each]
    windows = [make_windows(one, settings.window) for one in series]
    if protocol == "blocks":
        split = _split_blocks(windows, groups, seed)
    else:
        chosen = replace(settings.split, protocol=protocol, pool_fraction=POOL)
        split = split_windows(series, windows, settings.model_copy(update={"split": chosen}))
    by_name = {one.name: one for one in series}
    fitted = [by_name[one.series] for one in split.pool]
    detector = fit_detector(fitted, split.pool, settings.detector, seed=derive_seed(seed, "detector"))
    judges: tuple[Judge, ...] = (detector,)
    if protocol == "past_future" and not seen:  # in the others the test's series are judged by their own statistics too
        judges = set_apart(detector, fitted, split.pool, seed=derive_seed(seed, "detector")).judges
    judged = [judges[0].judge(one, its) for one, its in zip(series, windows, strict=True)]
    known = [judges[-1].judge(one, its) for one, its in zip(fitted, split.pool, strict=True) if len(its)]
    rehearsed = rehearse(judges, fitted, split.pool, settings.detector.rehearsal, seed=derive_seed(seed, "rehearsal"))
    keys = np.concatenate([one.keys for one in judged])
    pool = np.isin(keys, np.concatenate([one.keys for one in split.pool]))
    test = np.isin(keys, np.concatenate([one.keys for one in split.test]))
    spans = np.concatenate([spans_of(its, one.length) for one, its in zip(series, windows, strict=True)])
    truth = np.concatenate([_true(one, spans_of(its, one.length)) for one, its in zip(series, windows, strict=True)])
    return {
        "feature_names": np.array(judged[0].feature_names),
        "pool": pool,
        "test": test,
        "spans": spans,
        "truth": truth,
        "rehearsed_truth": np.concatenate(rehearsed.truth) if rehearsed.truth else np.empty(0, np.int8),
        **_flat("real", judged),
        **_flat("rehearsed", rehearsed.judgements),
        **(_flat("seen", known) if len(judges) > 1 else {}),
    }


def _blocks(series: Series, purged: int) -> Iterator[Series]:
    borders = np.linspace(0, series.length, BLOCKS + 1).astype(int)
    for number, (low, high) in enumerate(pairwise(borders.tolist())):
        rows = slice(low, high if number == BLOCKS - 1 else high - purged)
        truth = None if series.truth is None else series.truth[rows]
        yield replace(
            series, name=f"{series.name}@{number}", values=series.values[rows], times=series.times[rows], truth=truth
        )


def _split_blocks(windows: Sequence[Windows], groups: Int64, seed: int) -> Split:
    pool, test = [], []
    for place, (one, group) in enumerate(zip(windows, groups.tolist(), strict=True)):
        order = derive_rng(seed, "blocks", str(group)).permutation(BLOCKS)
        (pool if order[place % BLOCKS] < round(POOL * BLOCKS) else test).append(one)
    return Split(tuple(pool), tuple(test))


def _true(series: Series, spans: Int64) -> Int8:
    assert series.truth is not None
    total = np.append(0, np.cumsum(series.truth == 1))
    return (total[spans[:, 1]] > total[spans[:, 0]]).astype(np.int8)


def _flat(prefix: str, judgements: Sequence[Judgement]) -> dict[str, np.ndarray]:
    parts = {f"{prefix}_{name}": np.concatenate([getattr(one, name) for one in judgements]) for name in _JUDGED}
    return {**parts, f"{prefix}_counts": np.array([len(one) for one in judgements])}


def _cut(kept: dict[str, np.ndarray], prefix: str, names: tuple[str, ...]) -> Iterator[Judgement]:
    bounds = np.append(0, np.cumsum(kept[f"{prefix}_counts"])).tolist()
    parts = {name: kept[f"{prefix}_{name}"] for name in _JUDGED}
    whole = Judgement(
        feature_names=names, excused=np.zeros(len(parts["prior"]), np.float32), **parts
    )  # no note is given
    for low, high in pairwise(bounds):
        yield whole.take(slice(low, high))


def _parts(values: np.ndarray, kept: dict[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return np.split(values, np.cumsum(kept[f"{prefix}_counts"])[:-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/agent/worlds"), help="folder of worlds")
    parser.add_argument("--worlds", default=",".join([*REAL, *CHOICE, *PLANTS]))
    parser.add_argument("--protocol", default="past_future", choices=["past_future", "blocks", "unseen"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.worlds.split(","):
        started = time.process_time()
        world = load_world(name, options.out, protocol=options.protocol, seed=options.seed)
        shares = f"{world.truth[world.pool].mean():.3f} {world.truth[world.test].mean():.3f}"
        written = sum(len(one) for one in world.rehearsal.truth)
        sizes = f"{world.pool.sum():6} {world.test.sum():6} rehearsed {written:6} anomalous {shares}"
        print(f"{name:12} {sizes} {time.process_time() - started:.1f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
