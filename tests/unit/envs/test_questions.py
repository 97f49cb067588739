"""Asking, against accounts kept by hand."""

from dataclasses import replace

import numpy as np
import pytest

from envs.costs import PUBLISHED, Costs
from envs.questions import MEMORY
from envs.track import ASK, live_column
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig, blank_data
from envs.window_env import WindowEnv

PRICED = replace(PUBLISHED, question=0.1)


def known(*answers, place=None, belief=None):
    rows = len(answers)
    columns = {"answer": np.array(answers, np.int8)}
    if place is not None:
        columns["place"] = np.array(place, np.float32).reshape(rows, -1)
    if belief is not None:
        columns["belief"] = np.array(belief, np.float32)
    return replace(blank_data(rows, 1), **columns)


def walk(env, *actions):
    """Step from row 0; give what is seen and reported after each step."""
    env.reset(options={"start": 0})
    seen, infos = [], []
    for action in actions:
        one, _, _, _, info = env.step(action)
        seen.append(one)
        infos.append(info)
    return np.array(seen), infos


def shown(seen, name):
    return seen[:, live_column(name)].tolist()


def test_an_answer_settles_the_alarm_and_costs_its_price():
    env = WindowEnv(known(1, 0, 1, 0), EnvConfig(costs=PRICED, questions=4))
    seen, infos = walk(env, ASK, ASK, 0, ASK)
    assert [info["alarm"] for info in infos] == [1, 0, 0, 0]
    assert [info["asked"] for info in infos] == [1, 1, 0, 1]
    assert [info["event_reward"] for info in infos] == [-0.1, -0.1, 0.0, -0.1]
    assert shown(seen, "answer") == [1, -1, -1, -1]
    assert shown(seen, "verdict") == [0, 0, -1, 0]


def test_where_nobody_knows_the_question_is_spent_and_the_alarm_stays():
    env = WindowEnv(known(0, -1, 0), EnvConfig(costs=PRICED, questions=2, budget_left=0.5))
    seen, infos = walk(env, 1, ASK, 0)
    assert [info["alarm"] for info in infos] == [1, 1, 0]
    assert [info["event_reward"] for info in infos] == [0.0, -0.1, 0.0]
    assert shown(seen, "budget") == [0.5, 0.25, 0.25]
    assert shown(seen, "answer") == [0, 0, 0]


def test_when_the_questions_are_spent_asking_does_nothing_and_costs_nothing():
    env = WindowEnv(known(1, 0, 0), EnvConfig(costs=PRICED, questions=1))
    seen, infos = walk(env, ASK, ASK, ASK)
    assert [info["alarm"] for info in infos] == [1, 1, 1]
    assert [info["asked"] for info in infos] == [1, 0, 0]
    assert [info["event_reward"] for info in infos] == [-0.1, 0.0, 0.0]
    assert shown(seen, "budget") == [0, 0, 0]


def test_an_answered_event_is_found():
    data = replace(known(0, 1, 1, 0), target=np.array([0, 1, 1, 0], np.int8), weight=np.ones(4, np.float32))
    _, infos = walk(WindowEnv(data, EnvConfig(costs=Costs(), questions=1)), 0, ASK, 1, 0)
    assert [info["event_reward"] for info in infos] == pytest.approx([0.0, 0.9, 0.0, 0.0])


def test_without_another_answer_asking_reveals_the_target():
    data = replace(blank_data(2, 1), target=np.array([1, 1], np.int8), weight=np.ones(2, np.float32))
    _, infos = walk(WindowEnv(data, EnvConfig(questions=1)), ASK)
    assert infos[0]["alarm"] == 1


def test_answers_move_the_belief_of_what_lies_near_by_the_formula():
    place, belief = [[0, 0], [1, 0], [0, 2], [9, 9]], [0.5, -1.0, 2.0, 3.0]
    env = WindowEnv(known(1, 0, 0, 0, place=place, belief=belief), EnvConfig(questions=4, spread=3.0))
    seen, _ = walk(env, ASK, ASK, 0)
    moved = [3.0 * np.exp(-0.5), 3.0 * (np.exp(-2.0) - np.exp(-2.5)), 0.0]
    assert shown(seen, "shift") == pytest.approx(moved, abs=1e-6)
    assert shown(seen, "belief") == pytest.approx(np.add(belief[1:], moved), abs=1e-6)


def test_beliefs_stay_in_their_box():
    env = WindowEnv(known(1, 1, 1, place=[0, 0, 0], belief=[9, 9, 9]), EnvConfig(questions=2, spread=20.0))
    seen, _ = walk(env, ASK, ASK)
    assert shown(seen, "belief") == [10, 10]
    assert shown(seen, "shift") == [1, 1]


def test_without_places_an_answer_stays_with_its_window():
    seen, _ = walk(WindowEnv(known(1, 1, 1), EnvConfig(questions=3)), ASK, ASK)
    assert shown(seen, "shift") == [0, 0]


def test_a_memory_of_sixteen_answers_forgets_the_oldest():
    place = np.full(MEMORY + 3, 100.0)
    place[0], place[-2:] = 0.0, 0.0  # the first answer and what is seen at the end lie together, all others far off
    env = WindowEnv(known(*[1] * len(place), place=place), EnvConfig(questions=MEMORY + 3))
    full, _ = walk(env, *[ASK] * MEMORY, 0)
    assert shown(full, "shift")[-1] == pytest.approx(2.0)
    over, _ = walk(env, *[ASK] * (MEMORY + 1))
    assert shown(over, "shift")[-1] == 0.0


def test_another_episode_begins_with_all_questions_and_no_answers():
    env = WindowVectorEnv(2, known(1, 1, 1, 1, place=[0, 0, 0, 0]), EnvConfig(questions=1, horizon=2))
    env.reset(seed=0, options={"start": [0, 2]})
    env.step(np.array([ASK, 0]))
    seen, _, _, truncated, infos = env.step(np.array([0, ASK]))
    assert truncated[0]
    assert shown(infos["final_obs"][:1], "shift") == [2.0]
    assert shown(seen, "shift") == shown(seen, "answer") == [0, 0]
    assert shown(seen, "budget") == [1, 1]
