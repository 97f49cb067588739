import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import EnvError
from envs.rewards import LambdaController, table_reward, unsigned_vae_reward, vae_reward


@pytest.mark.parametrize(
    ("action", "target", "paid"), [(1, 1, 5.0), (0, 0, 1.0), (1, 0, -1.0), (0, 1, -5.0), (0, -1, 0.0), (1, -1, 0.0)]
)
def test_the_table(action, target, paid):
    assert table_reward(action, target, 1.0) == paid
    assert table_reward(action, target, 0.5) == paid / 2


@given(error=st.floats(-1, 1), weight=st.floats(0, 1))
def test_the_signed_term_is_opposite_for_the_two_actions(error, weight):
    assert vae_reward(1, error, weight) == -vae_reward(0, error, weight)
    assert np.sign(vae_reward(1, error, 0.0)) == np.sign(error)


@given(error=st.floats(-1, 1), target=st.sampled_from([0, 1]), weight=st.floats(0, 1))
def test_a_term_added_to_both_actions_would_change_no_preference(error, target, weight):
    """The contrast: what the published system adds cancels in the difference of the two actions."""
    table = table_reward([0, 1], target, weight)
    published = table + unsigned_vae_reward([0, 1], error)
    assert published[1] - published[0] == pytest.approx(table[1] - table[0])


def test_the_signed_term_does_change_the_preference_on_an_unanswered_window():
    table = table_reward([0, 1], -1, 0.0)
    ours = table + vae_reward([0, 1], 0.4)
    assert table[1] - table[0] == 0.0
    assert ours[1] - ours[0] == pytest.approx(0.8)


@given(returns=st.lists(st.floats(-100, 100), max_size=30))
def test_lambda_stays_within_its_bounds_and_moves_toward_the_target(returns):
    controller = LambdaController(value=1.0, target=0.5, rate=0.1, low=0.2, high=3.0)
    for mean_return in returns:
        before = controller.value
        after = controller.update(mean_return)
        assert 0.2 <= after <= 3.0
        assert (after - before) * (0.5 - mean_return) >= 0.0


def test_a_lambda_that_was_turned_off_stays_off():
    assert LambdaController(value=0.0, target=1.0).update(-10.0) == 0.0


def test_bounds_out_of_order_are_refused():
    with pytest.raises(EnvError, match="0 <= low <= high"):
        LambdaController(value=1.0, target=0.0, low=2.0, high=1.0)
