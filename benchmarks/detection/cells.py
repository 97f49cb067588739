"""What was measured of one method on one series with one seed, and how is it kept so that a run can go on?"""

from __future__ import annotations

import csv
import hashlib
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from peers.registry import Peer
from protocol import Case

from detection.table import cut_torn_line
from rl_tsad.errors import DataError
from rl_tsad.evaluation.metrics import auc_pr, auc_roc
from rl_tsad.evaluation.ranges import affiliation_rates, range_rates
from rl_tsad.evaluation.volume import vus
from rl_tsad.types import Float32, Float64, Int8


@dataclass(frozen=True)
class Cell:
    """One measurement.

    Attributes:
        set: of the series.
        series: its name.
        method: name in ``PEERS``.
        seed: of the method.
        version: changes with the method's code and settings and with the series.
        fit_points: points that it was fitted on.
        points: points that it scored.
        vus_pr, vus_roc: volume under the surface, in [0, 1].
        auc_pr, auc_roc: of points, in [0, 1].
        affiliation_f1, range_f1: of the alarms above mean + 3 standard deviations of the score, as TSB-AD raises them.
        fit_cpu_s, score_cpu_s: CPU time of all threads of the process.
    """

    set: str
    series: str
    method: str
    seed: int
    version: str
    fit_points: int
    points: int
    vus_pr: float
    vus_roc: float
    auc_pr: float
    auc_roc: float
    affiliation_f1: float
    range_f1: float
    fit_cpu_s: float
    score_cpu_s: float

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """What must agree for a measurement to be read back."""
        return self.set, self.series, self.method, self.seed, self.version


class Store:
    """Finished cells of a folder: ``cells.csv``, a line as soon as it is measured, and each score beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "cells.csv"
        folder.mkdir(parents=True, exist_ok=True)
        cut_torn_line(self._file)
        self._cells = {cell.key: cell for cell in _read(self._file)}

    def find(self, case: Case, method: str, peer: Peer, seed: int) -> Cell | None:
        """Give the finished cell, unless code, settings or series have changed since."""
        return self._cells.get((case.set, case.name, method, seed, version_of(case, peer)))

    def keep(self, cell: Cell, score: Float64) -> None:
        """Write the score, then the line."""
        path = self._path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, score.astype(np.float32), allow_pickle=False)
        is_new = not self._file.exists() or not self._file.stat().st_size
        with self._file.open("a", newline="") as file:
            writer = csv.DictWriter(file, [each.name for each in fields(Cell)])
            if is_new:
                writer.writeheader()
            writer.writerow(asdict(cell))
        self._cells[cell.key] = cell

    def score(self, cell: Cell) -> Float32:
        """Read a kept score (T,)."""
        return np.asarray(np.load(self._path(cell), allow_pickle=False), dtype=np.float32)

    def _path(self, cell: Cell) -> Path:
        return self._folder / "scores" / cell.set / cell.series / f"{cell.method}-{cell.seed}-{cell.version}.npy"


def measure(case: Case, method: str, peer: Peer, seed: int) -> tuple[Cell, Float64]:
    """Fit, score and judge; the method sees the task only, and the clock sees nothing else.

    Returns:
        The cell, and the score (T,) scaled to [0, 1].

    Raises:
        DataError: when a score is missing or not finite.
    """
    task = case.task()
    started = time.process_time()
    scorer = peer.fit(task, seed)
    fitted = time.process_time()
    score = np.asarray(scorer(), dtype=np.float64)
    scored = time.process_time()
    if score.shape != case.truth.shape or not np.isfinite(score).all():
        raise DataError(
            f"{method} on {case.name}: expected {len(case.truth)} finite scores, got {score.shape} with "
            f"{int((~np.isfinite(score)).sum())} not finite; mend the method"
        )
    score = (score - score.min()) / max(float(np.ptp(score)), np.finfo(np.float64).tiny)  # as TSB-AD does
    is_whole = peer.whole and not case.apart
    cell = Cell(
        *(case.set, case.name, method, seed, version_of(case, peer)),
        fit_points=case.series.length if is_whole else case.fit.length,
        points=case.series.length,
        **cast(Any, judge(case.truth, score, case.window)),
        fit_cpu_s=round(fitted - started, 4),
        score_cpu_s=round(scored - fitted, 4),
    )
    return cell, score


def judge(truth: Int8, score: Float64, window: int) -> dict[str, float]:
    """Compute a cell's measures."""
    volume = vus(truth, score, window)
    verdict = (score > score.mean() + 3 * score.std()).astype(np.int8)
    found = {
        "vus_pr": volume.pr,
        "vus_roc": volume.roc,
        "auc_pr": auc_pr(truth, score),
        "auc_roc": auc_roc(truth, score),
        "affiliation_f1": affiliation_rates(truth, verdict).f1,
        "range_f1": range_rates(truth, verdict).f1,
    }
    return {name: round(float(value), 6) for name, value in found.items()}


def version_of(case: Case, peer: Peer) -> str:
    """Give twelve letters that change with the method's code and settings, the series and its truth."""
    total = hashlib.sha256(peer.version.encode())
    for part in (case.fit.values, case.series.values, case.truth, np.array([case.window])):
        total.update(np.ascontiguousarray(part).tobytes())
    return total.hexdigest()[:12]


def write_cells(path: Path, cells: list[Cell]) -> None:
    """Write cells as a table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Cell)])
        writer.writeheader()
        writer.writerows(asdict(cell) for cell in cells)


def _read(path: Path) -> list[Cell]:
    """Read the finished cells; lines of another form do not count."""
    if not path.exists():
        return []
    kinds = {each.name: {"str": str, "int": int, "float": float}[str(each.type)] for each in fields(Cell)}
    cells = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                cells.append(Cell(**{name: kind(row[name]) for name, kind in kinds.items()}))
            except (KeyError, TypeError, ValueError):
                continue
    return cells
