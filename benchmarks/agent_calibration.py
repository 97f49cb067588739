"""Claim: how far the belief's probabilities may be read as shares, after 0 to 100 questions about events.

    python benchmarks/agent_calibration.py --out FOLDER

On test windows that were never asked, of the plants 0-39 together and of NAB, SKAB and SMAP: the share of anomalous
windows, the mean probability, the expected calibration error (15 equal bins; Guo et al., "On calibration of modern
neural networks", ICML 2017, section 2), and slope and level of the logistic regression of truth on the log odds
(Cox, 1958): 1 and 0 where they are odds, a slope above 1 where they are too timid. Intervals are 95 %, bootstrapped
over series. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from agent_cases import PLANTS, REAL
from agent_roads import Streams, lay
from sklearn.linear_model import LogisticRegression

from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Int8

BINS, DRAWN = 15, 200
SHOWN = ("error", "slope", "level")


def calibration_error(probability: Float64, truth: Int8) -> float:
    """Give the mean distance between what was said and what came, over equal bins weighted by their windows.

    Example:
        >>> calibration_error(np.array([0.25, 0.25]), np.array([0, 1], np.int8))
        0.25
    """
    at = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    said, came = (np.bincount(at, values, BINS) for values in (probability, truth))
    return float(np.abs(said - came).sum() / len(truth))


def facts(logits: Float32, truth: Int8) -> dict[str, float]:
    """Measure log odds against truth of both kinds."""
    probability = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    line = LogisticRegression(C=1e6).fit(logits[:, None], truth)
    return {
        "anomalous": float(truth.mean()),
        "believed": float(probability.mean()),
        "error": calibration_error(probability, truth),
        "slope": float(line.coef_[0, 0]),
        "level": float(line.intercept_[0]),
    }


def measure(streams: Streams) -> pd.DataFrame:
    """Measure each budget, with intervals over series."""
    rows = []
    for budget in sorted(set(streams.budget.tolist())):
        kept = (streams.budget == budget) & (streams.data.target >= 0)
        logits, truth = streams.data.beliefs[kept], streams.data.target[kept]
        series = streams.world[kept] * 1000 + streams.series[kept]
        places = [np.flatnonzero(series == one) for one in np.unique(series)]
        rng = derive_rng(0, "calibration")
        drawn: list[dict[str, float]] = []
        while len(drawn) < DRAWN:
            some = np.concatenate([places[one] for one in rng.integers(len(places), size=len(places))])
            if truth[some].any():
                drawn.append(facts(logits[some], truth[some]))
        low, high = (pd.DataFrame(drawn).quantile(q) for q in (0.025, 0.975))
        ends = {f"{name} {end}": value[name] for name in SHOWN for end, value in (("low", low), ("high", high))}
        rows.append({"budget": budget, **facts(logits, truth), **ends})
    return pd.DataFrame(rows).round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and beliefs")
    options = parser.parse_args()
    groups = {"plants": PLANTS, **{name: (name,) for name in REAL}}
    found = {}
    for name, worlds in groups.items():
        table = measure(lay(worlds, options.out))
        print(f"\n{name}\n{table.to_string(index=False)}", flush=True)
        found[name] = table.to_dict("records")
    print(json.dumps({"claim": "how far the belief's probabilities may be read as shares", "value": found}))


if __name__ == "__main__":
    main()
