"""The chain as a whole: belief, alarm rule, a policy that follows the rule, and who of the two acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from envs.costs import Costs
from envs.window_data import LIMIT, WindowData
from rl_tsad.agent.act import Decisions, act
from rl_tsad.agent.alarms import AlarmRule, run_rule
from rl_tsad.agent.belief import Belief, Formed, form_belief, log_odds
from rl_tsad.agent.control import AS_SET, DEFAULT, Choice, choose_rule, default_rule, doubt_of, presume, prices
from rl_tsad.agent.history import history
from rl_tsad.agent.observe import centred_error, join_targets
from rl_tsad.agent.train import Agent, train_agent
from rl_tsad.agent.tune import BLOCK, Course, earned_by, found_by, lay_course
from rl_tsad.decision_config import BeliefConfig, ControlConfig, CostConfig, PolicyConfig
from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import UNKNOWN, Bool, Float32, Int8, Int64, Targets

RULE, POLICY = "rule", "policy"
POLICY_ACTS = "actor/policy_acts"
_DEALT = 128  # windows of a stream that go to training, to stopping or to choosing together
_LEARN, _HELD_OUT = (0, 1), (2, 3)  # of four


@dataclass(frozen=True)
class ChainConfig:
    """Settings of the chain's parts.

    Attributes:
        belief: see :class:`rl_tsad.decision_config.BeliefConfig`.
        costs: see :class:`rl_tsad.decision_config.CostConfig`.
        control: see :class:`rl_tsad.decision_config.ControlConfig`.
        policy: see :class:`rl_tsad.decision_config.PolicyConfig`.
    """

    belief: BeliefConfig = field(default_factory=BeliefConfig)
    costs: CostConfig = field(default_factory=CostConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)


@dataclass(frozen=True, eq=False)
class Actor:
    """Who judges windows from now on.

    Attributes:
        belief: how likely a window is anomalous.
        rule: opens and closes the alarm, or leads the policy.
        agent: the policy where it acts, else None.
        chosen: the rule, and why.
        acts: ``rule`` or ``policy``, and why.
    """

    belief: Belief
    rule: AlarmRule
    agent: Agent | None
    chosen: Choice
    acts: Choice

    def decide(self, judgements: Sequence[Judgement]) -> Decisions:
        """Judge windows of series, each from its first window on with the alarm closed.

        Args:
            judgements: one a series, windows in the order of time.

        Returns:
            Decisions in their order: the probability is the belief's, the verdict whether the alarm is open.
        """
        keys = np.concatenate([one.keys for one in judgements])
        logits, episode = self.belief.logits(judgements), episodes_of(judgements)
        alarm = run_rule(self.rule, logits, episode)
        if self.agent is not None:
            alarm = act(self.agent, watch(judgements, logits, alarm), keys).verdict == 1
        probability = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        return Decisions(keys, alarm.astype(np.int8), probability, np.abs(2.0 * probability - 1.0))


@dataclass(frozen=True, eq=False)
class Streams:
    """Windows with answers, real or rehearsed, as rules and policies learn on them.

    Attributes:
        data: what a policy sees and is paid for.
        alarm: (N,) whether the rule's alarm is open.
        part: (N,) int64 in [0, 4), to which quarter a window's stretch was dealt.
        real: (N,) whether a window is the pool's own, and no copy's.
    """

    data: WindowData
    alarm: Bool
    part: Int64
    real: Bool


def learn_chain(
    judgements: Sequence[Judgement],
    targets: Targets,
    rehearsal: Rehearsal,
    config: ChainConfig,
    *,
    seed: int,
    seen: Sequence[Judgement] = (),
    severity: Float32 | None = None,
    progress: Progress = no_progress,
) -> tuple[Actor, dict[str, float]]:
    """Learn from written events and answers, and choose who acts.

    Half of the rehearsed copies teach the belief; rules and policies learn on the others, where the belief is as unsure
    as it will be, and on the pool, where an answered window's belief comes from a committee that did not know it.

    Args:
        judgements: of the pool's windows, one a series.
        targets: answers.
        rehearsal: written events.
        config: settings.
        seed: fixes everything.
        seen: of the same windows, by the detector that learnt on them; see :func:`rl_tsad.agent.belief.form_belief`.
        severity: (N,) float32 in [0, 1] of the pool's windows, for the potential; none of the copies' is known.
        progress: told of PPO's steps.

    Returns:
        The actor, and metrics by path.

    Raises:
        DataError: when there are neither written events nor answers of both kinds.
    """
    mine, others = halves(rehearsal)
    costs, control = prices(config.costs), config.control
    alone = Choice(RULE, {}, 1.0, reason="as control.actor says" if control.actor == RULE else "as policy.steps is 0")
    settled = control.rule == DEFAULT and (control.actor == RULE or not config.policy.steps)  # nothing is compared
    formed = form_belief(judgements, targets, mine, config.belief, seed=seed, seen=seen, apart=not settled)
    if settled:
        actor = Actor(formed.belief, default_rule(control, costs), None, Choice(DEFAULT, {}, 1.0, reason=AS_SET), alone)
        return actor, {POLICY_ACTS: 0.0}
    value, weight = join_targets(np.concatenate([one.keys for one in judgements]), targets)
    known = presume(value, weight, control.presumed)
    course = lay_course(formed.pool, *known, episodes_of(judgements), costs=costs)
    rng = derive_rng(seed, "chain", "rule")
    rule, chosen = choose_rule(course, control, rng, events=int((value == 1).sum()))
    actor = Actor(formed.belief, rule, None, chosen, alone)
    metrics = {f"rule/{name}": value for name, value in chosen.earned.items()} | {POLICY_ACTS: 0.0}
    if control.actor == RULE or not config.policy.steps:
        return actor, metrics
    streams = _lay_streams(judgements, formed, others, rule, known=known, severity=severity, rng=rng)
    agent = train_policy(streams, config.policy, costs, seed=derive_seed(seed, "chain", "policy"), progress=progress)
    acts = choose_actor(agent, streams, costs, control, rng)
    metrics |= {f"actor/{name}": value for name, value in acts.earned.items()} | {"actor/doubt": acts.doubt}
    metrics |= {name: values[-1] for name, values in agent.history.items() if len(values)}
    metrics[POLICY_ACTS] = float(acts.name == POLICY)
    return replace(actor, agent=agent if acts.name == POLICY else None, acts=acts), metrics


def halves(rehearsal: Rehearsal) -> tuple[Rehearsal, Rehearsal]:
    """Cut the copies in two: for the belief, and for those who act on it."""
    count = max(rehearsal.copies, default=-1) + 1
    return rehearsal.of(range((count + 1) // 2)), rehearsal.of(range((count + 1) // 2, count))


def episodes_of(judgements: Sequence[Judgement]) -> Int64:
    """(N,) number of each window's judgement."""
    return np.repeat(np.arange(len(judgements)), [len(one) for one in judgements])


