from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rl_tsad.agent.observe import centred_error, observe, start_weights
from rl_tsad.errors import DataError
from rl_tsad.types import Targets


def told(**answers):
    keys = [name.replace("_", ":") for name in answers]
    values, weights = zip(*answers.values(), strict=True)
    return Targets(
        np.array(keys), np.array(values, np.int8), np.array(weights, np.float32), np.array(["human"] * len(keys))
    )


def test_answers_are_joined_by_key_not_by_place(judge):
    judgements = [judge("a", [0.1, 0.2]), judge("b", [0.3, 0.4, 0.5])]
    targets = told(b_16_64=(1, 1.0), x_0_64=(1, 1.0), a_8_64=(0, 0.5))
    data = observe(judgements, targets, np.linspace(0, 1, 5, dtype=np.float32))
    assert data.target.tolist() == [-1, 0, -1, -1, 1]
    assert data.weight.tolist() == [0, 0.5, 0, 0, 1]
    assert data.episode.tolist() == [0, 0, 1, 1, 1]
    assert data.severity.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_every_signal_of_the_judgement_is_observed(judge):
    data = observe([judge("a", [0.0, 1.0])], told(x_0_64=(1, 1.0)), np.zeros(2, np.float32))
    assert data.width == 2 + 4 + 2
    assert np.isfinite(data.observations).all()


def test_e_can_be_the_vaes_error_alone(judge):
    one = replace(judge("a", [0.1, 0.9]), vae_error=np.array([0.8, 0.2], np.float32))
    blend, vae = (
        observe([one], told(x_0_64=(1, 1.0)), np.zeros(2, np.float32), error=error).error for error in ("blend", "vae")
    )
    assert blend[0] < blend[1]
    assert vae[0] > vae[1]


def test_severities_must_be_one_a_window(judge):
    with pytest.raises(DataError, match="a severity for each"):
        observe([judge("a", [0.1])], told(x_0_64=(1, 1.0)), np.zeros(2, np.float32))
    with pytest.raises(DataError, match="at least one window"):
        observe([], told(x_0_64=(1, 1.0)), np.zeros(0, np.float32))


@given(arrays(np.float32, st.integers(1, 80), elements=st.floats(0, 1, width=32)))
def test_e_rises_with_the_score_and_flags_only_the_oddest(score):
    e = centred_error(score)
    order = np.argsort(score, kind="stable")
    assert np.all(np.diff(e[order]) >= 0)
    assert np.all((e >= -1) & (e <= 1))
    assert np.mean(e > 0) <= 0.1 + 1 / len(score)


def test_saying_normal_everywhere_is_paid_and_anomaly_everywhere_is_not():
    e = centred_error(np.random.default_rng(0).random(1000).astype(np.float32))
    assert -e.sum() > 0 > e.sum()


def test_episodes_start_at_answers_half_the_time_and_at_both_classes_alike():
    target = np.array([-1] * 996 + [0, 0, 0, 1], dtype=np.int8)
    weight = np.where(target >= 0, 1.0, 0.0).astype(np.float32)
    p = start_weights(target, weight, np.zeros(1000, np.float32))
    assert p.sum() == pytest.approx(1.0)
    assert p[-4:-1].sum() == pytest.approx(0.25, abs=0.01)
    assert p[-1] == pytest.approx(0.25, abs=0.01)


def test_without_answers_odd_windows_are_visited_more():
    error = np.linspace(-1, 1, 100, dtype=np.float32)
    p = start_weights(np.full(100, -1, np.int8), np.zeros(100, np.float32), error)
    assert p[-1] > 2 * p[0] > 0
