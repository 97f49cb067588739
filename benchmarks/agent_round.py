"""Claim: a retraining round on 10^5 windows takes at most 60 CPU-seconds.

    python benchmarks/agent_round.py [--windows 100000] [--repeats 3]

Made-up judgements of five series in both views with 100 features, 400 answers, 16,000 rehearsed windows: belief, alarm
rule, PPO with early stopping, the choice of who acts, and decisions on all windows. Judging and rehearsing are not in
it: they happen once, before the first round. Median and range; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from rl_tsad.agent.chain import ChainConfig, learn_chain
from rl_tsad.config import MEMBERS
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.types import Int8, Targets

SERIES, FEATURES, ANSWERS, REHEARSED, LIMIT = 5, 100, 400, 16_000, 60.0


def make(name: str, windows: int, seed: int) -> tuple[Judgement, Int8]:
    """Make a judgement that leans toward its events, and their truth."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(windows, np.int8)
    for low in range(50, windows - 50, 400):
        truth[low : low + rng.integers(2, 20)] = 1
    odds = rng.normal(size=(windows, FEATURES)) - 1.5 + 1.2 * truth[:, None]
    odd = (1 / (1 + np.exp(-odds))).astype(np.float32)
    keys = np.array([f"{name}:{8 * row}:64" for row in range(windows)])
    names = tuple(f"feature {number}" for number in range(FEATURES))
    members, score = odd[:, : len(MEMBERS)], (odd[:, 0], odd[:, 1], odd[:, 2])
    return Judgement(keys, odd, names, members, *score, odd[:, :32], odd[:, :2], np.zeros(windows, np.float32)), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pool = [make(f"s{number}", options.windows // SERIES, number) for number in range(SERIES)]
    copies = [make(f"s{n % SERIES}~{n // SERIES}", REHEARSED // 4 // SERIES, 100 + n) for n in range(4 * SERIES)]
    rehearsal = Rehearsal(tuple(one for one, _ in copies), tuple(truth for _, truth in copies))
    rows = np.random.default_rng(0).choice(options.windows // SERIES, ANSWERS, replace=False)
    judgement, truth = pool[0]
    told = Targets(judgement.keys[rows], truth[rows], np.ones(ANSWERS, np.float32), np.full(ANSWERS, "human"))
    judgements, spent = [one for one, _ in pool], []
    seen = [make(f"s{number}", options.windows // SERIES, 200 + number)[0] for number in range(SERIES)]
    for seed in range(options.repeats):
        started = time.process_time()
        actor, _ = learn_chain(judgements, told, rehearsal, ChainConfig(), seed=seed, seen=seen)
        actor.decide(judgements)
        spent.append(time.process_time() - started)
        print(f"seed {seed}: {spent[-1]:.1f} CPU-s, {actor.acts.why()}")
    figures = {"windows": options.windows, "median": float(np.median(spent)), "low": min(spent), "high": max(spent)}
    print(json.dumps({"claim": f"a retraining round takes at most {LIMIT:.0f} CPU-s", "value": figures}))


if __name__ == "__main__":
    main()
