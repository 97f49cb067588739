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
import ast
import csv
import hashlib
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from protocol import SETS, Case
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from scipy.ndimage import uniform_filter1d
from validation import load_validation

from rl_tsad.config import AsterConfig, MixtureConfig, WindowConfig
from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import judge_aster
from rl_tsad.detector.aster.train import train_aster
from rl_tsad.detector.streams import usual_deviation
from rl_tsad.detector.track import Track, lay_track
from rl_tsad.errors import ConfigError
from rl_tsad.evaluation.volume import vus_pr
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Series, Windows, spans_of

ROOT = Path(__file__).parents[1]
NEAR = 16  # points over which a score is averaged
CLIP = 10.0  # usual deviations
WINDOW = WindowConfig()
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
VAE = "vae-alone"  # the full model's reproduction error; no training of its own


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


class Table:
    """Finished cells, a line of ``aster.csv`` each, written as soon as they are measured."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "aster.csv"
        self.cells: dict[tuple[str, str, str, int, str], Cell] = {}
        if self._file.exists():
            with self._file.open(newline="") as file:
                for line in csv.DictReader(file):
                    if None not in line.values():  # a line that was cut off is measured again
                        self._remember(_read(line))

    def keep(self, cell: Cell) -> None:
        """Write the line."""
        is_new = not self._file.exists()
        with self._file.open("a", newline="") as file:
            writer = csv.DictWriter(file, [each.name for each in fields(Cell)])
            if is_new:
                writer.writeheader()
            writer.writerow(asdict(cell))
        self._remember(cell)

    def has(self, case: Case, row: str, seed: int, version: str) -> bool:
        """Say whether a cell is finished."""
        return (case.set, case.name, row, seed, version) in self.cells

    def _remember(self, cell: Cell) -> None:
        self.cells[cell.set, cell.series, cell.row, cell.seed, cell.version] = cell


def _read(line: Mapping[str, str]) -> Cell:
    numbers = {"seed": int(line["seed"]), "vus_pr": float(line["vus_pr"]), "cpu_s": float(line["cpu_s"])}
    return Cell(**{**dict(line), **numbers})  # type: ignore[arg-type]


def version_of(row: str) -> str:
    """Digest of a row's settings and of ASTER's code; comments and docstrings may change."""
    total = hashlib.sha256(repr(ROWS["full" if row == VAE else row]).encode())
    for path in [*sorted((ROOT / "rl_tsad/detector/aster").rglob("*.py")), ROOT / "rl_tsad/detector/track.py"]:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            first = next(iter(getattr(node, "body", []) if hasattr(node, "name") or node is tree else []), None)
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = ""
        total.update(ast.dump(tree).encode())
    return total.hexdigest()[:12]


@dataclass(frozen=True)
class Laid:
    """A series on a track, its windows, and which channels are targets, (W,)."""

    track: Track
    windows: Windows
    roles: Float32


def lay(fit: Series, series: Series) -> Laid:
    """Scale a series by what is usual in the fit part."""
    center = np.median(fit.values, axis=0)
    scale = Scale(center.astype(np.float64), usual_deviation(fit.values - center).astype(np.float64))
    windows = make_windows(series, WINDOW)
    values = apply_scale(series.values, scale, CLIP)
    roles = np.zeros(series.width, np.float32)
    roles[series.targets] = 1
    return Laid(lay_track([values], [windows.starts], length=windows.length, width=series.width), windows, roles)


def train(case: Case, config: AsterConfig, seed: int) -> Aster:
    """Train on the fit part."""
    laid = lay(case.fit, case.fit)
    clean = laid.track.keep(~laid.windows.crosses_gap)
    return train_aster(clean, config, stride=WINDOW.stride, targets=laid.roles, seed=seed, log=lambda path, value: None)


def score(aster: Aster, case: Case) -> dict[str, Float64]:
    """Score every point (T,) by the classifier and by the VAE's error."""
    laid = lay(case.fit, case.series)
    scores = judge_aster(aster, laid.track, stride=WINDOW.stride, targets=laid.roles, hindsight=True)
    parts = {"aster": scores.points, VAE: scores.error}
    return {name: smooth(to_points(part, laid.windows, case.series.length)) for name, part in parts.items()}


def to_points(spans: Float32, windows: Windows, points: int) -> Float64:
    """Lay the spans' points (N, S) on the series (T,); what no span holds repeats the nearest."""
    ends = spans_of(windows, points)[:, 1]
    ends[-1] = windows.starts[-1] + windows.length
    places = ends[:, None] + np.arange(-spans.shape[1], 0)
    result = np.full(points, np.nan)
    result[places.ravel()] = spans.ravel()
    known = np.flatnonzero(~np.isnan(result))
    return np.asarray(np.interp(np.arange(points), known, result[known]))


def smooth(points: Float64) -> Float64:
    """Average over ``NEAR`` points around each."""
    return np.asarray(uniform_filter1d(points, NEAR, mode="nearest"))


def measure(cases: Sequence[Case], row: str, seed: int, table: Table) -> None:
    """Measure the cases of one row that are not finished; those with the same fit part share one training."""
    version, by_fit = version_of(row), defaultdict(list)
    for case in cases:
        if not table.has(case, row, seed, version):
            by_fit[hashlib.sha256(case.fit.values.tobytes()).hexdigest()].append(case)
    for group in by_fit.values():
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


def show(cases: Sequence[Case], table: Table) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Print the table, and how far each row is from the full one, pair by pair."""
    columns = columns_of(cases)
    current = [cell for cell in table.cells.values() if cell.version == version_of(cell.row)]
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
    parser.add_argument("--sets", nargs="+", default=usual, choices=["validation", *SETS])
    rows = [row for row in ROWS if row not in COSTLY]
    parser.add_argument("--rows", nargs="+", default=rows, choices=[*ROWS], metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=3)
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
        table = Table(given.out or Path(temporary))
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
    print(json.dumps(claim(show(cases, table), given.seeds)))


if __name__ == "__main__":
    main()
