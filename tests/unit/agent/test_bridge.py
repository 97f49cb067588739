import numpy as np

from envs.potentials import VerdictPotential
from envs.samples import sample_windows
from envs.shaping import VectorPotentialShaping
from envs.track import live_column
from envs.vector_env import WindowVectorEnv
from envs.window_data import EnvConfig
from rl_tsad.agent.bridge import PARTS, CursorVecEnv


def cursors(count=4, horizon=3):
    data = sample_windows(40, 2, runs=2, seed=1).answer(np.arange(0, 40, 3))
    env = WindowVectorEnv(count, data, EnvConfig(horizon=horizon))
    return CursorVecEnv(VectorPotentialShaping(env, VerdictPotential(data.severity), gamma=0.5))


def test_ends_carry_the_final_observation_and_the_rest_carry_nothing():
    env = cursors()
    env.seed(0)
    env.reset()
    for step in range(1, 10):
        seen, _, ended, reports = env.step(np.ones(4, dtype=np.int64))
        assert ended.any() or step % 3
        for i in range(4):
            assert ("terminal_observation" in reports[i]) == ended[i]
        for i in np.flatnonzero(ended):
            assert reports[i]["terminal_observation"][live_column("verdict")] == 1.0
            assert seen[i, live_column("verdict")] == 0.0


def test_a_seed_is_used_once():
    env = cursors(count=30)
    env.seed(3)
    first, onward = env.reset(), env.reset()
    env.seed(3)
    assert np.array_equal(env.reset(), first)
    assert not np.array_equal(first, onward)


def test_totals_add_up_and_start_anew():
    env = cursors()
    env.seed(0)
    env.reset()
    paid = [env.step(np.array([0, 1, 1, 1]))[1].mean() for _ in range(7)]
    totals = env.take_totals()
    assert np.isclose(totals["reward"], np.mean(paid), atol=1e-6)
    assert np.isclose(sum(totals.get(part, 0.0) for part in PARTS), totals["reward"], atol=1e-6)
    assert totals["alarm"] == 0.75
    assert totals["asked"] == 0.0
    assert env.take_totals() == {}


def test_lambda_is_set_for_all_cursors():
    env = cursors()
    env.set_attr("lam", 0.25)
    assert env.get_attr("lam") == [0.25] * 4