def watch(judgements: Sequence[Judgement], logits: Float32, alarm: Bool) -> WindowData:
    """Lay out what a policy sees of windows: the belief's past, members, label-free score, and the rule's alarm last.

    Args:
        judgements: one a series.
        logits: (N,) belief.
        alarm: (N,) the rule's.

    Returns:
        Windows without answers.
    """
    episode, rows = episodes_of(judgements), len(logits)
    members = np.concatenate([one.members for one in judgements])
    score = np.concatenate([one.prior for one in judgements])
    odds = log_odds(score.astype(np.float64), 1e-3).astype(np.float32)
    shown = [history(logits, episode), members, odds[:, None], np.where(alarm, 1.0, -1.0)[:, None]]
    return WindowData(
        observations=np.clip(np.concatenate(shown, axis=1, dtype=np.float32), -LIMIT, LIMIT),
        target=np.full(rows, UNKNOWN, np.int8),
        weight=np.zeros(rows, np.float32),
        error=centred_error(score),
        severity=np.full(rows, 0.5, np.float32),
        episode=episode,
        belief=np.clip(logits, -LIMIT, LIMIT).astype(np.float32),
    )


def train_policy(
    streams: Streams, config: PolicyConfig, costs: Costs, *, seed: int, progress: Progress = no_progress
) -> Agent:
    """Let PPO improve on the rule on half of the streams' stretches; the copies' other half says when to stop."""
    stop = _course_of(streams, np.isin(streams.part, _HELD_OUT) & ~streams.real, costs)

    def held_out(agent: Agent) -> float:
        return float(earned_by(_alarm_of(agent, streams), stop).sum())

    kept = _rows_of(streams, np.isin(streams.part, _LEARN))
    return train_agent(kept, config, seed=seed, costs=costs, held_out=held_out, progress=progress)


