"""Road 5, memory that is learnt: does a recurrent policy see in the belief's course what hand-made history misses?

    pip install --no-deps sb3-contrib==2.9.2       # for this benchmark only; the package does not need it
    python benchmarks/agent_road_recurrent.py --out FOLDER [--seeds 1] [--quick]

Same streams as agent_roads.py: taught on the plants 100-114 after 0 to 100 questions, stopped by 115-119, judged on
the plants 0-39, SKAB, NAB and SMAP. All four learners choose between *as the default rule* and *against it*, begin as
its equal, pay .02 for each window against it, and differ in what they remember of the belief's past:

* ``PPO, window``: nothing: they see the window's belief, members and label-free score, and the state of the alarm;
* ``PPO, history``: the hand-made history of the belief besides (lags, means, extremes, a cumulative sum);
* ``LSTM, window``, ``LSTM, history``: RecurrentPPO of sb3-contrib (64 cells for actor and critic) on either.

Each with gamma .95 and 0. Episodes are 64 windows in training; in the report the memory goes on through a series.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agent_cases import CHOICE
from agent_road_stack import Plain, Watching
from agent_roads import COSTS, STOP, Actor, Streams, lay, real_and_plants, report, ruled
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from envs.vector_env import WindowVectorEnv
from envs.window_data import LIMIT, WindowData
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.agent.control import default_rule
from rl_tsad.agent.follow import Keeper
from rl_tsad.agent.history import NAMES
from rl_tsad.agent.policy import RULE, Sight
from rl_tsad.agent.train import SMALLEST_SPREAD, rules_of
from rl_tsad.agent.tune import earned_by
from rl_tsad.decision_config import ControlConfig, PolicyConfig
from rl_tsad.types import Bool, Float32

STEPS, CURSORS, ROLLOUT, BATCH = 393_216, 128, 32, 2048
PAIRS = tuple(
    [
        (f"LSTM, {sees}, {gamma}", f"PPO, {other}, {gamma}")
        for gamma in (".95", "0")
        for sees, other in (("window", "window"), ("window", "history"), ("history", "history"))
    ]
    + [("LSTM, window, .95", "LSTM, window, 0"), ("LSTM, history, .95", "LSTM, history, 0")]
)
FOLLOWS = 1.0  # logit of doing as the rule does, at first


class Follows(Plain):
    """Actions are: 0 as the rule does, 1 against it. The rule's alarm is the last of a window's features."""

    def __init__(self, cursors: CursorVecEnv) -> None:
        self.cursors = cursors
        self._rule: Bool = np.zeros(cursors.num_envs, np.bool_)
        super().__init__(cursors.num_envs, cursors.observation_space, spaces.Discrete(2))

    def reset(self) -> Float32:
        """Begin everywhere."""
        self.cursors._seeds = self._seeds
        return self._seen(self.cursors.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """Step everywhere."""
        seen, paid, ended, infos = self.cursors.step((self._rule ^ (self._actions == 1)).astype(np.int64))
        return self._seen(np.asarray(seen)), paid, ended, infos

    def _seen(self, seen: Float32) -> Float32:
        self._rule = seen[:, RULE] > 0
        return seen


@dataclass(frozen=True, eq=False)
class Scale:
    """Which features are seen, and how they are brought to scale."""

    columns: Bool
    center: Float32
    spread: Float32

    @staticmethod
    def of(table: Float32, history: bool) -> Scale:
        """Take it from observations; the rule's alarm stays as it is."""
        columns = np.ones(table.shape[1], np.bool_)
        columns[1 : len(NAMES)] = history  # the first one is the belief itself
        kept = table[:, columns]
        center, spread = kept.mean(axis=0), np.maximum(kept.std(axis=0), SMALLEST_SPREAD)
        center[-1], spread[-1] = 0.0, 1.0
        return Scale(columns, center, spread)

    def __call__(self, data: WindowData) -> WindowData:
        """Scale the observations of windows."""
        scaled = np.clip((data.observations[:, self.columns] - self.center) / self.spread, -LIMIT, LIMIT)
        return replace(data, observations=scaled.astype(np.float32))


def recurrent() -> Any:
    """Find sb3-contrib.

    Raises:
        SystemExit: when it is not installed.
    """
    try:
        from sb3_contrib import RecurrentPPO
    except ImportError as error:
        raise SystemExit(
            "expected sb3-contrib for recurrent policies, found none; run: pip install --no-deps sb3-contrib==2.9.2"
        ) from error
    return RecurrentPPO


