"""What does searching a shape cost, and does it find what stumpy finds?

Random walks of 10^5 and 10^6 points; a stretch of 200 is searched on one channel by stumpy.mass and by
``rl_tsad.active.shape``, and on many channels by the latter.

The page's process serves others meanwhile: another thread has a millisecond's work to do every 6 ms. The lateness of
95 % of these tasks during searches stands beside that in an idle process and that beside a plain Python loop, which
keeps the interpreter's lock for its 5 ms, in turn in the same run; what the thread waited for a core (schedstat of
Linux) is not counted, as that is the machine's load. The last line is one JSON object with the claim.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rl_tsad.active.shape import distances, nearest

STRETCH = 200


def timed(points: int, channels: int) -> tuple[float, float]:
    """CPU-seconds of a whole search for the best 24 places, and its peak of further memory in MiB."""
    values = np.random.default_rng(0).normal(size=(points, channels)).cumsum(axis=0).astype(np.float32)
    query = values[points // 3 : points // 3 + STRETCH]
    began = time.process_time()
    nearest([values], query, 24, leave_out=(0, points // 3))
    seconds = time.process_time() - began
    tracemalloc.start()
    nearest([values], query, 24, leave_out=(0, points // 3))
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return seconds, peak


def beside_stumpy(points: int) -> tuple[float, float, float]:
    """CPU-seconds of stumpy and of ours on one channel, and the largest difference in distance."""
    import stumpy

    values = np.random.default_rng(1).normal(size=(points, 1)).cumsum(axis=0)
    query = values[points // 3 : points // 3 + STRETCH]
    stumpy.mass(query[:, 0], values[:1000, 0])  # compiles
    began = time.process_time()
    theirs = stumpy.mass(query[:, 0], values[:, 0]) / np.sqrt(STRETCH)
    between = time.process_time()
    ours = distances(values, query)
    return between - began, time.process_time() - between, float(np.abs(theirs - ours).max())


def late(work: Callable[[], object]) -> list[float]:
    """Milliseconds by which tasks of one millisecond come late in another thread while something is done."""
    found: list[float] = []
    done = threading.Event()

    def others() -> None:
        queued = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        while not done.is_set():
            due, before = time.perf_counter() + 0.006, float(queued.read_text().split()[1])
            time.sleep(0.005)
            began = time.thread_time()
            while time.thread_time() - began < 0.001:
                pass
            lateness = time.perf_counter() - due
            found.append(1e3 * lateness - (float(queued.read_text().split()[1]) - before) / 1e6)

    beside = threading.Thread(target=others)
    beside.start()
    work()
    done.set()
    beside.join()
    return found


def waits(points: int, channels: int, rounds: int) -> dict[str, float]:
    """Lateness in ms that 95 % of tasks keep within while the process is idle, searches, and runs plain Python."""
    values = np.random.default_rng(0).normal(size=(points, channels)).cumsum(axis=0).astype(np.float32)
    query = values[points // 3 : points // 3 + STRETCH]

    def loop() -> None:
        until = time.perf_counter() + 1.0
        while time.perf_counter() < until:
            pass

    acts = {
        "idle": lambda: time.sleep(1.0),
        "search": lambda: nearest([values], query, 24, leave_out=(0, points // 3)),
        "loop": loop,
    }
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            found[name] += late(act)
    return {name: round(float(np.quantile(each, 0.95)), 1) for name, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    theirs, ours, apart = beside_stumpy(max(given.points))
    print(f"one channel, {max(given.points)} points: stumpy {theirs:.2f} CPU-s, ours {ours:.2f}, apart {apart:.1e}")
    print(f"{'points':>9}{'channels':>10}{'CPU-s':>8}{'peak MiB':>10}", flush=True)
    seconds = peak = 0.0
    for points in given.points:
        for channels in given.channels:
            seconds, peak = timed(points, channels)
            print(f"{points:>9}{channels:>10}{seconds:>8.2f}{peak:>10.0f}", flush=True)
    delays = {channels: waits(given.points[-1], channels, given.rounds) for channels in given.channels}
    for channels, its in delays.items():
        print(f"{channels} channels, p95 of another thread's lateness in ms: {its}", flush=True)
    size = f"{given.points[-1]} points x {given.channels[-1]} channels"
    claim = {
        "claim": f"CPU-seconds to search a shape of {STRETCH} points on {size}",
        "value": round(seconds, 2),
        "peak_mib": round(peak),
        "stumpy_one_channel": round(theirs, 2),
        "ours_one_channel": round(ours, 2),
        "ratio": round(ours / theirs, 2),
        "largest_difference": float(f"{apart:.1e}"),
        "late_ms_p95": delays[given.channels[-1]],
        "seeds": 1,
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
