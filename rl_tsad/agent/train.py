"""How the agent learns: PPO (Schulman et al., 2017; Stable-Baselines3) over many cursors at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy

from envs.costs import PUBLISHED, Costs
from envs.potentials import VerdictPotential
from envs.shaping import VectorPotentialShaping, check_gamma
from envs.vector_env import WindowVectorEnv
from envs.window_data import LIMIT, EnvConfig, WindowData
from rl_tsad.agent.bridge import CursorVecEnv
from rl_tsad.agent.clone import clone
from rl_tsad.agent.follow import Follower, Keeper, start_controller
from rl_tsad.agent.policy import VerdictPolicy, build_policy, policy_settings
from rl_tsad.decision_config import AgentConfig
from rl_tsad.detector.checkpoint import fill_module, load_tensors, save_tensors
from rl_tsad.errors import CheckpointError, ConfigError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32

NAME = "agent"
SMALLEST_SPREAD = 1e-6
HeldOut = Callable[["Agent"], float]
"""What an agent earns on streams that it did not learn on."""
LONGEST_HELD = 512
"""Windows since the alarm opened or closed that an agent tells apart at most; no more than its episodes have."""


@dataclass(frozen=True, eq=False)
class Agent:
    """A trained policy and what it needs to judge windows.

    Attributes:
        policy: actor and critic over normalised observations.
        config: what it was trained with.
        center: (F,) float32, subtracted from observations.
        spread: (F,) float32 > 0, divides them; both were computed once, from the first round's windows.
        budget_left: what it last saw in that place.
        vae_weight: lambda where training ended.
        history: metrics by path, one number a rollout.
        costs: prices of events and alarms that it was paid by; None for windows by ``config.rewards``.
    """

    policy: ActorCriticPolicy
    config: AgentConfig
    center: Float32
    spread: Float32
    budget_left: float = 1.0
    vae_weight: float = 1.0
    history: Mapping[str, list[float]] = field(default_factory=dict)
    costs: Costs | None = None

    def normalise(self, data: WindowData) -> WindowData:
        """Bring observations to the scale that the policy knows.

        Raises:
            ConfigError: when the number of features is not the one the agent learnt on.
        """
        self.check_width(data.width)
        return replace(data, observations=self.scale(data.observations))

    def scale(self, observations: Float32) -> Float32:
        """Do so with (N, F) float32 alone."""
        scaled = (observations - self.center) / self.spread
        return np.asarray(np.clip(scaled, -LIMIT, LIMIT, out=scaled), dtype=np.float32)

    def check_width(self, width: int) -> None:
        """Refuse another number of features than the agent learnt on.

        Raises:
            ConfigError: when it differs.
        """
        if width != len(self.center):
            raise ConfigError(
                f"expected {len(self.center)} features, got {width}; train an agent anew for another detector"
            )


def train_agent(
    data: WindowData,
    config: AgentConfig,
    *,
    seed: int,
    warm: Agent | None = None,
    budget_left: float = 1.0,
    costs: Costs | None = None,
    held_out: HeldOut | None = None,
    progress: Progress = no_progress,
) -> Agent:
    """Train on windows.

    Bit-equal for equal arguments on one machine, given ``torch.set_num_threads(1)``.

    Args:
        data: windows with answers, as :func:`rl_tsad.agent.observe.observe` gives them.
        config: rewards, shaping and PPO.
        seed: fixes start rows, actions and minibatches.
        warm: an agent to go on from; its normalisation is kept and no cloning is done.
        budget_left: share of the labelling budget left, shown to the agent.
        costs: prices of events and alarms; None to be paid for windows by ``config.rewards``.
        held_out: what an agent is worth; training stops when that no longer rises, and the best one is given back.
        progress: told of the steps done.

    Raises:
        ConfigError: when the minibatch does not divide a rollout, or ``warm`` knows another number of features.

    Example:
        >>> from envs.samples import sample_windows
        >>> tiny = AgentConfig(envs=8, rollout=8, batch=64, steps=128, clone_steps=2, hidden=(4,))
        >>> agent = train_agent(sample_windows(50, 3).data, tiny, seed=0)
        >>> sorted(agent.history)[:2], len(agent.history["agent/lambda"])
        (['agent/asked', 'agent/base_return'], 2)
    """
    start = warm or _fresh(data, config, seed)
    known = replace(start, config=config, budget_left=budget_left).normalise(data)
    controller = start_controller(config, data)
    rules = rules_of(config, costs, vae_weight=controller.value, budget_left=budget_left)
    with torch.random.fork_rng(devices=[]):
        rule = known.observations[:, -1] > 0 if config.lead else None
        cursors = CursorVecEnv(_environment(known, rules, config), rule=rule, leave=config.leave)
        model = _ppo(cursors, config, seed)
        model.policy.load_state_dict(start.policy.state_dict())
        history: dict[str, list[float]] = {}
        if warm is None and config.clone_steps:
            rng = derive_rng(seed, "agent", "clone")
            history["agent/clone_loss"] = [clone(model.policy, known, rules, config, rng)]
        made = replace(start, policy=model.policy, config=config, budget_left=budget_left, costs=costs)
        keeper = None if held_out is None else Keeper(made, held_out, config.patience)
        follower = Follower(cursors, controller, history, progress, config.steps, keeper=keeper)
        if config.steps:
            model.learn(config.steps, callback=follower, log_interval=None)  # type: ignore[arg-type]
        if keeper is not None:
            keeper.restore()
    return replace(made, vae_weight=controller.value, history=history)


def save_agent(agent: Agent, folder: Path) -> str:
    """Write an agent as safetensors and JSON.

    Returns:
        The digest that :func:`load_agent` checks.
    """
    tensors: dict[str, Any] = {f"policy/{name}": value for name, value in agent.policy.state_dict().items()}
    tensors |= {"center": agent.center, "spread": agent.spread}
    facts: dict[str, Any] = {
        "config": asdict(agent.config),
        "budget_left": agent.budget_left,
        "vae_weight": agent.vae_weight,
        "history": dict(agent.history),
        "costs": None if agent.costs is None else asdict(agent.costs),
    }
    return save_tensors(folder, NAME, tensors, facts)


def load_agent(folder: Path, digest: str | None = None) -> Agent:
    """Read an agent back: rebuild its policy from the config and fill in the tensors.

    Raises:
        CheckpointError: when the files are missing, damaged or of another shape.
    """
    tensors, facts = load_tensors(folder, NAME, digest)
    try:
        config = AgentConfig(**facts["config"])
        center, spread = tensors.pop("center").numpy(), tensors.pop("spread").numpy()
        rest = (float(facts["budget_left"]), float(facts["vae_weight"]), dict(facts["history"]))
        costs = None if facts["costs"] is None else read_costs(facts["costs"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: expected an agent's checkpoint, got {error}; train an agent again") from error
    policy = build_policy(config, len(center))
    fill_module(policy, {name.removeprefix("policy/"): value for name, value in tensors.items()}, str(folder))
    return Agent(policy, config, center, spread, *rest, costs=costs)


def read_costs(facts: Mapping[str, Any]) -> Costs:
    """Read prices as JSON keeps them.

    Example:
        >>> read_costs(asdict(Costs(miss=3.0))) == Costs(miss=3.0)
        True
    """
    hit, quiet, false_alarm, miss = facts["window"]
    return Costs(**{**facts, "window": (hit, quiet, false_alarm, miss)})


def _fresh(data: WindowData, config: AgentConfig, seed: int) -> Agent:
    center, spread = data.observations.mean(axis=0), data.observations.std(axis=0)
    spread = np.where(spread < SMALLEST_SPREAD, 1.0, spread).astype(np.float32)
    if config.lead:
        center[-1], spread[-1] = 0.0, 1.0  # the alarm rule is seen as it is
    policy = build_policy(config, data.width, derive_seed(seed, "agent", "policy"))
    return Agent(policy, config, center.astype(np.float32), spread)


def rules_of(
    config: AgentConfig, costs: Costs | None = None, *, vae_weight: float = 1.0, budget_left: float = 1.0
) -> EnvConfig:
    """Give the rules of the environment that an agent lives in; nothing is asked within.

    Args:
        config: horizon, rewards and discount.
        costs: prices of events and alarms; None to pay for windows by ``config.rewards``.
        vae_weight: lambda of the unsupervised term.
        budget_left: share of the labelling budget left.

    Example:
        >>> rules_of(AgentConfig()).costs.window, rules_of(AgentConfig()).questions
        ((2.0, 1.0, -1.0, -2.0), 0)
    """
    return EnvConfig(
        horizon=config.horizon,
        costs=costs or replace(PUBLISHED, window=config.rewards),
        vae_weight=vae_weight,
        budget_left=budget_left,
        gamma=config.gamma,
        held_limit=min(config.horizon, LONGEST_HELD),
    )


def _environment(data: WindowData, rules: EnvConfig, config: AgentConfig) -> VectorEnv[Any, Any, Any]:
    env = WindowVectorEnv(config.envs, data, rules)
    if not config.shaping_weight:
        return env
    return VectorPotentialShaping(env, VerdictPotential(data.severity, config.shaping_weight), gamma=config.gamma)


def _ppo(cursors: CursorVecEnv, config: AgentConfig, seed: int) -> PPO:
    rollout = config.envs * config.rollout
    if rollout % config.batch:
        raise ConfigError(
            f"expected agent.batch to divide envs * rollout = {rollout}, got {config.batch}; choose e.g. {rollout // 2}"
        )
    model = PPO(
        VerdictPolicy,
        cursors,
        learning_rate=config.learning_rate,
        n_steps=config.rollout,
        batch_size=config.batch,
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy,
        policy_kwargs=policy_settings(config),
        seed=derive_seed(seed, "agent", "ppo"),
        device="cpu",
    )
    model.set_logger(Logger(folder=None, output_formats=[]))  # its own would leave a temporary folder behind
    check_gamma(config.gamma, model.gamma)
    return model
