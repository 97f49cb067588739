"""Shaping changes no policy: a small environment solved exactly, with and without a potential."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from envs.costs import Costs
from envs.potentials import StatePotential, VerdictPotential
from envs.samples import sample_windows
from envs.shaping import PotentialShaping
from envs.track import NONE_YET
from envs.window_data import EnvConfig
from envs.window_env import WindowEnv

ROWS = 5
TIE = 1e-9


def small(seed):
    """Five windows with an event among them, all prices on, two questions and answers that spread."""
    sample = sample_windows(ROWS, 1, prevalence=0.5, seed=seed)
    data = sample.answer(np.arange(ROWS))
    return replace(
        data, answer=np.where(np.arange(ROWS) == 1, -1, sample.truth).astype(np.int8), place=data.observations
    )


def returns(env, gamma):
    """Give the discounted return of every sequence of actions, from row 0 to the end of the run."""
    result = {}
    for actions in product(range(3), repeat=ROWS):
        env.reset(options={"start": 0})
        steps = [env.step(action) for action in actions]
        assert steps[-1][2]
        result[actions] = sum(gamma**time * step[1] for time, step in enumerate(steps))
    return result


def best(values):
    top = max(values.values())
    return {actions for actions, value in values.items() if value > top - TIE}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [VerdictPotential, StatePotential])
@pytest.mark.parametrize(("seed", "gamma"), [(2, 0.5), (7, 0.9)])
def test_shaping_changes_returns_by_a_constant_and_no_best_policy(kind, seed, gamma):
    data, rules = small(seed), EnvConfig(costs=Costs(window=(0.2, 0.1, -0.1, -0.2)), questions=2, gamma=gamma)
    assert 0 < data.target.sum() < ROWS
    potential = kind(data.severity, 0.7)
    plain = returns(WindowEnv(data, rules), gamma)
    shaped = returns(PotentialShaping(WindowEnv(data, rules), potential, gamma=gamma), gamma)
    first = float(potential(0, NONE_YET, NONE_YET))
    assert max(abs(shaped[actions] - plain[actions] + first) for actions in plain) < TIE
    assert best(shaped) == best(plain)
    assert len(best(plain)) < len(plain)


@pytest.mark.slow
def test_a_bonus_that_is_no_potential_does_change_the_best_policy():
    """The contrast: paying for an alarm that agrees with the severity, without taking it back a step later."""
    data, rules = small(2), EnvConfig(costs=Costs(), questions=2, gamma=0.5)
    potential = VerdictPotential(1.0 - data.severity, 2.0)
    env, bonus = WindowEnv(data, rules), {}
    for actions in product(range(3), repeat=ROWS):
        env.reset(options={"start": 0})
        steps = [env.step(action) for action in actions]
        paid = [one[1] + float(potential(one[4]["row"], one[4]["judged"], one[4]["alarm"])) for one in steps]
        bonus[actions] = sum(0.5**time * value for time, value in enumerate(paid))
    assert best(bonus).isdisjoint(best(returns(env, 0.5)))
