"""Which rule opens and closes the alarm: the default one, unless a tuned one earned more beyond doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from envs.costs import Costs
from rl_tsad.agent.alarms import KINDS, AlarmRule, Kind
from rl_tsad.agent.tune import BLOCK, Course, earned, lay_course, tune_rules
from rl_tsad.decision_config import ControlConfig, CostConfig
from rl_tsad.types import Float32, Float64, Int8, Int64

DEFAULT = "default"
AS_SET = "as control.rule says"
_SAMPLES = 2000
_CHEAPEST = 1e-3  # price below which there is nothing to weigh


@dataclass(frozen=True)
class Choice:
    """Who was chosen, and why.

    Attributes:
        name: of the chosen one.
        earned: utility per 1000 windows of each that was compared, by name.
        doubt: share of bootstrap samples in which the chosen one earned no more than the one it replaced; 1 where it
            replaced none.
        found: answered events that each found, by name, where they are counted.
        reason: why, in words.
    """

    name: str
    earned: Mapping[str, float]
    doubt: float
    found: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    def why(self) -> str:
        """Say it in a sentence; utility is in units of a missed event.

        Example:
            >>> Choice("rule", {}, 1.0, reason="as control.actor says").why()
            'rule acts, as control.actor says'
            >>> earned, found = {"rule": 1.0, "policy": 2.5}, {"rule": 4, "policy": 3}
            >>> Choice("rule", earned, 1.0, found, "as the policy earned more and found fewer events").why()
            'rule acts, as the policy earned more and found fewer events (earned per 1000 windows, in missed events: rule +1.0, policy +2.5; answered events found: rule 4, policy 3)'
        """  # noqa: E501
        text = f"{self.name} acts" + (f", {self.reason}" if self.reason else "")
        if len(self.earned) < 2:
            return text
        names = sorted(self.earned, key=lambda name: name != self.name)
        shown = "earned per 1000 windows, in missed events: "
        shown += ", ".join(f"{name} {self.earned[name]:+.1f}" for name in names)
        if self.found:
            shown += "; answered events found: " + ", ".join(f"{name} {self.found[name]}" for name in names)
        if self.doubt < 1:
            shown += f"; doubt {100 * self.doubt:.0f} %"
        return f"{text} ({shown})"


def prices(config: CostConfig) -> Costs:
    """Give an operator's prices as the environment takes them.

    Example:
        >>> prices(CostConfig(miss=2.0)).miss
        2.0
    """
    return Costs(**asdict(config))


def break_even(costs: Costs) -> float:
    """Give the log odds of an event above which opening an alarm earns more than keeping quiet.

    Opening pays where ``p * (found + miss) > (1 - p) * (opening + holding)``.

    Example:
        >>> round(break_even(Costs(found=1.0, miss=1.0, opening=2.0, holding=0.0)), 3)
        0.0
    """
    return float(np.log(max(costs.opening + costs.holding, _CHEAPEST) / max(costs.found + costs.miss, _CHEAPEST)))


def default_rule(config: ControlConfig, costs: Costs | None = None) -> AlarmRule:
    """Give the rule that acts until another one has earned more.

    Its level was chosen at the default prices; other prices move it by a share of what they move the break-even point.

    Args:
        config: level and width at the default prices, and how far others move the level.
        costs: the operator's prices; the default ones when omitted.

    Example:
        >>> default_rule(ControlConfig()).kind, default_rule(ControlConfig(), Costs(opening=0.1)).on < 0
        ('hysteresis', True)
    """
    moved = config.moved * (break_even(costs) - break_even(Costs())) if costs else 0.0
    return AlarmRule("hysteresis", on=config.on + moved, off=config.off)


def presume(value: Int8, weight: Float32, trust: float) -> tuple[Int8, Float32]:
    """Take windows that nobody answered for normal ones, with some trust.

    Args:
        value: (N,) int8, -1 where unknown.
        weight: (N,) float32 trust in the known ones.
        trust: in a normal that is presumed.

    Example:
        >>> [part.tolist() for part in presume(np.array([1, -1], np.int8), np.ones(2, np.float32), 0.5)]
        [[1, 0], [1.0, 0.5]]
    """
    unknown = value < 0
    return np.where(unknown, 0, value).astype(np.int8), np.where(unknown, trust, weight).astype(np.float32)


def choose_rule(
    course: Course, config: ControlConfig, rng: np.random.Generator, *, events: int
) -> tuple[AlarmRule, Choice]:
    """Tune rules on streams and choose one.

    Args:
        course: streams with answers; see :func:`presume`.
        config: which kinds may be chosen, and how much doubt is allowed.
        rng: draws candidates and bootstrap samples.
        events: events among the answers; without one there is nothing to tune on, and the default rule acts.

    Returns:
        The rule and why it acts.
    """
    rules: dict[str, AlarmRule] = {DEFAULT: default_rule(config, course.costs)}
    paid: dict[str, Float64] = {DEFAULT: earned(rules[DEFAULT], course, block=BLOCK)[0]}
    if config.rule != "default" and events:
        kinds: tuple[Kind, ...] = KINDS if config.rule == "best" else (config.rule,)
        for kind, one in tune_rules(course, rng, kinds=kinds, candidates=config.candidates).items():
            rules[kind], paid[kind] = one.rule, one.utility
    shown = {name: 1000.0 * float(value.sum()) / course.windows for name, value in paid.items()}
    if config.rule not in {"best", DEFAULT} and config.rule in rules:
        return rules[config.rule], Choice(config.rule, shown, 1.0, reason=AS_SET)
    chosen, doubt = DEFAULT, 1.0
    for name in rules:
        if name != chosen and (share := doubt_of(paid[name] - paid[chosen], rng)) <= config.doubt:
            chosen, doubt = name, share
    if config.rule == DEFAULT:
        reason = AS_SET
    elif not events:
        reason = "as there is no answered event to tune others on"
    elif chosen == DEFAULT:
        reason = "as no tuned rule earned more beyond doubt where it was not tuned"
    else:
        reason = "as it earned more beyond doubt where it was not tuned"
    return rules[chosen], Choice(chosen, shown, doubt, reason=reason)


def doubt_of(gains: Float64, rng: np.random.Generator) -> float:
    """Give the share of paired bootstrap samples in which the challenger earned no more (Efron & Tibshirani, 1993).

    Args:
        gains: (B,) what the challenger earned more, block by block.
        rng: draws the samples.

    Example:
        >>> doubt_of(np.ones(9), np.random.default_rng(0)), doubt_of(np.zeros(9), np.random.default_rng(0))
        (0.0, 1.0)
    """
    if not len(gains):
        return 1.0
    counts = rng.multinomial(len(gains), np.full(len(gains), 1.0 / len(gains)), size=_SAMPLES)  # (R, B)
    return float(np.mean(counts @ gains <= 1e-12))


def answered_course(
    belief: Float32, value: Int8, weight: Float32, episode: Int64, *, costs: Costs, presumed: float
) -> Course:
    """Lay out the pool with its answers as streams; see :func:`presume` for the other windows."""
    known = presume(value, weight, presumed)
    return lay_course(belief, *known, episode, costs=costs)
