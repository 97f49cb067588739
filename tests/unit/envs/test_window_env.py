from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.costs import PUBLISHED, Costs
from envs.errors import EnvError
from envs.samples import sample_windows
from envs.track import LIVE, live_column
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig, WindowData, blank_data
from envs.window_env import WindowEnv


def live(seen, name):
    return float(seen[..., live_column(name)])


def test_what_the_agent_did_is_observed():
    env = WindowEnv(blank_data(5, 2), EnvConfig(budget_left=0.25, horizon=4))
    seen = [env.reset(seed=0, options={"start": 0})[0]]
    seen += [env.step(action)[0] for action in (0, 1, 1, 2)]
    shown = {name: [live(one, name) for one in seen] for name in LIVE}
    assert shown["verdict"] == [0, -1, 1, 1, 0]
    assert shown["open"] == [0, 0, 1, 1, 1]
    assert shown["held"] == pytest.approx(np.log1p([0, 1, 0, 1, 2]))
    assert shown["recent"] == pytest.approx([0, 0, 1, np.exp(-1 / 50), np.exp(-2 / 50)])
    assert shown["budget"] == [0.25] * 5
    assert shown["horizon"] == [1, 0.75, 0.5, 0.25, 0]
    assert shown["belief"] == shown["shift"] == shown["answer"] == [0] * 5


def test_how_long_an_alarm_has_been_open_is_seen_up_to_a_limit():
    env = WindowEnv(blank_data(9, 1), EnvConfig(held_limit=2))
    env.reset(options={"start": 0})
    assert [live(env.step(0)[0], "held") for _ in range(4)] == pytest.approx(np.log1p([1, 2, 2, 2]))


def test_an_episode_terminates_at_the_end_of_its_run_and_is_cut_at_the_horizon():
    data = sample_windows(6, 1, runs=2).data
    env = WindowEnv(data, EnvConfig(horizon=2))
    env.reset(options={"start": 2})
    assert env.step(0)[2:4] == (True, False)
    env.reset(options={"start": 0})
    assert [env.step(0)[2:4] for _ in range(2)] == [(False, False), (False, True)]


def test_answers_pay_by_the_table_and_unanswered_windows_by_the_signed_term():
    sample = sample_windows(4, 1, prevalence=1.0)
    data = sample.answer(np.array([0, 1]))
    data.weight[1] = 0.25
    env = WindowEnv(data, EnvConfig(vae_weight=2.0))
    env.reset(options={"start": 0})
    rewards = [env.step(1)[1] for _ in range(3)]
    signed = 2.0 * data.error.astype(np.float64)
    assert rewards == pytest.approx([5.0, 0.25 * 5.0 + 0.75 * signed[1], signed[2]])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), actions=st.lists(st.integers(0, 1), min_size=1, max_size=20))
def test_at_the_published_prices_verdicts_pay_by_the_published_table_alone(seed, actions):
    sample = sample_windows(20, 1, prevalence=0.4, seed=seed)
    env = WindowEnv(sample.answer(np.arange(20)), EnvConfig(costs=PUBLISHED))
    env.reset(options={"start": 0})
    paid = {(1, 1): 5.0, (0, 0): 1.0, (1, 0): -1.0, (0, 1): -5.0}
    assert [env.step(a)[1] for a in actions] == [
        paid[a, y] for a, y in zip(actions, sample.truth.tolist(), strict=False)
    ]


def test_events_and_windows_pay_side_by_side():
    data = sample_windows(4, 1, prevalence=1.0).answer(np.arange(4))
    env = WindowEnv(data, EnvConfig(costs=replace(Costs(), window=PUBLISHED.window)))
    env.reset(options={"start": 0})
    _, reward, _, _, info = env.step(1)
    assert (info["event_reward"], info["table_reward"], reward) == (1.0, 5.0, 6.0)


def test_an_episode_that_starts_inside_an_event_may_still_find_or_miss_it():
    data = sample_windows(4, 1, prevalence=1.0).answer(np.arange(4))
    env = WindowEnv(data, EnvConfig(costs=Costs(late=0.5, patience=2.0)))
    for action, paid in ((1, [0.5 + 0.5 * np.exp(-1.0), 0.0]), (0, [0.0, -1.0])):
        env.reset(options={"start": 2})
        assert [env.step(action)[4]["event_reward"] for _ in range(2)] == pytest.approx(paid)


def test_lambda_may_be_moved_between_steps():
    data = sample_windows(9, 1).data
    for env, action in ((WindowEnv(data), 1), (WindowVectorEnv(1, data), np.array([1]))):
        env.reset(options={"start": 3})
        env.lam = 0.0
        assert env.step(action)[1] == 0.0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(2, 50), runs=st.integers(1, 2), horizon=st.integers(1, 9))