def choose_actor(
    agent: Agent, streams: Streams, costs: Costs, config: ControlConfig, rng: np.random.Generator
) -> Choice:
    """Choose between the rule and a policy on the half of the pool that the policy did not learn on.

    A policy must earn more beyond doubt and find no fewer of the answered events: one that is merely quieter may earn
    more where most alarms are false, and is no better at what it is for. And there must be events enough to tell: a
    bootstrap of two or three is sure of everything, while a coin falls the same way n times with a chance of 1 / 2^n.
    Written events have no say in it: on the simulated plants a policy that earned more on them, even on held-out ones,
    earned less on real faults. So before there are answers the rule acts.
    """
    counted = np.isin(streams.part, _HELD_OUT) & streams.real
    course = _course_of(streams, counted, costs)
    alarms = {RULE: streams.alarm, POLICY: _alarm_of(agent, streams)}
    paid = {name: earned_by(alarm, course, block=BLOCK) for name, alarm in alarms.items()}
    found = {name: found_by(alarm, course) for name, alarm in alarms.items()}
    shown = {name: 1000.0 * float(value.sum()) / max(int(counted.sum()), 1) for name, value in paid.items()}
    events = found_by(np.ones_like(streams.alarm), course)
    enough = events >= fewest_events(config.doubt)
    doubt = doubt_of(paid[POLICY] - paid[RULE], rng) if enough else 1.0
    if config.actor == POLICY:
        return Choice(POLICY, shown, doubt, found, "as control.actor says")
    if not events:
        return Choice(RULE, {}, 1.0, {}, "as there is no answered event yet that the policy did not learn on")
    if not enough:
        return Choice(RULE, shown, 1.0, found, f"as {events} answered events that the policy did not learn on are few")
    if doubt > config.doubt:
        return Choice(RULE, shown, 1.0, found, "as the policy did not earn more beyond doubt")
    if found[POLICY] < found[RULE]:
        return Choice(RULE, shown, 1.0, found, "as the policy earned more and found fewer events")
    return Choice(POLICY, shown, doubt, found, "as it earned more beyond doubt and found no fewer events")


def fewest_events(doubt: float) -> int:
    """Give how many events it takes to be so sure that something finds more of them than something else.

    Example:
        >>> fewest_events(0.05), fewest_events(0.5)
        (5, 1)
    """
    return int(np.ceil(-np.log2(np.clip(doubt, 1e-3, 0.5))))


def _lay_streams(
    judgements: Sequence[Judgement],
    formed: Formed,
    others: Rehearsal,
    rule: AlarmRule,
    *,
    known: tuple[Int8, Float32],
    severity: Float32 | None,
    rng: np.random.Generator,
) -> Streams:
    """Lay the pool and the copies that the belief does not know side by side."""
    every = [*judgements, *others.judgements]
    logits = np.concatenate([formed.pool, *([formed.belief.logits(others.judgements)] if others.truth else [])])
    alarm = run_rule(rule, logits, episodes_of(every))
    target = np.concatenate([known[0], *others.truth])
    weight = np.concatenate([known[1], np.ones(len(target) - len(known[0]), np.float32)])
    data = replace(watch(every, logits, alarm), target=target, weight=weight)
    if severity is not None:
        data = replace(data, severity=np.concatenate([severity, data.severity[len(severity) :]]))
    return Streams(data, alarm, _deal(data.episode, rng), np.arange(len(target)) < len(known[0]))


def _deal(episode: Int64, rng: np.random.Generator) -> Int64:
    """Deal stretches of each episode into four parts, (N,) int64."""
    first = np.flatnonzero(np.append(True, np.diff(episode) != 0))
    place = np.arange(len(episode)) - np.repeat(first, np.diff(np.append(first, len(episode))))
    stretch = np.cumsum(np.append(True, (np.diff(episode) != 0) | (place[1:] % _DEALT == 0))) - 1
    count = int(stretch[-1]) + 1
    return np.asarray((rng.permutation(count) % 4)[stretch], dtype=np.int64)


def _stretches(streams: Streams) -> Int64:
    """(N,) a number for each stretch: what is dealt apart is an episode of its own."""
    changed = (np.diff(streams.data.episode) != 0) | (np.diff(streams.part) != 0)
    return np.asarray(np.cumsum(np.append(True, changed)), dtype=np.int64)


def _rows_of(streams: Streams, kept: Bool) -> WindowData:
    data = streams.data
    return WindowData(
        observations=data.observations[kept],
        target=data.target[kept],
        weight=data.weight[kept],
        error=data.error[kept],
        severity=data.severity[kept],
        episode=_stretches(streams)[kept],
        belief=data.beliefs[kept],
    )


def _course_of(streams: Streams, counted: Bool, costs: Costs) -> Course:
    """Lay out everything, but let only some windows count: elsewhere nothing is known."""
    data = streams.data
    target = np.where(counted, data.target, UNKNOWN).astype(np.int8)
    return lay_course(data.beliefs, target, data.weight, _stretches(streams), costs=costs)


def _alarm_of(agent: Agent, streams: Streams) -> Bool:
    data = streams.data
    return np.asarray(act(agent, data, np.empty(data.rows, dtype="<U1")).verdict == 1)
