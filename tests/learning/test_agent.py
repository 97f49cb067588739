"""PPO learns from few answers: clearly better than saying normal, and than guessing."""

import numpy as np
import pytest
import torch

from envs.samples import sample_windows
from rl_tsad.agent.act import act
from rl_tsad.agent.train import train_agent
from rl_tsad.decision_config import AgentConfig
from rl_tsad.evaluation.metrics import auc_pr, point_f1

pytestmark = pytest.mark.learning


def judged(answers, seed, **settings):
    """Train on half of a made-up set with some answers; give truth and decisions on the other half."""
    torch.set_num_threads(1)
    pool = sample_windows(4000, 8, runs=4, prevalence=0.08, seed=seed)
    test = sample_windows(4000, 8, runs=4, prevalence=0.08, seed=seed + 1000)
    rng = np.random.default_rng(seed)
    odd = np.argsort(-pool.data.error)[:400]
    rows = np.concatenate([rng.choice(odd, answers // 2, replace=False), rng.choice(4000, answers - answers // 2)])
    agent = train_agent(pool.answer(rows), AgentConfig(**settings), seed=seed)
    return test, act(agent, test.data, [f"a:{i}:8" for i in range(4000)])


@pytest.mark.parametrize("seed", [0, 1])
def test_forty_answers_beat_always_normal_and_guessing(seed):
    test, decisions = judged(40, seed)
    reached = point_f1(test.truth, decisions.verdict)
    guessing = point_f1(test.truth, np.random.default_rng(seed).integers(0, 2, 4000).astype(np.int8))
    always_normal = point_f1(test.truth, np.zeros(4000, np.int8))
    assert reached > guessing + 0.2
    assert reached > always_normal + 0.2
    assert 0.01 < decisions.verdict.mean() < 0.3


@pytest.mark.parametrize("seed", [0, 1])
def test_the_signed_term_alone_teaches_without_any_answer(seed):
    test, decisions = judged(0, seed)
    assert auc_pr(test.truth, decisions.probability) > 3 * test.truth.mean()
    assert 0.01 < decisions.verdict.mean() < 0.3


def test_with_neither_answers_nor_the_signed_term_the_agent_stays_undecided():
    """The contrast: shaping may hint (GAE keeps a trace of it while the critic is imperfect) but settles nothing."""
    _, with_term = judged(0, 0)
    _, without = judged(0, 0, vae_weight=0.0)
    assert without.margin.mean() < 0.3 * with_term.margin.mean()


def test_more_answers_judge_better():
    """Ranking gains too little to be seen in three seeds: AUC-PR .649 with none, .658 with 100, means of eight."""
    few, many = ([judged(count, seed) for seed in (0, 1, 2)] for count in (0, 100))
    means = [np.mean([point_f1(test.truth, made.verdict) for test, made in runs]) for runs in (few, many)]
    assert means[1] > means[0] + 0.05