def test_a_cursor_never_leaves_its_run_nor_its_box(seed, rows, runs, horizon):
    data = sample_windows(rows, 2, runs=runs, seed=seed).data
    data = replace(data, belief=10 * data.error, place=data.observations, answer=(data.severity > 0.5).astype(np.int8))
    env = WindowEnv(data, EnvConfig(horizon=horizon, questions=seed % 4, spread=20.0, costs=Costs()))
    seen, info = env.reset(seed=seed)
    run, steps, over = data.episode[info["row"]], 0, False
    while not over:
        seen, _, terminated, truncated, info = env.step((seed + steps) % 3)
        over, steps = terminated or truncated, steps + 1
        assert data.episode[info["row"]] == run
        assert env.observation_space.contains(seen)
    assert steps <= horizon


def test_episodes_start_where_the_weight_is():
    data = blank_data(5, 1)
    chosen = WindowData(**{**vars(data), "start_weight": np.array([0.0, 0.0, 3.0, 0.0, 1.0])})
    rows = WindowVectorEnv(4000, chosen).reset(seed=1)[1]["row"]
    assert set(rows.tolist()) == {2, 4}
    assert np.mean(rows == 2) == pytest.approx(0.75, abs=0.03)


def test_a_seed_starts_the_same_stream_again_and_no_seed_goes_on():
    env = WindowVectorEnv(50, sample_windows(1000, 1).data)
    first, onward, again = (env.reset(seed=seed)[1]["row"].tolist() for seed in (7, None, 7))
    assert first == again
    assert first != onward


def test_seeds_may_be_given_cursor_by_cursor():
    env = WindowVectorEnv(3, sample_windows(1000, 1).data)
    rows = env.reset(seed=[5, None, 5])[1]["row"]
    assert rows[0] == rows[2]
    with pytest.raises(EnvError, match="expected 3 seeds, got 2"):
        env.reset(seed=[1, 2])


def test_returned_arrays_stay_as_they_were():
    env = WindowVectorEnv(4, sample_windows(30, 2).data, EnvConfig(horizon=2))
    kept = [env.reset(seed=0)]
    copies = [kept[0][0].copy()]
    rows = [kept[0][1]["row"].copy()]
    for _ in range(5):
        seen, *_, infos = env.step(np.array([0, 1, 0, 1]))
        kept.append((seen, infos))
        copies.append(seen.copy())
        rows.append(infos["row"].copy())
    assert all(np.array_equal(one[0], two) for one, two in zip(kept, copies, strict=True))
    assert all(np.array_equal(one[1]["row"], two) for one, two in zip(kept, rows, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observations": np.full((4, 2), np.nan, np.float32)}, "expected observations in"),
        ({"observations": np.full((4, 2), 11, np.float32)}, "expected observations in"),
        ({"observations": np.zeros(4, np.float32)}, r"expected observations \(N, F\)"),
        ({"target": np.full(4, 2, np.int8)}, "expected target in"),
        ({"weight": np.zeros(3, np.float32)}, "expected weight of shape"),
        ({"error": np.full(4, 2.0, np.float32)}, "expected error in"),
        ({"severity": np.full(4, -1.0, np.float32)}, "expected severity in"),
        ({"episode": np.array([0, 1, 0, 1])}, "stand together"),
        ({"belief": np.full(4, 11, np.float32)}, "expected belief in"),
        ({"belief": np.zeros(3, np.float32)}, "expected belief of shape"),
        ({"place": np.zeros(4, np.float32)}, "expected place of shape"),
        ({"place": np.full((4, 1), np.inf, np.float32)}, "expected place in"),
        ({"answer": np.full(4, 2, np.int8)}, "expected answer in"),
        ({"start_weight": np.zeros(4)}, "expected finite start_weight"),
        ({"start_weight": np.array([1.0, -1.0, 1.0, 1.0])}, "expected finite start_weight"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    with pytest.raises(EnvError, match=message):
        WindowData(**{**vars(blank_data(4, 2)), **change})


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon": 0},
        {"budget_left": 1.5},
        {"gamma": 1.0},
        {"questions": -1},
        {"spread": -1.0},
        {"held_limit": 0},
        {"held_limit": 30_000},
    ],
)
def test_rules_out_of_range_are_refused(wrong):
    with pytest.raises(EnvError, match="expected"):
        EnvConfig(**wrong)


def test_misuse_is_refused_in_words():
    env = WindowEnv(blank_data(2, 1))
    with pytest.raises(EnvError, match=r"call reset\(\)"):
        env.step(0)
    env.reset(seed=0, options={"start": 1})
    with pytest.raises(EnvError, match="0 says normal"):
        env.step(3)
    env.step(0)
    with pytest.raises(EnvError, match=r"call reset\(\)"):
        env.step(0)
    with pytest.raises(EnvError, match="drop them"):
        env.reset(options={"begin": 1})
    with pytest.raises(EnvError, match="count rows from 0"):
        env.reset(options={"start": 2})


@pytest.mark.parametrize("actions", [np.array([0, 3]), np.array([0.0, 1.0]), np.array([0]), np.array([-1, 0])])
def test_the_vector_form_refuses_actions_that_are_none(actions):
    env = WindowVectorEnv(2, blank_data(5, 1))
    env.reset(seed=0)
    with pytest.raises(EnvError, match="integer actions"):
        env.step(actions)
