import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch

from envs.samples import sample_windows
from envs.track import ASK, LIVE, live_column, observation_space
from envs.window_data import EnvConfig
from rl_tsad.agent.clone import soft_greedy
from rl_tsad.agent.follow import first_lambda
from rl_tsad.agent.policy import VerdictPolicy, build_policy
from rl_tsad.agent.train import load_agent, save_agent, train_agent
from rl_tsad.decision_config import AgentConfig
from rl_tsad.errors import CheckpointError, ConfigError

TINY = AgentConfig(envs=8, rollout=8, batch=32, steps=256, epochs=2, hidden=(8,), horizon=4)


def answered(seed=0, rows=120):
    sample = sample_windows(rows, 3, runs=2, seed=seed)
    return sample.answer(np.arange(0, rows, 5))


def weights(agent):
    return {name: value.numpy().copy() for name, value in agent.policy.state_dict().items()}


def same(one, two):
    return all(np.array_equal(one[name], two[name]) for name in one)


def test_the_same_seed_gives_the_same_agent_bit_by_bit():
    one, two, other = (weights(train_agent(answered(), TINY, seed=seed)) for seed in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)


def test_training_leaves_torchs_own_random_stream_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train_agent(answered(), TINY, seed=0)
    assert torch.equal(torch.rand(1), expected)


def test_training_leaves_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train_agent(answered(), TINY, seed=0)
    assert not list(tmp_path.iterdir())


def test_an_agent_comes_back_from_disk_as_it_was(tmp_path):
    agent = train_agent(answered(), TINY, seed=0, budget_left=0.5)
    digest = save_agent(agent, tmp_path)
    back = load_agent(tmp_path, digest)
    assert same(weights(agent), weights(back))
    assert back.config == agent.config
    assert (back.budget_left, back.vae_weight, back.history) == (0.5, agent.vae_weight, agent.history)
    assert np.array_equal(back.center, agent.center)
    assert np.array_equal(back.spread, agent.spread)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_a_changed_checkpoint_is_refused(tmp_path):
    digest = save_agent(train_agent(answered(), TINY, seed=0), tmp_path)
    head = json.loads((tmp_path / "agent.json").read_text())
    head["facts"]["config"]["gamma"] = 0.9
    (tmp_path / "agent.json").write_text(json.dumps(head))
    with pytest.raises(CheckpointError, match="expected digest"):
        load_agent(tmp_path, digest)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path):
    save_agent(train_agent(answered(), TINY, seed=0), tmp_path)
    head = json.loads((tmp_path / "agent.json").read_text())
    head["facts"]["config"]["hidden"] = [9]
    (tmp_path / "agent.json").write_text(json.dumps(head))
    with pytest.raises(CheckpointError, match="another architecture"):
        load_agent(tmp_path)


def test_a_warm_start_goes_on_with_the_same_normalisation():
    before = train_agent(answered(), TINY, seed=0)
    shifted = answered()
    shifted = replace(shifted, observations=np.clip(shifted.observations + 3, -10, 10))
    after = train_agent(shifted, replace(TINY, steps=0), seed=0, warm=before)
    assert np.array_equal(after.center, before.center)
    assert same(weights(after), weights(before))
    with pytest.raises(ConfigError, match="expected 3 features, got 2"):
        train_agent(sample_windows(20, 2).data, TINY, seed=0, warm=before)


def test_the_policy_is_rebuilt_the_way_ppo_builds_it():
    agent = train_agent(answered(), replace(TINY, steps=0), seed=0)
    rebuilt = build_policy(TINY, 3)
    assert str(rebuilt) == str(agent.policy)


