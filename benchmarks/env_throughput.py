"""How many environment steps per CPU-second does the vector form give, beside SB3's loop over the single one?

Run: ``python benchmarks/env_throughput.py [--seeds 3]``. One process, one thread, CPU time; both sides step the same
windows with the same shaping. Two questions:

* the environment alone, random actions: B cursors in the vector form and in ``DummyVecEnv`` over B single forms;
* PPO from start to end: the vector form with large batches (the platform's settings) and ``DummyVecEnv`` with 8
  environments and SB3's default minibatch, on the same network. Equal batches on both sides are shown as well: the
  network is the cost, so batches do most of it.

The last line is one JSON object: claim, value, peer, ratio, seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from envs.potentials import VerdictPotential
from envs.samples import sample_windows
from envs.shaping import PotentialShaping, VectorPotentialShaping
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig, WindowData
from envs.window_env import WindowEnv
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.config import AgentConfig

GAMMA = 0.5
RULES = EnvConfig(horizon=AgentConfig().horizon, gamma=GAMMA)
Row = tuple[str, int, float]


def vector_form(count: int, data: WindowData) -> VectorPotentialShaping:
    potential = VerdictPotential(data.severity)
    return VectorPotentialShaping(WindowVectorEnv(count, data, RULES), potential, gamma=GAMMA)


def single_forms(count: int, data: WindowData) -> VecEnv:
    potential = VerdictPotential(data.severity)
    return DummyVecEnv([lambda: PotentialShaping(WindowEnv(data, RULES), potential, gamma=GAMMA)] * count)


def per_cpu_second(work: Callable[[], int]) -> float:
    """Give the steps per CPU-second of some work, which tells how many steps it did."""
    before = time.process_time()
    steps = work()
    return steps / (time.process_time() - before)


def step_alone(env: Any, count: int, steps: int, seed: int) -> Callable[[], int]:
    actions = np.random.default_rng(seed).integers(0, 2, size=(64, count))
    env.reset()

    def work() -> int:
        for i in range(steps):
            env.step(actions[i % 64])
        return steps * count

    return work


def learn(env: VecEnv, settings: dict[str, int], steps: int, seed: int) -> Callable[[], int]:
    model = PPO("MlpPolicy", env, gamma=GAMMA, seed=seed, device="cpu", **settings)

    def work() -> int:
        model.learn(steps)
        return model.num_timesteps

    return work


def environment_rows(data: WindowData, seed: int) -> list[Row]:
    rows = []
    for count in (64, 256, 1024):
        vector = per_cpu_second(step_alone(vector_form(count, data), count, 1_000, seed))
        loop = per_cpu_second(step_alone(single_forms(count, data), count, 64_000 // count, seed))
        rows += [("environment, vector form", count, vector), ("environment, DummyVecEnv", count, loop)]
    return rows


def ppo_rows(data: WindowData, seed: int) -> list[Row]:
    ours = AgentConfig()
    large = {"n_steps": ours.rollout, "batch_size": ours.batch, "n_epochs": ours.epochs}
    usual = {"n_steps": 256, "batch_size": 64, "n_epochs": ours.epochs}
    count = ours.envs
    cases: list[tuple[str, int, VecEnv, dict[str, int], int]] = [
        ("PPO, vector form, large batches", count, CursorVecEnv(vector_form(count, data)), large, 65_536),
        ("PPO, DummyVecEnv, large batches", count, single_forms(count, data), large, 32_768),
        ("PPO, DummyVecEnv, SB3's batches", 8, single_forms(8, data), usual, 8_192),
    ]
    return [(name, n, per_cpu_second(learn(env, how, steps, seed))) for name, n, env, how, steps in cases]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="repetitions; medians are reported")
    parser.add_argument("--windows", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = []
    for seed in range(options.seeds):
        sample = sample_windows(options.windows, options.features, runs=10, seed=seed)
        data = sample.answer(np.arange(0, options.windows, 100))
        runs.append(environment_rows(data, seed) + ppo_rows(data, seed))
    report(runs)


def report(runs: list[list[Row]]) -> None:
    """Print medians over the seeds as a table, then the claim as JSON."""
    rows = [(name, count, median(run[i][2] for run in runs)) for i, (name, count, _) in enumerate(runs[0])]
    print(f"{'':36}{'cursors':>8}{'steps / CPU-s':>16}")
    for name, count, speed in rows:
        print(f"{name:36}{count:>8}{speed:>16,.0f}")
    speeds = {(name, count): speed for name, count, speed in rows}
    vector, loop = speeds["environment, vector form", 256], speeds["environment, DummyVecEnv", 256]
    fast, equal, usual = (speed for _, _, speed in rows[-3:])
    claim = {
        "claim": "environment steps per CPU-second at 256 cursors, vector form beside DummyVecEnv, one thread",
        "value": round(vector),
        "peer": round(loop),
        "ratio": round(vector / loop, 2),
        "seeds": len(runs),
        "ppo": {
            "value": round(fast),
            "peer": round(usual),
            "ratio": round(fast / usual, 2),
            "peer_equal_batches": round(equal),
        },
    }
    print(json.dumps(claim))


if __name__ == "__main__":
    main()
