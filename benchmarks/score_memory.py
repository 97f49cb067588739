"""What memory does `rl-tsad score` need, and does it grow with the file?

Run: ``python benchmarks/score_memory.py [--points 100000 1000000] [--known] [--format csv]``. A simulated plant of 8
channels is learnt from 4,032 points, as `rl-tsad train` does it, in a temporary workspace. Then longer recordings of
another plant are scored, each by a process of its own; its peak is what the kernel counted (``VmHWM`` of Linux: the
largest resident set, imports and shared libraries included), its CPU-seconds those of all its threads. The recordings
are unknown to the model, which costs most, since a new series is measured by its own statistics first; with
``--known`` they go by the name of the one that was learnt.

The last line is one JSON object: claim, value, limit, ratio, seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from rl_tsad.data.simulate import PlantConfig, simulate_plant

LIMIT = 1024  # MiB
COMMAND = """
import resource, sys
from rl_tsad.cli.app import main
try:
    main()
finally:
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("measured", peak / 1024, used.ru_utime + used.ru_stime, file=sys.stderr)
"""
Row = tuple[int, float, float]


def record(path: Path, points: int, seed: int) -> Path:
    """Write a recording of the simulated plant as CSV or Parquet, by the name's ending."""
    config = PlantConfig(points=points, faults=points // 300, stops=points // 1500)
    series = simulate_plant(config, seed=seed).series
    table = pd.DataFrame(series.values, columns=list(series.channels))
    table.insert(0, "time", pd.DatetimeIndex(series.times).tz_localize("UTC"))
    if path.suffix == ".csv":
        table.to_csv(path, index=False, float_format="%.6g", date_format="%Y-%m-%dT%H:%M:%SZ")
    else:
        table.to_parquet(path, index=False)
    return path


def run(workspace: Path, *arguments: str | Path) -> tuple[float, float]:
    """Run a command of rl-tsad; give its peak in MiB and its CPU-seconds."""
    command = [sys.executable, "-c", COMMAND, "--workspace", workspace, *arguments]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ended.returncode:
        raise SystemExit(f"{arguments[0]} ended with {ended.returncode}: {ended.stderr or ended.stdout}")
    peak, seconds = ended.stderr.rsplit("measured", 1)[1].split()[:2]
    return float(peak), float(seconds)


def measure(folder: Path, workspace: Path, points: int, *, known: bool, form: str) -> Row:
    """Score one recording."""
    path = record(folder / f"{'plant' if known else f'new-{points}'}.{form}", points, seed=1)
    return points, *run(workspace, "score", path, "--out", folder / "scores.csv", "--alarms", folder / "alarms.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000], help="of each recording")
    parser.add_argument("--known", action="store_true", help="the recordings bear the name of the one that was learnt")
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv", help="of the recordings")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, workspace = Path(name), Path(name) / "workspace"
        run(workspace, "init")
        run(workspace, "ingest", record(folder / "plant.csv", 4032, seed=0), "--exogenous", "load")
        run(workspace, "train")
        print(f"{'points':>9}{'peak MiB':>10}{'limit':>7}{'CPU-s':>8}", flush=True)
        rows = []
        for points in given.points:
            rows.append(measure(folder, workspace, points, known=given.known, form=given.format))
            print(f"{points:>9}{rows[-1][1]:>10.0f}{LIMIT:>7}{rows[-1][2]:>8.1f}", flush=True)
    report(rows)


def report(rows: list[Row]) -> None:
    """Print the claim as JSON: the longest recording, and how much more it takes than the shortest."""
    shortest, longest = min(rows), max(rows)
    claim = {
        "claim": f"peak resident memory (MiB) of rl-tsad score on {longest[0]} points x 8 channels, imports included",
        "value": round(longest[1]),
        "limit": LIMIT,
        "ratio": round(longest[1] / LIMIT, 2),
        "seeds": 1,
        "cpu_s": round(longest[2], 1),
        "shortest_points": shortest[0],
        "shortest_value": round(shortest[1]),
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
