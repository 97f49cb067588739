"""What does searching a shape cost, and does it find what stumpy finds?

Random walks of 10^5 and 10^6 points; a stretch of 200 is searched on one channel by stumpy.mass and by
``rl_tsad.active.shape``, and on many channels by the latter. The last line is one JSON object with the claim.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 8, 64])
    given = parser.parse_args()
    theirs, ours, apart = beside_stumpy(max(given.points))
    print(f"one channel, {max(given.points)} points: stumpy {theirs:.2f} CPU-s, ours {ours:.2f}, apart {apart:.1e}")
    print(f"{'points':>9}{'channels':>10}{'CPU-s':>8}{'peak MiB':>10}", flush=True)
    seconds = peak = 0.0
    for points in given.points:
        for channels in given.channels:
            seconds, peak = timed(points, channels)
            print(f"{points:>9}{channels:>10}{seconds:>8.2f}{peak:>10.0f}", flush=True)
    size = f"{given.points[-1]} points x {given.channels[-1]} channels"
    claim = {
        "claim": f"CPU-seconds to search a shape of {STRETCH} points on {size}",
        "value": round(seconds, 2),
        "peak_mib": round(peak),
        "stumpy_one_channel": round(theirs, 2),
        "ours_one_channel": round(ours, 2),
        "ratio": round(ours / theirs, 2),
        "largest_difference": float(f"{apart:.1e}"),
        "seeds": 1,
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
