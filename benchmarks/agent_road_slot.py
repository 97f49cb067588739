"""How does PPO learn which series of a fleet is asked next? A scorer that treats all series alike, and its game.

Shared by the benchmark of the fleet; nothing to run here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
from agent_road_stack import Plain
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rl_tsad.seeding import derive_rng
from rl_tsad.types import Float32, Float64, Int64

GAMES, ROLLOUT, STEPS, HIDDEN = 64, 25, 160_000, 32
UTILITY = 10.0
"""Utility per 1000 windows, of one plant, that pays 1."""
Chooser = Callable[[Float32, Int64, np.random.Generator], Int64]


class Fleets(Plain):
    """Fleets drawn from plants; a slot pays what the asked plant gains.

    Args:
        seen: (P, K + 1, F) of plants after k questions, scaled.
        utility: (P, K + 1) their utility per 1000 windows.
        game: ``fleet`` S, ``budget`` B and ``most`` K.
        seed: of the draws.
    """

    def __init__(self, seen: Float32, utility: Float64, game: Mapping[str, float], seed: int) -> None:
        self.seen, self.utility, self.rng = seen, utility, derive_rng(seed, "fleets that teach")
        self.size, self.budget, self.most = int(game["fleet"]), int(game["budget"]), int(game["most"])
        self.turn, self.everyone = 0, np.arange(GAMES)
        self.fleets: Int64 = np.zeros((GAMES, self.size), np.int64)
        self.counts: Int64 = np.zeros((GAMES, self.size), np.int64)
        box = spaces.Box(-10, 10, (self.size * (seen.shape[2] + 2),), np.float32)
        super().__init__(GAMES, box, spaces.Discrete(self.size))

    def reset(self) -> Float32:
        """Draw fleets; all games go on side by side."""
        self.turn = 0
        self.fleets = np.stack([self.rng.choice(len(self.utility), self.size, replace=False) for _ in range(GAMES)])
        self.counts = np.zeros_like(self.fleets)
        return self._look()

    def step_wait(self) -> VecEnvStepReturn:
        """Ask one plant of each fleet."""
        plant, before = self.fleets[self.everyone, self._actions], self.counts[self.everyone, self._actions]
        after = np.minimum(before + 1, self.most)
        paid = (self.utility[plant, after] - self.utility[plant, before]) / UTILITY
        self.counts[self.everyone, self._actions] = after
        self.turn += 1
        over = self.turn == self.budget
        infos: list[dict[str, Any]] = [{} for _ in range(GAMES)]
        if over:
            last = self._look()
            infos = [{"terminal_observation": last[i]} for i in range(GAMES)]
        seen = self.reset() if over else self._look()
        return seen, paid.astype(np.float32), np.full(GAMES, over), infos

    def _look(self) -> Float32:
        return observed(self.seen[self.fleets, self.counts], self.counts, self.budget, self.most)


def observed(seen: Float32, counts: Int64, budget: int, most: int) -> Float32:
    """Lay out what is seen of fleets (E, S, F): the budget left, and last of each plant whether it may be asked."""
    left = np.broadcast_to(1.0 - counts.sum(axis=1, keepdims=True) / budget, counts.shape)
    table = np.concatenate([seen, left[..., None], (counts < most)[..., None]], axis=2)
    return table.reshape(len(seen), -1).astype(np.float32)


class _Alike(torch.nn.Module):
    """Scores plants by what is seen of each, and of all on average; the critic sees the average."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size, self.width = size, width
        self.latent_dim_pi, self.latent_dim_vf = size, HIDDEN
        self.one, self.other = torch.nn.Linear(width, HIDDEN), torch.nn.Linear(width, HIDDEN)
        self.both, self.score = torch.nn.Linear(2 * HIDDEN, HIDDEN), torch.nn.Linear(HIDDEN, 1)
        torch.nn.init.zeros_(self.score.weight)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        table = features.reshape(-1, self.size, self.width)  # (n, S, F)
        each = torch.tanh(self.one(table))  # (n, S, H)
        pooled = each.mean(dim=1, keepdim=True).expand_as(each)
        hidden = torch.tanh(self.both(torch.cat([each, pooled], dim=2)))  # (n, S, H)
        scores = self.score(hidden)[..., 0]  # (n, S)
        return torch.where(table[..., -1] > 0.5, scores, torch.full_like(scores, -1e8))

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        table = features.reshape(-1, self.size, self.width)
        return torch.tanh(self.other(table)).mean(dim=1)  # (n, H)


class SlotPolicy(ActorCriticPolicy):
    """SB3's actor and critic over a fleet; the scores are the logits."""

    def __init__(self, *args: Any, size: int, **kwargs: Any) -> None:
        self.size = size
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = cast(MlpExtractor, _Alike(self.size, self.features_dim // self.size))

    def _build(self, lr_schedule: Schedule) -> None:
        ortho, self.ortho_init = self.ortho_init, False
        super()._build(lr_schedule)
        self.ortho_init = ortho

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor) -> Distribution:
        return self.action_dist.proba_distribution(action_logits=latent_pi)


def learn_slots(seen: Float32, utility: Float64, game: Mapping[str, float], *, seed: int) -> Chooser:
    """Train a slot policy on plants; it acts greedily afterwards."""
    center, spread = seen.mean(axis=(0, 1)), seen.std(axis=(0, 1)) + 1e-6

    def scaled(table: Float32) -> Float32:
        return np.asarray(np.clip((table - center) / spread, -5, 5), dtype=np.float32)

    size, budget, most = int(game["fleet"]), int(game["budget"]), int(game["most"])
    with torch.random.fork_rng(devices=[]):
        model = PPO(
            SlotPolicy,
            Fleets(scaled(seen), utility, game, seed),
            learning_rate=1e-3,
            n_steps=ROLLOUT,
            batch_size=GAMES * ROLLOUT // 4,
            n_epochs=4,
            gamma=float(game["gamma"]),
            gae_lambda=0.95,
            ent_coef=0.01,
            policy_kwargs={"size": size},
            seed=seed,
            device="cpu",
        )
        model.learn(STEPS, log_interval=None)  # type: ignore[arg-type]

    def chooser(now: Float32, counts: Int64, rng: np.random.Generator) -> Int64:
        del rng
        chosen, _ = model.predict(observed(scaled(now), counts, budget, most), deterministic=True)
        return np.asarray(chosen, dtype=np.int64)

    return chooser
