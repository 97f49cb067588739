import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rl_tsad.data.scaling import Scale, fit_scale
from rl_tsad.language.describe import QUIET, describe

CHANNELS = ("flow", "pressure", "motor")
LENGTH = 60


def calm(count=80, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, LENGTH, width)).astype(np.float32)


def texts_of(values):
    return describe(values, Scale(np.zeros(values.shape[2]), np.ones(values.shape[2])), CHANNELS[: values.shape[2]])


def spike(values):
    values[7, 5, 1] += 40


def dip(values):
    values[7, 55, 1] -= 40


def level(values):
    values[7, 40:, 1] += 12


def drift(values):
    values[7, :, 1] -= np.linspace(-6, 6, LENGTH)


def oscillation(values):
    values[7, :, 1] += 8 * np.sin(np.arange(LENGTH))


def stuck(values):
    values[7, :, 1] = values[7, 0, 1]


def bursts(values):
    values[7, [5, 15, 25, 35, 45, 55], 1] += 40


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (spike, ["spike in pressure", "early"]),
        (dip, ["dip in pressure", "late"]),
        (level, ["upward level shift in pressure", "late"]),
        (drift, ["downward drift in pressure"]),
        (oscillation, ["oscillation in pressure"]),
        (stuck, ["stuck reading in pressure"]),
        (bursts, ["repeated spikes in pressure"]),
    ],
)
def test_each_fault_is_called_by_its_name(fault, words):
    values = calm()
    fault(values)
    texts = texts_of(values)
    assert all(word in texts[7] for word in words), texts[7]
    assert np.mean([text == QUIET for text in texts]) > 0.6


def test_stronger_faults_get_stronger_words():
    words = []
    for size in (5.5, 6.6, 9.5, 50):
        values = calm()
        values[7, 57, 0] = size
        words.append(texts_of(values)[7].split()[0])
    assert words == ["Slight", "Clear", "Strong", "Extreme"]


def test_at_most_two_channels_are_named():
    values = calm()
    values[7, 30, :2] += 40
    values[8, 30, :] += 40
    texts = texts_of(values)
    assert sum(name in texts[7] for name in CHANNELS) == 2
    assert "many channels" in texts[8]
    assert sum(name in texts[8] for name in CHANNELS) == 1


def test_what_is_usual_for_a_series_is_not_worth_telling():
    values = calm(width=1)
    values[:, ::10, 0] += 30
    assert np.mean([text == QUIET for text in texts_of(values)]) > 0.9


def test_a_command_that_mostly_stands_still_is_not_stuck():
    values = np.zeros((50, LENGTH, 1), np.float32)
    assert set(texts_of(values)) == {QUIET}


def test_units_do_not_matter():
    values = calm()
    level(values)
    flat = values.reshape(-1, 3)
    other = (values * 1000 + 5e4).astype(np.float32)
    assert describe(values, fit_scale(flat), CHANNELS) == describe(other, fit_scale(other.reshape(-1, 3)), CHANNELS)


def test_distinct_sentences_stay_few():
    rng = np.random.default_rng(5)
    values = (calm(5000) * rng.lognormal(0, 1, (5000, 1, 3))).astype(np.float32)
    assert len(set(texts_of(values))) < 600


@settings(deadline=None, max_examples=30)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(2, 12), st.integers(1, 3)),
        elements=st.floats(-1e5, 1e5, width=32),
    )
)
def test_any_finite_window_gets_a_sentence(values):
    texts = describe(values, fit_scale(values.reshape(-1, values.shape[2])), CHANNELS[: values.shape[2]])
    assert len(texts) == len(values)
    assert all(text.endswith(".") for text in texts)


def test_only_targets_are_named_and_the_others_explain_them():
    command = np.repeat(np.random.default_rng(0).choice([0.0, 8.0], (80, 3)), LENGTH // 3, axis=1)
    values = calm()
    values[:, :, 0] += command
    values[:, :, 2] = command
    values[7, 30, 2] += 500
    values[8, 20:40, 0] += 9
    scale = fit_scale(values.reshape(-1, 3))
    texts = describe(values, scale, CHANNELS, targets=np.array([0, 1]))
    assert not any("motor" in text for text in texts)
    assert "flow against the other channels" in texts[8]
    assert "motor" in describe(values, scale, CHANNELS)[7]
