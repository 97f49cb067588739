"""Is our VUS the one of the TSB-AD benchmark, and what does it cost beside TSB-AD's own code?

Run: ``python benchmarks/vus.py [--quick] [--window 100] [--out FILE]``. One process, one thread, CPU time. Both sides
measure the same drawn series, with events of 5 to 50 points at random places (some touch, so their slopes overlap) and
scores rounded to three digits (so there are ties). Ours is the median of five runs, the reference runs once: it takes
a minute and a half for all four. Peak memory of ours is what one run allocates beyond truth and score.

The reference asks for NumPy 1 in its metadata but runs with NumPy 2: ``make check`` installs it, and so does
``pip install --no-deps TSB-AD==1.5``. The table is written as CSV too; the last line is one JSON object: claim, value,
peer, ratio, seeds.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from rl_tsad.evaluation.volume import Volume, vus
from rl_tsad.types import Float64, Int8

RESULTS = Path(__file__).parent / "results" / "vus.csv"
REPEATS = 5
Row = dict[str, float]


def draw(length: int, events: int, seed: int) -> tuple[Int8, Float64]:
    """Draw truth and a score that knows something of it, both (T,)."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(length, np.int8)
    for start in rng.choice(length - 50, events, replace=False):
        truth[start : start + rng.integers(5, 51)] = 1
    return truth, np.round(rng.normal(size=length) + truth, 3)


def load_reference() -> Callable[[Int8, Float64, int], Volume]:
    """Wrap TSB-AD's function as its leaderboard calls it."""
    try:
        from TSB_AD.evaluation.basic_metrics import generate_curve
    except ImportError as error:
        raise SystemExit(
            f"expected the reference TSB-AD, got {error}; install it with: pip install --no-deps TSB-AD==1.5"
        ) from None

    def reference(truth: Int8, score: Float64, window: int) -> Volume:
        *_, roc, pr = generate_curve(truth.astype(int), score, window, "opt", 250)
        return Volume(float(pr), float(roc))

    return reference


def clock(measure: Callable[[Int8, Float64, int], Volume], *series: object) -> tuple[Volume, float]:
    """Measure once, with its CPU-seconds."""
    before = time.process_time()
    found = measure(*series)  # type: ignore[arg-type]
    return found, time.process_time() - before


def peak_bytes(truth: Int8, score: Float64, window: int) -> int:
    tracemalloc.start()
    vus(truth, score, window)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def compare(length: int, events: int, window: int, reference: Callable[[Int8, Float64, int], Volume]) -> Row:
    series = (*draw(length, events, seed=0), window)
    runs = [clock(vus, *series) for _ in range(REPEATS)]
    ours, seconds = runs[0][0], median(seconds for _, seconds in runs)
    theirs, peer = clock(reference, *series)
    peak = peak_bytes(*series)
    return {
        "points": length,
        "events": events,
        "window": window,
        "vus_pr": ours.pr,
        "vus_roc": ours.roc,
        "difference": float(np.abs(np.subtract(ours, theirs)).max()),
        "cpu_s": seconds,
        "peer_cpu_s": peer,
        "ratio": peer / seconds,
        "peak_mib": peak / 2**20,
        "peak_bytes_a_point": peak / length,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10^4 points and 10 events only, window 20")
    parser.add_argument("--window", type=int, default=100, help="longest slope on both sides together, in points")
    parser.add_argument("--out", type=Path, help=f"CSV of the table; {RESULTS} when absent, nothing with --quick")
    given = parser.parse_args()
    cases = [(10_000, 10)] if given.quick else [(10_000, 10), (10_000, 100), (100_000, 10), (100_000, 100)]
    reference = load_reference()
    print(f"{'points':>8}{'events':>8}{'CPU-s':>9}{'TSB-AD':>9}{'ratio':>8}{'difference':>12}{'peak MiB':>10}")
    rows = []
    for length, events in cases:
        row = compare(length, events, 20 if given.quick else given.window, reference)
        rows.append(row)
        print(
            f"{length:>8}{events:>8}{row['cpu_s']:>9.4f}{row['peer_cpu_s']:>9.2f}{row['ratio']:>8.0f}"
            f"{row['difference']:>12.1e}{row['peak_mib']:>10.1f}",
            flush=True,
        )
    if given.out or not given.quick:
        write(given.out or RESULTS, rows)
    report(rows)


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)


def report(rows: list[Row]) -> None:
    """Print the claim as JSON: the largest case, and the largest difference of all."""
    last = rows[-1]
    claim = {
        "claim": f"CPU-seconds of VUS-PR and VUS-ROC at {last['points']} points with {last['events']} events, "
        f"window {last['window']}, beside TSB-AD's own code; one thread",
        "value": round(last["cpu_s"], 4),
        "peer": round(last["peer_cpu_s"], 2),
        "ratio": round(last["ratio"]),
        "seeds": 1,
        "max_difference": max(row["difference"] for row in rows),
        "peak_mib": round(last["peak_mib"], 1),
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
