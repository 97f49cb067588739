"""Paired differences with intervals, areas at equal effort and the tables of the agent's benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float64

Side = tuple[str, str]
"""Method and actor."""
INDEX = ["group", "world", "seed", "budget"]
SECONDS = np.linspace(0.0, 200.0, 41)
"""Analyst seconds over which areas are taken: what fifty answers about one window cost."""


def grouped(table: pd.DataFrame) -> pd.DataFrame:
    """Add the group: simulated worlds of a kind together, each real data set by itself."""
    kinds = [name.partition("-")[0] for name in table.world]
    return table.assign(group=["plants" if kind == "plant" else kind for kind in kinds])


def interval(values: Sequence[float], rng: np.random.Generator) -> tuple[float, float, float]:
    """Give a mean and its 95 % bootstrap interval."""
    table = np.asarray(values, dtype=np.float64)
    drawn = table[rng.integers(len(table), size=(4000, len(table)))].mean(axis=1)
    return float(table.mean()), float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def compare(table: pd.DataFrame, one: Side, other: Side, value: str) -> pd.DataFrame:
    """Pair two sides by world, seed and budget: mean difference and interval by group and budget.

    Worlds are drawn where there are several (plants), after their seeds were averaged; seeds where there is one world.
    """
    sides = [table[(table.method == method) & (table.actor == actor)] for method, actor in (one, other)]
    both = pd.concat([side.set_index(INDEX)[value] for side in sides], axis=1, keys=["one", "other"]).dropna()
    return _intervals(both["one"] - both["other"], ["group", "budget"])


def compare_areas(table: pd.DataFrame, one: Side, other: Side) -> pd.DataFrame:
    """Pair the areas under the curve of F1 over analyst seconds (to 200), in F1."""
    return _compare_at(table, one, other, SECONDS)


def compare_at_end(table: pd.DataFrame, one: Side, other: Side) -> pd.DataFrame:
    """Pair the F1 after 200 analyst seconds, between measured budgets on the straight line."""
    return _compare_at(table, one, other, SECONDS[-1:])


def _compare_at(table: pd.DataFrame, one: Side, other: Side, seconds: Float64) -> pd.DataFrame:
    sides = [table[(table.method == method) & (table.actor == actor)] for method, actor in (one, other)]
    both = pd.concat([_mean_at(side, seconds) for side in sides], axis=1, keys=["one", "other"]).dropna()
    return _intervals(both["one"] - both["other"], ["group"])


def _mean_at(side: pd.DataFrame, seconds: Float64) -> pd.Series:
    found = {}
    for key, part in side.groupby(["group", "world", "seed"]):
        curve = part.sort_values("seconds")
        found[key] = float(np.interp(seconds, curve.seconds, curve.event_f1).mean())
    index = pd.MultiIndex.from_tuples(list(found), names=["group", "world", "seed"])
    return pd.Series(list(found.values()), index=index, dtype=np.float64)


def _intervals(gain: pd.Series, by: list[str]) -> pd.DataFrame:
    rows = []
    for key, part in gain.groupby(level=by):
        place = dict(zip(by, key, strict=True))
        averaged = part.groupby(level="world").mean()
        drawn = averaged if len(averaged) > 1 else part
        mean, low, high = interval(drawn.to_numpy().tolist(), derive_rng(0, "bootstrap"))
        rows.append({**place, "pairs": len(part), "drawn": len(drawn), "mean": mean, "low": low, "high": high})
    return pd.DataFrame(rows)


def show_means(table: pd.DataFrame) -> None:
    """Print means by group, method, actor and budget."""
    shown = table.groupby(["group", "method", "actor", "budget"])[["utility", "event_f1", "ap", "seconds", "labels"]]
    with pd.option_context("display.width", 150, "display.max_rows", None, "display.float_format", "{:.3f}".format):
        print(shown.mean().to_string())


def show_pairs(table: pd.DataFrame, pairs: Mapping[str, tuple[Side, Side]], *, areas: Sequence[str] = ()) -> object:
    """Print paired differences of F1 and utility, and of areas for some; give them as rows by name."""
    claims: dict[str, object] = {}
    for name, (one, other) in pairs.items():
        found = {value: compare(table, one, other, value) for value in ("event_f1", "utility")}
        if name in areas:
            found["area over seconds"] = compare_areas(table, one, other)
            found["F1 after 200 seconds"] = compare_at_end(table, one, other)
        for value, rows in found.items():
            if len(rows):
                print(f"\n{name}, {value}, paired, 95 % bootstrap\n{rows.round(3).to_string(index=False)}")
                claims[f"{name}, {value}"] = rows.round(3).to_dict("records")
    return claims
