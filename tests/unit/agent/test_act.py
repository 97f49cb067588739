from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from envs.costs import PUBLISHED, Costs
from envs.samples import sample_windows
from envs.track import LIVE, live_column
from envs.window_env import WindowEnv
from rl_tsad.agent.act import act
from rl_tsad.agent.policy import Sight
from rl_tsad.agent.scan import greedy_lean, lay_lanes
from rl_tsad.agent.train import rules_of, train_agent
from rl_tsad.decision_config import AgentConfig
from rl_tsad.errors import DataError

ENDLESS = 2**62
"""A horizon of which no share is ever used up."""


def leaning_on_its_past(data, pull, hidden=(16,), sees=LIVE):
    """Give an agent whose untrained policy sees its past and leans hard on what it did before."""
    agent = train_agent(data, AgentConfig(steps=0, hidden=hidden), seed=4, budget_left=0.5)
    sight = Sight(agent.policy.observation_space, sees)
    agent.policy.features_extractor.center.copy_(sight.center)
    agent.policy.features_extractor.factor.copy_(sight.factor)
    first = agent.policy.mlp_extractor.policy_net[0] if hidden else agent.policy.action_net
    for name in ("verdict", "open", "held", "recent"):
        first.weight.data[:, live_column(name)] *= pull
    agent.policy.action_net.weight.data *= 100.0
    return agent


def step_greedily(agent, data, costs=PUBLISHED):
    """Walk each run in the environment itself; give actions and alarms."""
    rules = replace(rules_of(agent.config, budget_left=agent.budget_left), costs=costs, horizon=ENDLESS)
    env = WindowEnv(agent.normalise(data), rules)
    actions, alarms = [], []
    for start in np.flatnonzero(np.append(True, data.last[:-1])):
        seen, over = env.reset(options={"start": start})[0], False
        while not over:
            actions.append(int(agent.policy.predict(seen, deterministic=True)[0]))
            seen, _, terminated, truncated, info = env.step(actions[-1])
            alarms.append(info["alarm"])
            over = terminated or truncated
    return actions, alarms


def test_a_horizon_without_end_is_never_used_up():
    assert np.float32(1.0 - 10**6 / ENDLESS) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("costs", [PUBLISHED, Costs()])
@pytest.mark.parametrize(
    ("pull", "hidden", "sees"),
    [
        (0.0, (16,), LIVE),
        (1.0, (16, 8), LIVE),
        (5.0, (16,), LIVE),
        (-5.0, (16,), LIVE),
        (2.0, (), LIVE),
        (5.0, (8,), AgentConfig().sees),
    ],
)
def test_verdicts_are_those_of_stepping_the_environment_greedily(pull, hidden, sees, costs):
    data = sample_windows(300, 4, runs=7, seed=2).data
    data = replace(data, belief=5.0 * data.error)
    agent = leaning_on_its_past(data, pull, hidden, sees)
    decisions = act(agent, data, [f"a:{i}:8" for i in range(300)])
    actions, alarms = step_greedily(agent, data, costs)
    assert decisions.verdict.tolist() == actions == alarms
    assert 0 < decisions.verdict.mean() < 1


@pytest.mark.slow
def test_probabilities_are_the_policys_own_where_the_walk_leads():
    data = sample_windows(60, 4, seed=2).data
    agent = leaning_on_its_past(data, 3.0)
    env = WindowEnv(agent.normalise(data), replace(rules_of(agent.config, budget_left=0.5), horizon=ENDLESS))
    seen, expected = env.reset(options={"start": 0})[0], []
    for _ in range(60):
        probs = agent.policy.get_distribution(torch.from_numpy(seen[None])).distribution.probs[0].detach().numpy()
        expected.append(probs[1])
        seen = env.step(int(probs.argmax()))[0]
    assert act(agent, data, [str(i) for i in range(60)]).probability == pytest.approx(expected, abs=1e-4)


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8), block=st.integers(1, 12), burn=st.integers(0, 12))
def test_lanes_count_each_row_once_and_stay_in_their_run(sizes, block, burn):
    first = np.cumsum([0, *sizes[:-1]])
    run = np.repeat(np.arange(len(sizes)), sizes)
    lanes = lay_lanes(first, len(run), block, burn)
    counted = []
    for start, length, early in zip(lanes.start, lanes.length, lanes.burn, strict=True):
        assert len(set(run[start : start + length])) == 1
        assert early == min(burn, start + early - first[run[start]])
        assert length - early <= block
        counted += range(start + early, start + length)
    assert sorted(counted) == list(range(len(run)))
    assert np.all(np.diff(lanes.length) <= 0)


@pytest.mark.slow
def test_blocks_of_a_long_run_settle_in():
    data = sample_windows(3000, 4, runs=2, seed=2).data
    agent, first = leaning_on_its_past(data, 1.0), np.array([0, 1500])
    whole = greedy_lean(agent, data, lay_lanes(first, 3000))
    cut = greedy_lean(agent, data, lay_lanes(first, 3000, block=100, burn=400))
    assert np.array_equal(whole[:100], cut[:100])
    assert np.mean((whole > 0) == (cut > 0)) > 0.99
    hasty = greedy_lean(agent, data, lay_lanes(first, 3000, block=100, burn=0))
    assert np.mean((whole > 0) == (hasty > 0)) < np.mean((whole > 0) == (cut > 0))


def test_severities_sway_no_verdict():
    data = sample_windows(200, 4, runs=3, seed=2).data
    agent, keys = leaning_on_its_past(data, 3.0), [f"a:{i}:8" for i in range(200)]
    silent = replace(data, severity=np.zeros(200, np.float32))
    assert data.severity.any()
    assert np.array_equal(act(agent, silent, keys).probability, act(agent, data, keys).probability)


def test_verdict_probability_and_margin_agree():
    data = sample_windows(200, 4, runs=3, seed=2).data
    decisions = act(leaning_on_its_past(data, 3.0), data, [f"a:{i}:8" for i in range(200)])
    assert np.array_equal(decisions.verdict == 1, decisions.probability > 0.5)
    assert np.allclose(decisions.margin, np.abs(2 * decisions.probability - 1), atol=1e-6)
    assert decisions.keys[3] == "a:3:8"


def test_every_window_needs_a_key():
    data = sample_windows(5, 2).data
    agent = train_agent(data, AgentConfig(steps=0, hidden=(4,)), seed=0)
    with pytest.raises(DataError, match="expected 5 keys"):
        act(agent, data, ["a:0:8"])
