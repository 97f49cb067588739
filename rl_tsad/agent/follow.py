"""What happens between two rollouts: metrics are logged and lambda is fed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from envs.rewards import LambdaController
from envs.window_data import WindowData
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.decision_config import AgentConfig
from rl_tsad.progress import Progress

if TYPE_CHECKING:
    from rl_tsad.agent.train import Agent

STAGE = "agent/ppo"


def first_lambda(config: AgentConfig, data: WindowData) -> float:
    """Give the lambda that a round of training starts with: less, the more people have answered.

    ``vae_weight * k / (k + answers)``, k = ``vae_answers``: a prior that counts as k answers. The controller moves on.

    Example:
        >>> from envs.samples import sample_windows
        >>> first_lambda(AgentConfig(vae_answers=10), sample_windows(50, 3).answer(np.arange(30)))
        0.25
    """
    answers = int(np.count_nonzero((data.target >= 0) & (data.weight >= 1.0)))
    return config.vae_weight * config.vae_answers / (config.vae_answers + answers)


def start_controller(config: AgentConfig, data: WindowData) -> LambdaController:
    """Give the controller of a round of training, at its first lambda.

    Example:
        >>> from envs.samples import sample_windows
        >>> start_controller(AgentConfig(), sample_windows(50, 3).data).value
        1.0
    """
    low, high = config.vae_bounds
    value = first_lambda(config, data)
    return LambdaController(value=value, target=config.vae_target, rate=config.vae_rate, low=low, high=high)


class Keeper:
    """Keeps the best policy of a training by what it earns on held-out streams.

    Args:
        agent: whose policy PPO changes in place.
        held_out: what it is worth.
        patience: rollouts without a gain after which training stops.
    """

    def __init__(self, agent: Agent, held_out: Callable[[Agent], float], patience: int) -> None:
        self.agent, self.held_out, self.patience = agent, held_out, patience
        self.best, self.waited = -np.inf, 0
        self._state: dict[str, Any] = {}

    def look(self) -> float:
        """Measure the policy as it is now, and keep it if it is the best so far."""
        worth = self.held_out(self.agent)
        if worth > self.best:
            self.best, self.waited = worth, 0
            self._state = {name: value.clone() for name, value in self.agent.policy.state_dict().items()}
        else:
            self.waited += 1
        return worth

    def restore(self) -> None:
        """Go back to the best policy."""
        self.look()
        self.agent.policy.load_state_dict(self._state)


class Follower(BaseCallback):
    """Logs each rollout, moves lambda by its unshaped return and tells how far training is.

    Args:
        cursors: the environment that PPO steps.
        controller: of lambda.
        history: metrics by path, added to.
        progress: told of the steps done.
        total: steps planned.
        keeper: of the best policy, or None.
    """

    def __init__(
        self,
        cursors: CursorVecEnv,
        controller: LambdaController,
        history: dict[str, list[float]],
        progress: Progress,
        total: int,
        *,
        keeper: Keeper | None = None,
    ) -> None:
        super().__init__()
        self.keeper = keeper
        self.cursors, self.controller, self.history = cursors, controller, history
        self.progress, self.total = progress, total

    def _on_step(self) -> bool:
        return self.keeper is None or self.keeper.waited < self.keeper.patience

    def _on_rollout_end(self) -> None:
        means = self.cursors.take_totals()
        base = means["table_reward"] + means["vae_reward"] + means["event_reward"]
        named = {"base_return": base, "table_return": means["table_reward"], "vae_return": means["vae_reward"]}
        named |= {"event_return": means["event_reward"], "shaping_return": means.get("shaping", 0.0)}
        named |= {"flagged": means["alarm"], "asked": means["asked"]}
        self._log({**named, "lambda": self.controller.value})
        self.cursors.set_attr("lam", self.controller.update(base))
        self.progress(STAGE, min(self.num_timesteps, self.total), self.total)

    def _on_rollout_start(self) -> None:
        self._log_updates()
        if self.keeper is not None:
            self._log({"held_out": self.keeper.look()})

    def _on_training_end(self) -> None:
        self._log_updates()

    def _log_updates(self) -> None:
        values = self.model.logger.name_to_value
        names = {"entropy": "train/entropy_loss", "value_loss": "train/value_loss", "kl": "train/approx_kl"}
        self._log({name: float(values[path]) for name, path in names.items() if path in values})

    def _log(self, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self.history.setdefault(f"agent/{name}", []).append(value)
