"""Claim: every part of ASTER that is on earns its place, measured by leaving it out, without labels.

Each row is another configuration of the same code: all generators, one left out, one alone (shuffle and jitter are the
controls that any generator must beat), the VAE's error alone, other classifiers, losses unbalanced, a language model's
context frozen or tuned by LoRA. Usage:

    python benchmarks/aster.py [--sets validation nab smap skab] [--rows full jitter-only ...] [--seeds 3]
                               [--cases 24] [--out FOLDER]

Without --sets: the validation cases (plants and generated anomalies, see ``benchmarks/validation.py``), and the
labelled sets under the TSB-AD protocol where RL_TSAD_DATA names them (``benchmarks/protocol.py``). Settings are chosen
on the validation cases only. ASTER is fitted on the fit part, never on the whole series; its score is the mean of what
all windows that hold a point say of it, smoothed over 16 points. With --out a run goes on where it was left; what a
change of code or settings made stale is measured anew. Intervals: bootstrap over series and seeds, 95 %. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from detection.alone import VAE, by_fit, score, train
from detection.table import Table, code_version
from protocol import SETS, Case, run_main
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from validation import load_validation

from rl_tsad.config import AsterConfig, MixtureConfig
from rl_tsad.errors import ConfigError
from rl_tsad.evaluation.volume import vus_pr
from rl_tsad.seeding import derive_rng

ROOT = Path(__file__).parents[1]
FULL = AsterConfig()
KINDS = tuple(field.name for field in fields(MixtureConfig) if field.name != "program")
_DRAWS = 2000


def only(kind: str) -> AsterConfig:
    """Train with one generator; another than usual is held out where it is that one."""
    mixture = MixtureConfig(**{name: float(name == kind) for name in asdict(MixtureConfig())})
    return replace(FULL, mixture=mixture, held_out=("trend",) if kind in FULL.held_out else FULL.held_out)


def without(kind: str) -> AsterConfig:
    """Train without one generator."""
    return replace(FULL, mixture=replace(FULL.mixture, **{kind: 0.0}))


ROWS: dict[str, AsterConfig] = {
    "full": FULL,
    **{f"{kind}-only": only(kind) for kind in KINDS},
    **{f"no-{kind}": without(kind) for kind in KINDS if kind not in FULL.held_out},
    "no-held-out": replace(FULL, held_out=()),
    "mlp": replace(FULL, classifier="mlp"),
    "linear": replace(FULL, classifier="linear"),
    "balance-off": replace(FULL, balance=False),
    "reversal-off": replace(FULL, reversal=0.0),
    "hardness-0": replace(FULL, hardness=0.0),
    "hardness-1": replace(FULL, hardness=1.0),
    "context-frozen": replace(FULL, context="frozen"),
    "context-lora": replace(FULL, context="lora"),
}
COSTLY = ("context-frozen", "context-lora")


@dataclass(frozen=True)
class Cell:
    """One measurement: VUS-PR in [0, 1]; CPU-seconds of training, which does not grow, and of scoring 10^4 points."""

    set: str
    series: str
    row: str
    seed: int
    version: str
    vus_pr: float
    cpu_s: float


@cache
def version_of(row: str) -> str:
    """Digest of a row's settings and of ASTER's code; comments and docstrings may change."""
    files = [*sorted((ROOT / "rl_tsad/detector/aster").rglob("*.py")), ROOT / "rl_tsad/detector/track.py"]
    return code_version(repr(ROWS["full" if row == VAE else row]), files)


def open_table(folder: Path) -> Table[Cell]:
    """Read the finished cells of a folder, and keep further ones there."""
    return Table(folder / "aster.csv", Cell, ("set", "series", "row", "seed", "version"))


def measure(cases: Sequence[Case], row: str, seed: int, table: Table[Cell]) -> None:
    """Measure the cases of one row that are not finished; those with the same fit part share one training."""
    version = version_of(row)
    for group in by_fit([case for case in cases if not table.has(case.set, case.name, row, seed, version)]):
        started = time.process_time()
        aster = train(group[0], ROWS[row], seed)
        training = time.process_time() - started
        for case in group:
            started = time.process_time()
            found = score(aster, case)
            cost = training + (time.process_time() - started) * 1e4 / case.series.length
            for name, own in (("aster", row), (VAE, VAE)):
                if name == "aster" or row == "full":
                    value = vus_pr(case.truth, found[name], case.window)
                    table.keep(Cell(case.set, case.name, own, seed, version, value, cost))


def interval(values: Mapping[str, Sequence[Sequence[float]]]) -> tuple[float, float, float]:
    """Give the mean over sets of the mean over series and seeds, with its 95 % bootstrap interval.

    Args:
        values: for each set, for each of its series, the values of its seeds.
    """
    rng = derive_rng(0, "aster", "interval")
    means, middle = np.zeros(_DRAWS), 0.0
    for one in values.values():
        table = np.array(one)  # (S, K)
        series = rng.integers(0, len(table), (_DRAWS, len(table)))
        means += table[series, rng.integers(0, table.shape[1], series.shape)].mean(axis=1) / len(values)
        middle += float(table.mean()) / len(values)
    low, high = np.quantile(means, [0.025, 0.975])
    return middle, float(low), float(high)


def values_of(cells: Sequence[Cell], keys: Mapping[str, Sequence[str]]) -> dict[str, list[list[float]]] | None:
    """Sort a row's cells by set and series, with as many seeds as all have; None where a series is missing."""
    found = {name: {series: [] for series in names} for name, names in keys.items()}
    for cell in sorted(cells, key=lambda each: each.seed):
        if cell.series in found.get(cell.set, {}):
            found[cell.set][cell.series].append(cell.vus_pr)
    seeds = min(len(values) for own in found.values() for values in own.values())
    return {name: [values[:seeds] for values in own.values()] for name, own in found.items()} if seeds else None