def learn_policy(learn: Streams, stop: Streams, *, memory: bool, history: bool, gamma: float, seed: int) -> Actor:
    """Train a policy, and let it act."""
    config = PolicyConfig(gamma=gamma, steps=STEPS, envs=CURSORS, rollout=ROLLOUT, batch=BATCH, patience=100)
    scale = Scale.of(learn.data.observations, history)
    known, course = scale(learn.data), stop.course()
    env: Any = WindowVectorEnv(CURSORS, known, rules_of(config, COSTS))
    follows = Follows(CursorVecEnv(env, rule=known.observations[:, -1] > 0, leave=config.leave))
    sight = {"features_extractor_class": Sight, "features_extractor_kwargs": {"sees": config.sees}}
    shape = {"lstm_hidden_size": 64, "net_arch": [64]} if memory else {"net_arch": [64, 64]}
    with torch.random.fork_rng(devices=[]):
        model: Any = (recurrent() if memory else PPO)(
            "MlpLstmPolicy" if memory else "MlpPolicy",
            follows,
            learning_rate=config.learning_rate,
            n_steps=ROLLOUT,
            batch_size=BATCH,
            n_epochs=config.epochs,
            gamma=gamma,
            gae_lambda=config.gae_lambda,
            ent_coef=config.entropy,
            policy_kwargs=sight | shape,
            seed=seed,
            device="cpu",
        )
        with torch.no_grad():
            model.policy.action_net.weight.zero_()
            model.policy.action_net.bias.copy_(torch.tensor([FOLLOWS, -FOLLOWS]))
        keeper = Keeper(model, lambda _: float(earned_by(walk(model, scale(stop.data)), course).sum()), config.patience)
        model.learn(STEPS, callback=Watching(keeper), log_interval=None)
        keeper.restore()
    return lambda data: walk(model, scale(data))


def walk(model: Any, data: WindowData) -> Bool:
    """Let a policy act greedily through every episode side by side, with its memory."""
    first = np.flatnonzero(np.append(True, np.diff(data.episode) != 0))
    length = np.diff(np.append(first, data.rows))
    rules = replace(rules_of(PolicyConfig(), COSTS), horizon=int(length.max()) + 1)
    env = WindowVectorEnv(len(first), data, rules)
    seen, _ = env.reset(seed=0, options={"start": first})
    alarm, state, fresh = np.zeros(data.rows, np.bool_), None, np.ones(len(first), np.bool_)
    for time_ in range(int(length.max())):
        chosen, state = model.predict(seen, state=state, episode_start=fresh, deterministic=True)
        opened = (seen[:, RULE] > 0) ^ (chosen == 1)
        live = time_ < length
        alarm[first[live] + time_] = opened[live]
        seen, _, ended, cut, _ = env.step(opened.astype(np.int64))
        fresh = ended | cut
    return alarm


def learners(learn: Streams, stop: Streams, seeds: int, quick: bool) -> Iterator[tuple[str, list[Actor]]]:
    """Train everything, and say how long that took."""
    for memory, kind in ((False, "PPO"), (True, "LSTM")):
        for history, sees in ((False, "window"), (True, "history"))[: 1 if quick else 2]:
            for gamma, named in ((0.95, ".95"), (0.0, "0"))[: 1 if quick else 2]:
                started = time.process_time()
                given = {"memory": memory, "history": history, "gamma": gamma}
                found = [learn_policy(learn, stop, **given, seed=seed) for seed in range(seeds)]  # type: ignore[arg-type]
                print(f"{kind}, {sees}, {named}: {(time.process_time() - started) / seeds:.0f} CPU-s", flush=True)
                yield f"{kind}, {sees}, {named}", found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/agent"), help="folder of worlds and beliefs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="without history and with gamma .95 only")
    options = parser.parse_args()
    recurrent()
    torch.set_num_threads(1)
    stop = lay(STOP, options.out)
    learn = lay([name for name in CHOICE if name not in STOP], options.out)
    actors: dict[str, list[Actor]] = {"default": [ruled(default_rule(ControlConfig()))]}
    actors |= dict(learners(learn, stop, options.seeds, options.quick))
    facts = report(actors, real_and_plants(options.out), pairs=PAIRS)
    print(f"{time.process_time():.0f} CPU-s")
    print(json.dumps({"claim": "recurrent policies", "value": facts}))


if __name__ == "__main__":
    main()
