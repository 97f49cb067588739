"""The two facts that make shaping right, and the contrast with the published form."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import EnvError
from envs.potentials import StatePotential, VerdictPotential
from envs.samples import sample_windows
from envs.shaping import PotentialShaping, VectorPotentialShaping
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig
from envs.window_env import WindowEnv

GAMMA = 0.5


def walk(env, actions, start=0):
    """Give the shaping of each step, the end of the walk and the alarm there."""
    env.reset(seed=0, options={"start": start})
    added, terminated = [], False
    for action in actions:
        _, _, terminated, truncated, info = env.step(action)
        added.append(info["shaping"])
        if terminated or truncated:
            break
    return np.array(added), terminated, info["alarm"]


def shaped(kind, data, **rules):
    config = EnvConfig(gamma=GAMMA, **rules)
    return PotentialShaping(WindowEnv(data, config), kind(data.severity), gamma=GAMMA)


def test_two_actions_have_two_different_shaped_rewards():
    data = sample_windows(10, 2, seed=4).data
    env = shaped(VerdictPotential, data)
    for start in range(9):
        pair = []
        for action in (0, 1):
            env.reset(options={"start": start})
            pair.append(env.step(action)[1])
        base = 2.0 * float(data.error[start])  # lambda = 1: e - (-e)
        lean = GAMMA * 2.0 * (2.0 * float(data.severity[start]) - 1.0)
        assert lean != 0.0
        assert pair[1] - pair[0] == pytest.approx(base + lean)


def test_the_published_potential_of_the_state_alone_would_cancel():
    data = sample_windows(10, 2, seed=4).data
    env = shaped(StatePotential, data)
    for start in range(9):
        pair = []
        for action in (0, 1):
            env.reset(options={"start": start})
            pair.append(env.step(action)[4]["shaping"])
        assert pair[0] == pair[1]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    actions=st.lists(st.integers(0, 2), min_size=1, max_size=40),
    horizon=st.integers(1, 40),
    kind=st.sampled_from([VerdictPotential, StatePotential]),
)
def test_the_discounted_sum_telescopes(seed, actions, horizon, kind):
    data = sample_windows(30, 1, seed=seed).data
    env = shaped(kind, replace(data, answer=(data.severity > 0.5).astype(np.int8)), horizon=horizon, questions=3)
    added, terminated, alarm = walk(env, actions)
    steps = len(added)
    first = float(env.potential(0, -1, -1))
    reached = 0.0 if terminated else float(env.potential(steps, steps - 1, alarm))
    total = float(np.sum(GAMMA ** np.arange(steps) * added))
    assert total == pytest.approx(GAMMA**steps * reached - first, abs=1e-12)


def test_the_sum_over_a_whole_series_depends_on_no_action():
    data = sample_windows(12, 1, seed=2).data
    env = shaped(VerdictPotential, data)
    for actions in ([0] * 12, [1] * 12, [0, 1] * 6):
        added, terminated, _ = walk(env, actions)
        assert terminated
        assert np.sum(GAMMA ** np.arange(12) * added) == pytest.approx(0.0, abs=1e-12)


def test_base_reward_and_shaping_add_up_in_the_vector_form():
    data = sample_windows(30, 1, seed=2).data
    env = VectorPotentialShaping(
        WindowVectorEnv(8, data, EnvConfig(horizon=3)), VerdictPotential(data.severity), gamma=GAMMA
    )
    env.reset(seed=0)
    for step in range(9):
        _, rewards, *_, infos = env.step(np.arange(8) % 2)
        part = infos.get("final_info", infos) if (step + 1) % 3 == 0 else infos
        here = part["_shaping"]
        assert np.allclose((part["base_reward"] + part["shaping"])[here], rewards[here])


@pytest.mark.parametrize("gamma", [0.9, 1.0, -0.1])
def test_a_gamma_that_is_not_the_agents_is_refused(gamma):
    data = sample_windows(5, 1).data
    potential = VerdictPotential(data.severity)
    with pytest.raises(EnvError, match="agent's"):
        PotentialShaping(WindowEnv(data, EnvConfig(gamma=GAMMA)), potential, gamma=gamma)
    with pytest.raises(EnvError, match="agent's"):
        VectorPotentialShaping(WindowVectorEnv(2, data, EnvConfig(gamma=GAMMA)), potential, gamma=gamma)


def test_nothing_was_judged_yet_means_no_potential():
    assert VerdictPotential(np.ones(3, np.float32))(0, -1, -1) == 0.0
