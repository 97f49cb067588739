import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rl_tsad.data.habits import learn_habit, take_notes
from rl_tsad.data.heard import Barred, hear, inherit, load_heard, save_heard, shapes
from rl_tsad.data.scaling import Scale
from rl_tsad.errors import CheckpointError

COORDINATES = st.floats(-50, 50, width=32)


@given(
    arrays(np.float32, (15, 2), elements=COORDINATES),
    arrays(np.float32, 4, elements=st.floats(0, 1, width=32)),
    arrays(np.float32, 15, elements=st.floats(0, 1, width=32)),
)
@settings(max_examples=50, deadline=None)
def test_what_is_inherited_lies_between_answers_and_rule(points, answers, prior):
    given_ = inherit(hear(points[:4], answers, points), points, prior)
    low, high = min(answers.min(), prior.min()), max(answers.max(), prior.max())
    assert np.all((given_ >= low - 1e-6) & (given_ <= high + 1e-6))


def test_an_answer_holds_for_its_window_and_fades_with_distance():
    points = np.array([[0.0], [0.2], [0.5], [40.0]], np.float32)
    found = inherit(hear(points[:1], np.array([1.0], np.float32), points), points, np.zeros(4, np.float32))
    assert found[0] == pytest.approx(1.0)
    assert np.all(np.diff(found) < 0)
    assert found[3] == pytest.approx(0.0)


def test_without_answers_the_rule_stands():
    prior, points = np.array([0.2, 0.7], np.float32), np.zeros((2, 3), np.float32)
    nothing = hear(points[:0], prior[:0], points)
    assert inherit(nothing, points, prior).tolist() == prior.tolist()
    assert inherit(hear(points, prior, points), points[:0], prior[:0]).shape == (0,)


def test_what_is_barred_is_not_inherited_however_alike():
    points = np.array([[0.0], [0.0], [0.0], [0.0]], np.float32)
    said = hear(points[:2], np.array([1.0, 0.2], np.float32), points)
    at = np.array([0, 100, 8, 500])
    found = inherit(said, points, np.zeros(4, np.float32), barred=Barred(at, at[:2], within=50))
    assert found == pytest.approx([0.2, 1.0, 0.2, 0.6])
    alone = inherit(said, points, np.full(4, 0.3, np.float32), barred=Barred(at, at[:2], within=1000))
    assert alone == pytest.approx([0.3] * 4)


def test_look_alikes_are_close_whatever_their_channel_and_unit():
    values = np.random.default_rng(0).normal(size=(40, 32, 2)).astype(np.float32)
    values[7, 20:, 0] += 12
    values[8, 20:, 1] += 12
    values[9, 20:, 1] -= 12
    scale = Scale(np.array([0.0, 500.0]), np.array([1.0, 30.0]))
    values = (values * scale.spread + scale.center).astype(np.float32)
    points = shapes(values, take_notes(values, learn_habit(values, scale)), learn_habit(values, scale))
    assert points.shape == (40, 21)
    apart = np.linalg.norm(points[7] - points, axis=1)
    assert apart[8] < 0.4 * np.median(apart)
    assert apart[9] > apart[8] * 2


@pytest.mark.parametrize("harm", ["cut", "gone", "shape"])
def test_damage_is_explained(tmp_path, harm):
    file = tmp_path / "heard.npz"
    points = np.zeros((3, 2), np.float32)
    save_heard(hear(points, np.zeros(2 if harm == "shape" else 3, np.float32), points), file)
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:100])
    if harm == "gone":
        file.unlink()
    with pytest.raises(CheckpointError, match="expected what a language model said of windows"):
        load_heard(file)
