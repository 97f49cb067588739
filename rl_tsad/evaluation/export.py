"""Curves as files that other programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rl_tsad.evaluation.budget import BudgetCurve, Measurement


def write_curve_csv(path: Path, curves: Sequence[BudgetCurve]) -> None:
    """Write the curves as CSV, one row per point; the file appears whole or not at all."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "metric", "budget", "labels", "mean", "low", "high", "seeds"])
    for curve in curves:
        columns = (curve.budgets.astype(int), curve.labels, curve.mean, curve.low, curve.high)
        for point in zip(*(column.tolist() for column in columns), strict=True):
            writer.writerow(
                [curve.method, curve.metric, *("" if value != value else value for value in point), len(curve.seeds)]
            )
    _write(path, out.getvalue())


def write_curve_json(
    path: Path, curves: Sequence[BudgetCurve], measurements: Sequence[Measurement], protocol: Mapping[str, Any]
) -> None:
    """Write curves, single measurements and protocol as JSON (nan as null); it appears whole or not at all."""
    document = {
        "protocol": dict(protocol),
        "curves": [_as_json(vars(curve)) for curve in curves],
        "measurements": [_as_json(vars(row)) for row in measurements],
    }
    _write(path, json.dumps(document, indent=2, allow_nan=False, default=str) + "\n")


def _as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _as_json(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
