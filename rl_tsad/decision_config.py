"""Settings of how a belief is formed, what alarms and questions cost, who acts on the belief, and how PPO learns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from rl_tsad.setting_types import Count, Flag, Fraction

_STRICT = ConfigDict(extra="forbid")
_Price = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class BeliefConfig:
    """How likely a window is anomalous, by a committee of two forests and a logistic regression.

    Attributes:
        trees: of each forest.
        written_weight: what all written events' windows weigh together in the committee's training, in answered
            windows, before anybody has answered.
        written_fade: answered windows at which written events weigh half of that.
        cautious_answers: answered windows for each series of the pool, some of them of either kind, at which the
            committee counts as much as the cautious blend of the committee, of the members' weights learnt on written
            events, and of the label-free score.
        oddest: windows of each marked event that teach the committee, the oddest by the label-free score; most of a
            long event looks as usual.
        expected_share: share of windows that the cautious blend takes for anomalous.
        most: written events' windows that train a committee at most.
        folds: parts of the answers that are left out in turn, so that what they say of themselves is no echo.
        spread: whether answers that were spread over the graph train the committee too, by their confidence.
    """

    trees: Count = 60
    written_weight: Annotated[float, Field(gt=0)] = 25.0
    written_fade: Annotated[float, Field(gt=0)] = 50.0
    cautious_answers: Annotated[float, Field(gt=0)] = 1.0
    oddest: Count = 8
    expected_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.03
    most: Count = 6000
    folds: Annotated[int, Field(ge=2)] = 4
    spread: Flag = False


@dataclass(frozen=True, config=_STRICT)
class CostConfig:
    """What an operator gains and loses, in units of one missed event (see ``rl-tsad costs``).

    Attributes:
        found: gain of an event found at its first window.
        late: share of that gain that a late detection loses in the end.
        patience: windows of delay after which 63 % of ``late`` is lost.
        miss: price of an event that no alarm met.
        opening: price of an alarm that opens outside every event.
        fatigue: what each recent opening adds to the next false or repeated one, up to five.
        memory: windows after which a recent opening counts for 37 %.
        flicker: price of opening again inside an event that was found.
        holding: price of each window of an open alarm outside every event.
        uncovered: price of each window of a found event over which no alarm is open.
        grace: windows after an event in which an alarm still finds it.
        question: price of a question.
    """

    found: _Price = 1.0
    late: Fraction = 0.6
    patience: Annotated[float, Field(gt=0)] = 5.0
    miss: _Price = 1.0
    opening: _Price = 0.5
    fatigue: _Price = 0.1
    memory: Annotated[float, Field(gt=0)] = 50.0
    flicker: _Price = 0.2
    holding: _Price = 0.05
    uncovered: _Price = 0.005
    grace: Annotated[int, Field(ge=0)] = 1
    question: _Price = 0.1


@dataclass(frozen=True, config=_STRICT)
class ControlConfig:
    """Who opens and closes the alarm.

    Attributes:
        actor: ``best`` (a policy where it earned more than the rule beyond doubt and found no fewer answered events,
            else the rule), ``rule`` or ``policy``.
        rule: kind of the alarm rule: ``default`` (hysteresis), ``best`` (the default one, unless a tuned one earned
            more on answers it was not tuned on, beyond doubt), ``threshold``, ``hysteresis``, ``cusum`` or ``hmm``,
            tuned.
        on: log odds above which the default rule opens the alarm.
        off: how far below that it closes.
        moved: share of the break-even point's move by which other prices move the default rule's level; by all of it
            the alarm floods whom a miss costs much, and falls silent where an alarm does.
        presumed: trust that a window nobody answered is normal, where rules are tuned and policies learn.
        candidates: rules that are tried in each round of the search.
        doubt: share of bootstrap samples in which the challenger may earn less and still replace who acts.
    """

    actor: Literal["best", "rule", "policy"] = "best"
    rule: Literal["default", "best", "threshold", "hysteresis", "cusum", "hmm"] = "default"
    on: float = -0.5
    off: Annotated[float, Field(ge=0)] = 0.5
    moved: Fraction = 0.4
    presumed: Fraction = 0.5
    candidates: Count = 96
    doubt: Fraction = 0.05


@dataclass(frozen=True, config=_STRICT)
class AgentConfig:
    """A PPO agent (Schulman et al., 2017) and how its environment pays it.

    There are two: ``agent`` as published, paid for windows; and ``policy``, which follows the alarm rule, is paid for
    events by ``costs``, and acts where it did better than the rule (see :class:`ControlConfig`).

    Attributes:
        envs: cursors stepped at once.
        horizon: windows per episode.
        rollout: steps per cursor between two updates.
        steps: environment steps per training round.
        batch, epochs: windows per update, and passes over each rollout.
        learning_rate: learning rate of the optimiser Adam that updates the policy.
        gae_lambda, clip, entropy: generalised advantage estimation, clipping and entropy bonus of PPO.
        hidden: sizes of the policy's layers.
        rewards: TP, TN, FP, FN for a human-labelled window; a propagated one counts by its weight. The published 5, 1,
            -1, -5 flag too much here, where episodes already start at both classes alike.
        vae_weight: lambda of the VAE term ``lambda * e(s) * (2a - 1)`` on unanswered windows before anybody answered; 0
            turns it off.
        vae_source: what e is made of: ``blend`` (the label-free score; the VAE's error is a part of it only where
            ``vae`` is among detector.members) or ``vae`` (that error alone, as published).
        vae_answers: human answers after which training starts with half of that lambda.
        vae_target: return per step that the lambda controller steers toward.
        vae_rate: how far one unit of return moves lambda; 0 keeps it.
        vae_bounds: lambda never leaves them.
        shaping_weight: scale of the potential; 0 turns shaping off.
        gamma: discount, shared by PPO and the shaping.
        clone_steps: updates in which a fresh policy first imitates the soft-greedy choice; 0 starts PPO from scratch.
        clone_temperature: softness of that choice, in units of reward.
        weight_decay: pull of the network's weights toward 0.
        sees: what the agent sees of its own doing: some of belief, verdict, open, held, recent, budget and horizon.
        lead: log odds by which the actor follows the alarm rule before it has learnt anything; 0 starts from nothing.
        leave: price of each window in which it does not do as the rule does; in training only.
        patience: rollouts without a gain on held-out streams after which training stops.
    """

    envs: Count = 256
    horizon: Count = 16
    rollout: Count = 16
    steps: Annotated[int, Field(ge=0)] = 65_536
    batch: Count = 2048
    epochs: Count = 4
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    gamma: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    gae_lambda: Fraction = 0.95
    clip: Annotated[float, Field(gt=0)] = 0.2
    entropy: Annotated[float, Field(ge=0)] = 0.05
    hidden: tuple[Count, ...] = (64, 64)
    rewards: tuple[float, float, float, float] = (2.0, 1.0, -1.0, -2.0)
    vae_weight: Annotated[float, Field(ge=0)] = 1.0
    vae_source: Literal["blend", "vae"] = "blend"
    vae_target: float = 0.5
    vae_answers: Annotated[float, Field(gt=0)] = 25.0
    vae_rate: Annotated[float, Field(ge=0)] = 0.02
    vae_bounds: tuple[float, float] = (0.02, 2.0)
    shaping_weight: Annotated[float, Field(ge=0)] = 0.5
    clone_steps: Annotated[int, Field(ge=0)] = 0
    clone_temperature: Annotated[float, Field(gt=0)] = 1.0
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    sees: tuple[str, ...] = ("verdict", "budget")
    lead: Annotated[float, Field(ge=0)] = 0.0
    leave: Annotated[float, Field(ge=0)] = 0.0
    patience: Count = 5


@dataclass(frozen=True, config=_STRICT)
class PolicyConfig(AgentConfig):
    """A PPO agent that follows the alarm rule and tries to earn more; settings as in :class:`AgentConfig`."""

    gamma: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.95
    horizon: Count = 64
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    entropy: Annotated[float, Field(ge=0)] = 0.01
    vae_weight: Annotated[float, Field(ge=0)] = 0.0
    shaping_weight: Annotated[float, Field(ge=0)] = 0.0
    sees: tuple[str, ...] = ("verdict", "open", "held", "recent")
    lead: Annotated[float, Field(ge=0)] = 4.0
    leave: Annotated[float, Field(ge=0)] = 0.02
    patience: Count = 12
