"""The actor and critic: what they see of their own doing, and whether they may ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import gymnasium as gym
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, MlpExtractor
from stable_baselines3.common.type_aliases import Schedule

from envs.track import ASK, LIVE, live_column, observation_space
from envs.window_data import Float32
from rl_tsad.decision_config import AgentConfig

RULE = -len(LIVE) - 1
"""Column of an observation in which an agent that is led sees the alarm rule: the window's last feature."""

NEVER = -1e8
"""Logit of an action that is not to be taken: its probability is exactly 0, and a constant has no gradient."""


_USUAL = {"held": (1.2, 1.0), "recent": (1.0, 0.7), "horizon": (0.5, 2.0)}
"""Centre and factor that bring scalars around 0: where all are positive, PPO writes off to them what is usual."""


class Sight(BaseFeaturesExtractor):
    """Lets through a window's features and, brought around 0, some of what :data:`envs.track.LIVE` names.

    Args:
        space: of observations.
        sees: names of those scalars.

    Attributes:
        center: (F + 9,) subtracted from an observation.
        factor: (F + 9,) multiplies it then; 0 for what the agent is not to see.

    Example:
        >>> Sight(observation_space(1), ["budget", "horizon"])(torch.ones(1, 10)).tolist()
        [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0]]
    """

    center: torch.Tensor
    factor: torch.Tensor

    def __init__(self, space: gym.Space[Float32], sees: Sequence[str] = LIVE) -> None:
        width = gym.spaces.utils.flatdim(space)
        super().__init__(space, width)
        center, factor = torch.zeros(width), torch.ones(width)  # (F + 9,)
        for name in LIVE:
            place, usual = live_column(name), _USUAL.get(name, (0.0, 1.0))
            center[place], factor[place] = usual if name in sees else (0.0, 0.0)
        self.register_buffer("center", center, persistent=False)  # no checkpoint holds them: the settings do
        self.register_buffer("factor", factor, persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Give (n, F + 9) of the same."""
        return (observations - self.center) * self.factor


class _Led(torch.nn.Module):
    """SB3's two networks; what the alarm rule does goes past the actor's to its last layer.

    Args:
        inner: SB3's ``MlpExtractor``.
    """

    def __init__(self, inner: MlpExtractor) -> None:
        super().__init__()
        self.policy_net, self.value_net = inner.policy_net, inner.value_net
        self.latent_dim_pi, self.latent_dim_vf = inner.latent_dim_pi + 1, inner.latent_dim_vf

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        rule = features[:, RULE : RULE + 1]  # (n, 1)
        return torch.cat([self.policy_net(features), rule], dim=1)  # (n, H + 1)

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.value_net(features))  # (n, H)


class VerdictPolicy(ActorCriticPolicy):
    """SB3's actor and critic; the action *ask* is masked unless ``asks``.

    With a ``lead`` the actor begins as the alarm rule's equal, whose alarm (-1 closed, 1 open) is the last feature of a
    window: its last layer sees that feature directly and starts from it alone, so that what PPO learns is a difference
    to the rule ("Residual Policy Learning", Silver et al., arXiv 1812.06298; Johannink et al., ICRA 2019).

    The mask is a constant in the place of the logit, as in sb3-contrib's MaskablePPO (Huang & Ontanon, FLAIRS 2022): it
    is no parameter, so checkpoints and PPO's gradients know nothing of it, and the entropy is that of two actions.

    Args:
        *args: of ``ActorCriticPolicy``.
        asks: whether the agent may ask.
        lead: log odds by which it follows the rule at first; 0 for an actor that knows of none.
        **kwargs: of ``ActorCriticPolicy``.

    Example:
        >>> policy, seen = build_policy(AgentConfig(hidden=(4,)), 3), torch.zeros(1, 12)
        >>> [round(p, 3) for p in policy.get_distribution(seen).distribution.probs[0].tolist()]
        [0.5, 0.5, 0.0]
    """

    def __init__(self, *args: Any, asks: bool = False, lead: float = 0.0, **kwargs: Any) -> None:
        self.asks, self.lead = asks, lead
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        super()._build_mlp_extractor()
        if self.lead:
            self.mlp_extractor = cast(MlpExtractor, _Led(self.mlp_extractor))

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        if self.lead:
            with torch.no_grad():
                last = cast(torch.nn.Linear, self.action_net)
                last.weight.fill_(0.0)
                last.bias.fill_(0.0)
                last.weight[:ASK, -1] = torch.tensor([-0.5, 0.5]) * self.lead

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor) -> Distribution:
        logits = self.action_net(latent_pi)  # (n, 3)
        if not self.asks:
            never = logits.new_full((len(logits), 1), NEVER)
            logits = torch.cat([logits[:, :ASK], never], dim=1)  # (n, 3)
        return self.action_dist.proba_distribution(action_logits=logits)


def build_policy(config: AgentConfig, width: int, seed: int = 0) -> VerdictPolicy:
    """Build the untrained policy of a config, the same that PPO builds, to be filled or judged with; it cannot learn.

    Args:
        config: sizes.
        width: features F; the policy also sees what :data:`envs.track.LIVE` names.
        seed: of the first weights.

    Example:
        >>> build_policy(AgentConfig(hidden=(4,)), 3).action_net.weight.shape
        torch.Size([3, 4])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VerdictPolicy(
            observation_space(width),
            gym.spaces.Discrete(ASK + 1),
            lambda _: config.learning_rate,
            optimizer_class=_Idle,
            **policy_settings(config),
        )


def policy_settings(config: AgentConfig) -> dict[str, Any]:
    """Give what makes a policy besides the spaces.

    Example:
        >>> policy_settings(AgentConfig(hidden=(4,)))["net_arch"]
        [4]
    """
    return {
        "net_arch": list(config.hidden),
        "optimizer_kwargs": {"weight_decay": config.weight_decay},
        "asks": False,
        "features_extractor_class": Sight,
        "features_extractor_kwargs": {"sees": config.sees},
        "lead": config.lead,
    }


class _Idle(torch.optim.Optimizer):
    """Takes no step: PPO brings its own, and torch's would load a compiler (70 MiB) for a policy that only judges."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.param_groups = []