def test_lambda_is_really_fed_back():
    up = train_agent(answered(), replace(TINY, vae_target=100.0), seed=0)
    down = train_agent(answered(), replace(TINY, vae_target=-100.0), seed=0)
    off = train_agent(answered(), replace(TINY, vae_weight=0.0), seed=0)
    assert up.vae_weight == TINY.vae_bounds[1]
    assert down.vae_weight == TINY.vae_bounds[0]
    assert up.history["agent/lambda"] != down.history["agent/lambda"]
    assert abs(up.history["agent/vae_return"][-1]) > abs(down.history["agent/vae_return"][-1])
    assert set(off.history["agent/vae_return"]) == {0.0}


def test_answers_take_weight_from_lambda():
    sample = sample_windows(100, 2)
    lams = [first_lambda(TINY, sample.answer(np.arange(n))) for n in (0, 25, 75)]
    assert lams == [1.0, 0.5, 0.25]


def test_a_minibatch_that_does_not_divide_a_rollout_is_refused():
    with pytest.raises(ConfigError, match="divide envs"):
        train_agent(answered(), replace(TINY, batch=48), seed=0)


def test_progress_reaches_its_total_and_metrics_have_paths():
    told = []
    agent = train_agent(answered(), TINY, seed=0, progress=lambda *facts: told.append(facts))
    assert told[-1] == ("agent/ppo", 256, 256)
    assert all(name.startswith("agent/") for name in agent.history)
    assert len(agent.history["agent/base_return"]) == 4


def test_the_head_start_imitates_what_the_rewards_say():
    data = answered()
    wanted = soft_greedy(data, EnvConfig(), 1.0)
    known = data.target >= 0
    assert np.array_equal(wanted[known] > 0.5, data.target[known] == 1)
    assert np.array_equal(wanted[~known] > 0.5, data.error[~known] > 0)
    cloned = train_agent(data, replace(TINY, steps=0, clone_steps=200, hidden=(16,)), seed=0)
    assert cloned.history["agent/clone_loss"][0] < np.log(2)


def test_shaping_may_be_turned_off():
    agent = train_agent(answered(), replace(TINY, shaping_weight=0.0), seed=0)
    assert set(agent.history["agent/shaping_return"]) == {0.0}


def test_an_agent_that_asks_nothing_gives_asking_no_chance_and_no_gradient():
    agent = train_agent(answered(), TINY, seed=0)
    seen = torch.randn(64, 3 + len(LIVE), generator=torch.Generator().manual_seed(0))
    distribution = agent.policy.get_distribution(seen)
    assert torch.equal(distribution.distribution.probs[:, ASK], torch.zeros(64))
    assert torch.isfinite(distribution.entropy()).all()
    assert distribution.entropy().max() <= np.log(2) + 1e-6
    assert not (agent.policy.predict(seen.numpy())[0] == ASK).any()
    values, logits, entropy = agent.policy.evaluate_actions(seen, torch.zeros(64))
    (values.sum() + logits.sum() + entropy.sum()).backward()
    gradient = agent.policy.action_net.weight.grad
    assert torch.isfinite(gradient).all()
    assert gradient[:ASK].abs().sum() > 0 == gradient[ASK].abs().sum()
    assert set(agent.history["agent/asked"]) == {0.0}


def test_an_agent_whose_windows_alone_are_paid_sees_its_last_verdict_and_the_budget_alone():
    policy = build_policy(TINY, 3)
    seen = torch.ones(1, 3 + len(LIVE))
    for name in LIVE:
        other = seen.clone()
        other[0, live_column(name)] = 0.5
        same_choice = torch.equal(*(policy.get_distribution(one).distribution.probs for one in (seen, other)))
        assert same_choice == (name not in AgentConfig().sees)
    assert not any("features_extractor" in name for name in policy.state_dict())


def test_a_policy_may_be_let_ask():
    asking = VerdictPolicy(observation_space(3), gym.spaces.Discrete(3), lambda _: 1e-3, asks=True)
    probability = asking.get_distribution(torch.zeros(1, 3 + len(LIVE))).distribution.probs
    assert float(probability[0, ASK].detach()) == pytest.approx(1 / 3, abs=0.01)
