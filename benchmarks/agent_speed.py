"""How many steps per CPU-second does the vector form give, alone and under PPO, beside SB3's loop over the single one?

Run: ``python benchmarks/agent_speed.py [--repeats 5]``. One process, one thread, CPU time; both sides step the same
windows with the same shaping. Each is measured twice: with the published prices, where windows alone pay, and with all
prices on, 8 questions an episode and answers that spread over 8 dimensions. Three questions:

* the environment alone, random actions: B cursors in the vector form and in ``DummyVecEnv`` over B single forms. Both
  forms share one core on arrays, so that they agree to the last bit; a core for one cursor in plain Python would make
  the single form faster than it is here (the one before had 50,000 to 60,000 steps per CPU-second at published prices);
* PPO from start to end on one network: the vector form with the platform's settings, and ``DummyVecEnv`` with the usual
  8 environments, minibatches of 64 and rollouts of 2048. Epochs are equal, as is the network. Equal batches on both
  sides are shown as well: the network is the cost, so batches do most of it;
* judging: windows per CPU-second of a greedy walk through one series, closed loop.

The last line is one JSON object: claim, value, peer, ratio, range over the repeats, and the rest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from envs.costs import Costs
from envs.potentials import VerdictPotential
from envs.samples import sample_windows
from envs.shaping import PotentialShaping, VectorPotentialShaping
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig, WindowData
from envs.window_env import WindowEnv
from rl_tsad.agent.act import act
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.agent.policy import VerdictPolicy, policy_settings
from rl_tsad.agent.train import rules_of, train_agent
from rl_tsad.decision_config import AgentConfig

OURS = AgentConfig()
PUBLISHED = rules_of(OURS)
PRICED = replace(PUBLISHED, costs=Costs(window=OURS.rewards), questions=8)
RULES = {"published prices": PUBLISHED, "all prices": PRICED}
CURSORS = (64, 256, 1024)
VECTOR, LOOP = "vector form", "DummyVecEnv"
Name = tuple[str, str, str]
"""What is measured, under which prices, on which side."""


@dataclass(frozen=True)
class Case:
    """Something to be timed."""

    name: Name
    cursors: int
    work: Callable[[], int]


def make_data(windows: int, features: int, seed: int) -> WindowData:
    """One window in a hundred is answered in advance; asking reveals any."""
    sample = sample_windows(windows, features, runs=10, seed=seed)
    place = np.random.default_rng(seed).normal(size=(windows, 8)).astype(np.float32)
    return replace(sample.answer(np.arange(0, windows, 100)), answer=sample.truth, place=place)


def vector_form(count: int, data: WindowData, rules: EnvConfig) -> VectorPotentialShaping:
    potential = VerdictPotential(data.severity)
    return VectorPotentialShaping(WindowVectorEnv(count, data, rules), potential, gamma=rules.gamma)


def single_forms(count: int, data: WindowData, rules: EnvConfig) -> VecEnv:
    potential = VerdictPotential(data.severity)
    return DummyVecEnv([lambda: PotentialShaping(WindowEnv(data, rules), potential, gamma=rules.gamma)] * count)


def per_cpu_second(work: Callable[[], int]) -> float:
    """Give the steps per CPU-second of some work, which tells how many steps it did."""
    before = time.process_time()
    steps = work()
    return steps / (time.process_time() - before)


def step_alone(env: Any, count: int, steps: int, seed: int) -> Callable[[], int]:
    actions = np.random.default_rng(seed).integers(0, 3, size=(64, count))
    env.reset()
    env.step(actions[0])

    def work() -> int:
        for i in range(steps):
            env.step(actions[i % 64])
        return steps * count

    return work


def learn(env: VecEnv, rules: EnvConfig, settings: dict[str, int], steps: int, seed: int) -> Callable[[], int]:
    network = policy_settings(OURS) | {"asks": rules.questions > 0}
    model = PPO(
        VerdictPolicy,
        env,
        gamma=rules.gamma,
        seed=seed,
        device="cpu",
        policy_kwargs=network,
        n_epochs=OURS.epochs,
        **settings,
    )

    def work() -> int:
        model.learn(steps)
        return model.num_timesteps

    return work


def environment_cases(data: WindowData, seed: int) -> list[Case]:
    cases = []
    for prices, rules in RULES.items():
        for count in CURSORS:
            vector = step_alone(vector_form(count, data, rules), count, 500, seed)
            loop = step_alone(single_forms(count, data, rules), count, max(4_096 // count, 1), seed)
            cases += [
                Case(("environment", prices, VECTOR), count, vector),
                Case(("environment", prices, LOOP), count, loop),
            ]
    return cases


def ppo_cases(data: WindowData, seed: int) -> list[Case]:
    large = {"n_steps": OURS.rollout, "batch_size": OURS.batch}
    usual = {"n_steps": 2048, "batch_size": 64}
    count, cases = OURS.envs, []
    for prices, rules in RULES.items():
        ours = learn(CursorVecEnv(vector_form(count, data, rules)), rules, large, 65_536, seed)
        equal = learn(single_forms(count, data, rules), rules, large, 8_192, seed)
        peer = learn(single_forms(8, data, rules), rules, usual, 16_384, seed)
        cases += [
            Case(("PPO", prices, VECTOR), count, ours),
            Case(("PPO", prices, f"{LOOP}, equal batches"), count, equal),
            Case(("PPO", prices, f"{LOOP}, usual batches"), 8, peer),
        ]
    return cases


def judging_case(data: WindowData, seed: int, windows: int = 100_000) -> Case:
    agent = train_agent(data, replace(OURS, steps=0), seed=seed)
    series, keys = sample_windows(windows, data.width, seed=seed).data, np.arange(windows).astype(np.str_)
    return Case(("judging", "any prices", "one series"), 1, lambda: len(act(agent, series, keys)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="medians and ranges are reported")
    parser.add_argument("--windows", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    speeds: dict[tuple[Name, int], list[float]] = {}
    for seed in range(options.repeats):
        data = make_data(options.windows, options.features, seed)
        for case in [*environment_cases(data, seed), *ppo_cases(data, seed), judging_case(data, seed)]:
            speeds.setdefault((case.name, case.cursors), []).append(per_cpu_second(case.work))
    report(speeds)


def report(speeds: dict[tuple[Name, int], list[float]]) -> None:
    """Print medians and ranges over the repeats as a table, then the claim as JSON."""
    print(f"{'':12}{'':18}{'':28}{'cursors':>8}{'steps / CPU-s':>15}{'range':>24}")
    for (name, count), values in speeds.items():
        what, prices, side = name
        span = f"{min(values):,.0f} to {max(values):,.0f}"
        print(f"{what:12}{prices:18}{side:28}{count:>8}{median(values):>15,.0f}{span:>24}")
    ppo = {prices: compare(speeds, "PPO", prices, OURS.envs, (f"{LOOP}, usual batches", 8)) for prices in RULES}
    for prices, claim in ppo.items():
        equal = speeds[("PPO", prices, f"{LOOP}, equal batches"), OURS.envs]
        claim["peer_equal_batches"] = round(median(equal))
    claim = {
        "claim": "PPO end to end, training steps per CPU-second, vector form beside DummyVecEnv of 8, one thread",
        **ppo["published prices"],
        "all_prices": ppo["all prices"],
        "environment": {prices: compare(speeds, "environment", prices, 256, (LOOP, 256)) for prices in RULES},
        "judging": round(median(speeds[("judging", "any prices", "one series"), 1])),
        "repeats": len(next(iter(speeds.values()))),
    }
    print(json.dumps(claim))


def compare(
    speeds: dict[tuple[Name, int], list[float]], what: str, prices: str, count: int, peer: tuple[str, int]
) -> dict[str, Any]:
    """Set the vector form beside a peer: medians, the ratio repeat by repeat and its range."""
    ours, theirs = speeds[(what, prices, VECTOR), count], speeds[(what, prices, peer[0]), peer[1]]
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {
        "value": round(median(ours)),
        "peer": round(median(theirs)),
        "ratio": round(median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


if __name__ == "__main__":
    main()
