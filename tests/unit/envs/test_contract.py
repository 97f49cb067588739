"""Both forms keep the contract, under Gymnasium's, SB3's and our own checker."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_for_gymnasium
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from envs.checks import check_alarm, check_same_trajectories, check_walk, check_window_env
from envs.costs import PUBLISHED, Costs
from envs.errors import EnvError
from envs.potentials import StatePotential, VerdictPotential
from envs.registration import NAME, register
from envs.samples import sample_windows
from envs.shaping import PotentialShaping, VectorPotentialShaping
from envs.vector_env import AHEAD, WindowVectorEnv
from envs.window_data import EnvConfig
from envs.window_env import WindowEnv


def half_answered(rows=40, width=3, runs=3, seed=0, places=0):
    sample = sample_windows(rows, width, runs=runs, prevalence=0.3, seed=seed)
    data = sample.answer(np.arange(0, rows, 2))
    data.weight[::4] = 0.5
    rng = np.random.default_rng(seed)
    place = rng.normal(scale=0.5, size=(rows, places)).astype(np.float32)
    known = np.where(rng.random(rows) < 0.8, sample.truth, -1).astype(np.int8)
    return replace(data, place=place, answer=known, belief=rng.uniform(-10, 10, rows).astype(np.float32))


def forms(data, config, shaped=None):
    def single():
        env = WindowEnv(data, config)
        return env if shaped is None else PotentialShaping(env, shaped, gamma=config.gamma)

    def vector(count):
        env = WindowVectorEnv(count, data, config)
        return env if shaped is None else VectorPotentialShaping(env, shaped, gamma=config.gamma)

    return single, vector


@pytest.mark.slow
@pytest.mark.parametrize("shape", [None, VerdictPotential, StatePotential])
def test_both_forms_keep_the_contract(shape):
    data = half_answered(places=2)
    config = EnvConfig(horizon=7, questions=2, costs=Costs())
    check_window_env(*forms(data, config, shape and shape(data.severity, 0.5)))


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31 - 1),
    rows=st.integers(3, 60),
    runs=st.integers(1, 3),
    horizon=st.integers(1, 20),
    gamma=st.floats(0.0, 0.99),
    count=st.integers(1, 6),
    questions=st.sampled_from([0, 1, 3, 40]),
    places=st.sampled_from([0, 1, 3, 17]),
    costs=st.sampled_from([PUBLISHED, Costs(), Costs(grace=3, window=(2.0, 1.0, -1.0, -2.0), memory=3.0)]),
)
def test_the_vector_form_gives_the_single_forms_trajectories(
    seed, rows, runs, horizon, gamma, count, questions, places, costs
):
    data = half_answered(rows, 2, runs, seed % 97, places)
    config = EnvConfig(horizon=horizon, gamma=gamma, questions=questions, costs=costs)
    single, vector = forms(data, config, VerdictPotential(data.severity))
    check_same_trajectories(single, vector, seed=seed, steps=40, count=count)


def test_trajectories_stay_equal_after_random_draws_are_refilled():
    single, vector = forms(half_answered(), EnvConfig(horizon=1))
    check_same_trajectories(single, vector, seed=3, steps=3 * AHEAD)


def test_passes_gymnasiums_checker():
    register()
    env = gym.make(NAME, data=half_answered())
    check_for_gymnasium(env.unwrapped, skip_render_check=True)


@pytest.mark.filterwarnings("ignore:.*:UserWarning:stable_baselines3")
def test_passes_sb3s_checker():
    check_for_sb3(WindowEnv(half_answered()), warn=True)


def test_both_forms_have_one_name():
    register()
    data = half_answered()
    single = gym.make(NAME, data=data, config=EnvConfig(horizon=3))
    vector = gym.make_vec(register(), num_envs=4, data=data, config=EnvConfig(horizon=3))
    assert isinstance(single.unwrapped, WindowEnv)
    assert isinstance(vector.unwrapped, WindowVectorEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert vector.single_observation_space == single.observation_space


def test_the_checker_notices_a_vector_form_that_differs():
    data, other = half_answered(seed=0), half_answered(seed=1)
    with pytest.raises(EnvError, match=r"at reset\[0\]"):
        check_window_env(lambda: WindowEnv(data), lambda count: WindowVectorEnv(count, other))


def test_the_checker_notices_rewards_that_do_not_add_up():
    class Generous(gym.Wrapper):
        def step(self, action):
            seen, reward, *rest = self.env.step(action)
            return seen, reward + 1.0, *rest

    with pytest.raises(EnvError, match="report every part"):
        check_walk(Generous(WindowEnv(half_answered())), seed=0, steps=5)


@pytest.mark.parametrize(
    ("action", "alarm", "asked", "known"), [(1, 0, 0, -1), (2, 0, 1, 1), (2, 0, 1, -1), (2, 0, 0, 0), (0, 0, 1, -1)]
)
def test_the_checker_notices_an_alarm_that_does_not_obey(action, alarm, asked, known):
    with pytest.raises(EnvError, match=r"answered|told to"):
        check_alarm(action, {"alarm": alarm, "asked": asked}, before=1, known=known)
