"""Settings of how a belief is formed, what alarms and questions cost, and who acts on the belief."""

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
            windows; the fewer people have answered, the more they count.
        cautious_answers: answered windows at which the committee counts as much as the cautious blend of the committee,
            of the members' weights learnt on written events, and of the label-free score.
        expected_share: share of windows that the cautious blend takes for anomalous.
        most: written events' windows that train a committee at most.
        folds: parts of the answers that are left out in turn, so that what they say of themselves is no echo.
        spread: whether answers that were spread over the graph train the committee too, by their confidence.
    """

    trees: Count = 60
    written_weight: Annotated[float, Field(gt=0)] = 25.0
    cautious_answers: Annotated[float, Field(gt=0)] = 10.0
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
        actor: ``best`` (a policy where it earned more than the rule beyond doubt, else the rule), ``rule`` or
            ``policy``.
        rule: kind of the alarm rule: ``default`` (hysteresis), ``best`` (the default one, unless a tuned one earned more
            on answers it was not tuned on, beyond doubt), ``threshold``, ``hysteresis``, ``cusum`` or ``hmm``, tuned.
        on: log odds above which the default rule opens the alarm.
        off: how far below that it closes.
        presumed: trust that a window nobody answered is normal, where rules are tuned and policies learn.
        candidates: rules that are tried in each round of the search.
        doubt: share of bootstrap samples in which the challenger may earn less and still replace who acts.
    """

    actor: Literal["best", "rule", "policy"] = "best"
    rule: Literal["default", "best", "threshold", "hysteresis", "cusum", "hmm"] = "default"
    on: float = 0.0
    off: Annotated[float, Field(ge=0)] = 0.5
    presumed: Fraction = 0.5
    candidates: Count = 96
    doubt: Fraction = 0.05