def columns_of(cases: Sequence[Case]) -> dict[str, dict[str, list[str]]]:
    """Name the table's columns: each set, and the mean over the labelled ones."""
    sets = {key: [case.name for case in cases if case.set == key] for key in dict.fromkeys(case.set for case in cases)}
    labelled = {key: names for key, names in sets.items() if key != "validation"}
    return {key: {key: names} for key, names in sets.items()} | ({"mean": labelled} if len(labelled) > 1 else {})


def show(cases: Sequence[Case], table: Table[Cell], seeds: int) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Print the table, and how far each row is from the full one, pair by pair."""
    columns = columns_of(cases)
    asked = [cell for cell in table.rows.values() if cell.seed < seeds]
    current = [cell for cell in asked if cell.version == version_of(cell.row)]
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    print(f"\n{'VUS-PR':16}" + "".join(f"{key:>40}" for key in columns) + f"{'CPU-s':>8}")
    for row in ("full", VAE, *[name for name in ROWS if name != "full"]):
        own = [cell for cell in current if cell.row == row]
        entries = dict(_entries(own, [cell for cell in current if cell.row == "full"], columns))
        if not entries:
            continue
        found[row] = {key: entry[0] for key, entry in entries.items()}
        cost = np.mean([cell.cpu_s for cell in own])
        print(f"{row:16}" + "".join(f"{_words(entries.get(key)):>40}" for key in columns) + f"{cost:>8.1f}")
    print("in brackets: 95 % interval; then the difference to full, with its interval, over the same series and seeds")
    return found


def _entries(
    own: Sequence[Cell], full: Sequence[Cell], columns: Mapping[str, Mapping[str, Sequence[str]]]
) -> Iterator[tuple[str, tuple[tuple[float, float, float], tuple[float, float, float]]]]:
    for key, names in columns.items():
        mine, theirs = values_of(own, names), values_of(full, names)
        if mine and theirs:
            apart = {name: list(map(_apart, mine[name], theirs[name])) for name in names}
            yield key, (interval(mine), interval(apart))


def _apart(mine: Sequence[float], theirs: Sequence[float]) -> list[float]:
    seeds = min(len(mine), len(theirs))
    return [a - b for a, b in zip(mine[:seeds], theirs[:seeds], strict=True)]


def _words(entry: tuple[tuple[float, float, float], tuple[float, float, float]] | None) -> str:
    if entry is None:
        return "-"
    (mean, low, high), (gap, least, most) = entry
    return f"{mean:.3f} [{low:.3f} {high:.3f}] {gap:+.3f} [{least:+.3f} {most:+.3f}]"


def claim(found: Mapping[str, Mapping[str, tuple[float, float, float]]], seeds: int) -> dict[str, object]:
    """Say ASTER beside its controls: the same classifier on shuffle or jitter only, and the VAE alone."""
    key = "mean" if "mean" in found.get("full", {}) else next(iter(found.get("full", {})), "")
    rows = {row: found[row][key] for row in ("full", "shuffle-only", "jitter-only", VAE) if key in found.get(row, {})}
    peers = {row: entry for row, entry in rows.items() if row != "full"}
    best = max((entry[0] for entry in peers.values()), default=float("nan"))
    return {
        "claim": "mean VUS-PR of ASTER without labels beside shuffle only, jitter only and the VAE alone",
        "column": key,
        "value": round(rows["full"][0], 4) if rows else None,
        "peer": {row: round(entry[0], 4) for row, entry in peers.items()},
        "ratio": round(rows["full"][0] / best, 3) if peers else None,
        "intervals_apart": {row: rows["full"][1] > entry[2] for row, entry in peers.items()},
        "seeds": seeds,
    }


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["validation", "nab", "smap", "skab"]
    usual = names if "RL_TSAD_DATA" in os.environ else names[:1]
    parser.add_argument("--sets", nargs="+", default=usual, choices=["validation", *SETS], help="of series")
    rows = [row for row in ROWS if row not in COSTLY]
    parser.add_argument("--rows", nargs="+", default=rows, choices=[*ROWS], metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=3, help="of networks and generators")
    parser.add_argument("--cases", type=int, default=24, help="number of validation cases")
    parser.add_argument(
        "--out", type=Path, help="keeps the cells and goes on from them; a temporary folder when absent"
    )
    return parser.parse_args()


def main() -> None:
    given = read_options()
    torch.set_num_threads(1)
    cases = [
        case for key in given.sets for case in (load_validation(0, given.cases) if key == "validation" else SETS[key]())
    ]
    parts = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as temporary, Progress(TextColumn("{task.description:30}"), *parts) as progress:
        table = open_table(given.out or Path(temporary))
        bar = progress.add_task("", total=given.seeds * len(given.rows) * len(given.sets))
        for seed in range(given.seeds):
            for row in given.rows:
                for key in given.sets:
                    progress.update(bar, description=f"{row}, {key}, seed {seed}")
                    try:
                        measure([case for case in cases if case.set == key], row, seed, table)
                    except ConfigError as error:
                        progress.console.print(f"{row} left out: {error}")
                    progress.advance(bar)
    print(json.dumps(claim(show(cases, table, given.seeds), given.seeds)))


if __name__ == "__main__":
    run_main(main)
