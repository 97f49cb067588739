"""What is measured of one version of a case in the swap test: its real anomalies, or what was written instead?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from protocol import Case

from detection.alone import WINDOW, lay_fit
from detection.judges import DETECTORS, SPACES, Judged, Judges, nearer
from detection.swapped import Written, hold_out, real_ones, swap_all
from detection.table import code_version
from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.model import Aster
from rl_tsad.evaluation.metrics import auc_pr, best_f1, f1_at
from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64

REAL = "real"
QUANTILE = 0.95  # of a detector's scores on the fit part's windows: its threshold
_HERE, _ROOT = Path(__file__).parent, Path(__file__).parents[2]
_SOURCES = (
    *sorted((_ROOT / "rl_tsad/detector/aster").rglob("*.py")),
    *(_ROOT / "rl_tsad/detector/track.py", _HERE / "alone.py", _HERE / "judges.py", _HERE / "swapped.py"),
    Path(__file__),
)


@dataclass(frozen=True)
class Cell:
    """One measurement, on P windows with an anomaly and N without; the latter are the same in all versions of a case.

    Attributes:
        set, series, kind, seed: which; ``kind`` is ``"real"``, a generator, ``"mixture"`` or ``"untouched"``.
        version: changes with code, settings and series.
        positives, negatives: P and N.
        written: share of the P windows with an anomalous point in the span; below 1 where a generator moves nothing.
        points: anomalous points in a window of the P, mean.
        raised_*: share of the N windows at or above the detector's threshold.
        f1_*: at that threshold.
        oracle_*: F1 at the best threshold that truth can choose; an upper bound.
        ap_*: area under the precision-recall curve.
        near_*: share of the real anomalies that lie nearer to a window of this version than to a clean one, by space.
        cpu_s: CPU-seconds of the training; where cases share one, each has all of it.
    """

    set: str
    series: str
    kind: str
    seed: int
    version: str
    positives: int
    negatives: int
    written: float
    points: float
    raised_classifier: float
    raised_vae: float
    raised_pca: float
    f1_classifier: float
    f1_vae: float
    f1_pca: float
    oracle_classifier: float
    oracle_vae: float
    oracle_pca: float
    ap_classifier: float
    ap_vae: float
    ap_pca: float
    near_embedding: float
    near_statistics: float
    cpu_s: float


KEY = ("set", "series", "kind", "seed", "version")


def version_of(case: Case, config: AsterConfig) -> str:
    """Give twelve letters that change with code, settings, the series and its truth."""
    total = hashlib.sha256(_code(repr((config, WINDOW))).encode())
    for part in (case.fit.values, case.series.values, case.truth):
        total.update(np.ascontiguousarray(part).tobytes())
    return total.hexdigest()[:12]


@cache
def _code(settings: str) -> str:
    return code_version(settings, _SOURCES)


def measure(case: Case, aster: Aster, seed: int, cpu_s: float) -> list[Cell]:
    """Measure all versions of a case with an ASTER that was trained on its fit part; the truth enters here only."""
    held, fit = hold_out(case), lay_fit(case.fit)
    windows = fit.track.take(np.arange(len(fit.track)))
    judges = Judges(aster, windows, held.roles)
    usual = judges(windows).scores
    limits = {name: float(np.quantile(usual[name], QUANTILE)) for name in DETECTORS}
    clean, real = judges(held.track.take(held.clean)), real_ones(held)
    asked, rng = judges(real.windows), derive_rng(seed, "near", case.set, case.name)
    key = {"set": case.set, "series": case.name, "seed": seed, "version": version_of(case, aster.config)}
    cells = []
    for kind, version in {REAL: real, **swap_all(held, aster, seed, case.name)}.items():
        judged = judges(version.windows)
        near = {
            f"near_{name}": nearer(asked.places[name], judged.places[name], clean.places[name], rng) for name in SPACES
        }
        values = {**_shape(version, clean), **_quality(judged, clean, limits)}
        values |= dict.fromkeys(near, float("nan")) if kind == REAL else near
        rounded: dict[str, Any] = {name: round(value, 4) for name, value in values.items()}
        cells.append(Cell(kind=kind, cpu_s=round(cpu_s, 2), **key, **rounded))  # type: ignore[arg-type]
    return cells


def _shape(version: Written, clean: Judged) -> dict[str, float]:
    in_span = version.marks[:, -WINDOW.stride :].any(dim=1)
    return {
        "positives": len(version.marks),
        "negatives": len(clean.scores[DETECTORS[0]]),
        "written": float(in_span.float().mean()),
        "points": float(version.marks.sum(dim=1).float().mean()),
    }


def _quality(odd: Judged, clean: Judged, limits: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in DETECTORS:
        one: Float64 = clean.scores[name]
        score = np.concatenate([odd.scores[name], one])
        truth = (np.arange(len(score)) < len(score) - len(one)).astype(np.int8)
        found[f"raised_{name}"] = float((one >= limits[name]).mean())
        found[f"f1_{name}"] = f1_at(truth, score, limits[name])
        found[f"oracle_{name}"] = best_f1(truth, score)
        found[f"ap_{name}"] = auc_pr(truth, score)
    return found
