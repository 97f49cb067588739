from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.samples import sample_windows
from envs.window_data import EnvConfig
from envs.window_env import WindowEnv
from rl_tsad.agent.act import act, follow
from rl_tsad.agent.train import train_agent
from rl_tsad.config import AgentConfig
from rl_tsad.errors import DataError


def leaning_on_the_last_verdict(data, pull):
    """Give an agent whose untrained policy leans hard on the verdict before."""
    agent = train_agent(data, AgentConfig(steps=0, hidden=(16,)), seed=4, budget_left=0.5)
    first = agent.policy.mlp_extractor.policy_net[0]
    first.weight.data[:, -2] *= pull
    agent.policy.action_net.weight.data *= 100.0
    return agent


def step_greedily(agent, data):
    env = WindowEnv(agent.normalise(data), EnvConfig(horizon=data.rows, budget_left=agent.budget_left))
    verdicts = []
    for start in np.flatnonzero(np.append(True, data.last[:-1])):
        seen, over = env.reset(options={"start": start})[0], False
        while not over:
            action = int(agent.policy.predict(seen, deterministic=True)[0])
            verdicts.append(action)
            seen, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
    return verdicts


@pytest.mark.slow
@pytest.mark.parametrize("pull", [0.0, 1.0, 5.0, -5.0])
def test_bulk_verdicts_are_those_of_stepping_greedily(pull):
    data = sample_windows(300, 4, runs=7, seed=2).data
    agent = leaning_on_the_last_verdict(data, pull)
    decisions = act(agent, data, [f"a:{i}:8" for i in range(300)])
    assert decisions.verdict.tolist() == step_greedily(agent, data)
    assert 0 < decisions.verdict.mean() < 1


def test_severities_sway_no_verdict():
    data = sample_windows(200, 4, runs=3, seed=2).data
    agent, keys = leaning_on_the_last_verdict(data, 3.0), [f"a:{i}:8" for i in range(200)]
    silent = replace(data, severity=np.zeros(200, np.float32))
    assert data.severity.any()
    assert np.array_equal(act(agent, silent, keys).probability, act(agent, data, keys).probability)


def test_verdict_probability_and_margin_agree():
    data = sample_windows(200, 4, runs=3, seed=2).data
    decisions = act(leaning_on_the_last_verdict(data, 3.0), data, [f"a:{i}:8" for i in range(200)])
    assert np.array_equal(decisions.verdict == 1, decisions.probability > 0.5)
    assert np.allclose(decisions.margin, np.abs(2 * decisions.probability - 1), atol=1e-6)
    assert decisions.keys[3] == "a:3:8"


@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=60))
def test_following_without_a_loop_is_following_with_one(rows):
    after_normal, after_anomaly, at_start, first = np.array(rows, dtype=bool).T
    first[0] = True
    verdict, expected = False, []
    for i in range(len(rows)):
        verdict = at_start[i] if first[i] else after_anomaly[i] if verdict else after_normal[i]
        expected.append(bool(verdict))
    assert follow(after_normal, after_anomaly, at_start, first).tolist() == expected


def test_every_window_needs_a_key():
    data = sample_windows(5, 2).data
    agent = train_agent(data, AgentConfig(steps=0, hidden=(4,)), seed=0)
    with pytest.raises(DataError, match="expected 5 keys"):
        act(agent, data, ["a:0:8"])
