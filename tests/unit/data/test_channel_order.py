import numpy as np
import pytest

from rl_tsad.data.channel_order import in_trained_order, reordered
from rl_tsad.errors import DataError
from rl_tsad.types import Series


def series(name: str, *channels: str) -> Series:
    values = np.arange(2 * len(channels), dtype=np.float32).reshape(2, -1)
    return Series(name, values, np.arange(2), channels, exogenous=np.arange(len(channels)) > 0)


def test_roles_move_with_their_channels_and_rows_stay_rows() -> None:
    moved = reordered(series("a", "x", "y", "z"), ("z", "x", "y"))
    assert moved.values.tolist() == [[2, 0, 1], [5, 3, 4]]
    assert moved.values.flags.c_contiguous
    assert moved.targets.tolist() == [1]


def test_a_series_own_order_goes_before_the_first_ones() -> None:
    trained = {"a": ("x", "y"), "b": ("y", "x")}
    assert in_trained_order(series("b", "x", "y"), trained).channels == ("y", "x")
    assert in_trained_order(series("new", "y", "x"), trained).channels == ("x", "y")


def test_a_single_channel_may_be_called_anything() -> None:
    one = series("a", "temp")
    assert in_trained_order(one, {"a": ("value",)}) is one


def test_where_trained_series_differ_in_names_a_new_one_may_too() -> None:
    trained = {"a": ("x", "y"), "b": ("u", "v")}
    new = series("new", "p", "q")
    assert in_trained_order(new, trained) is new
    assert in_trained_order(series("new", "v", "u"), trained).channels == ("u", "v")
    with pytest.raises(DataError, match="lacks 'u', 'v', unknown is 'x', 'y'"):
        in_trained_order(series("b", "x", "y"), trained)
    with pytest.raises(DataError, match="expected 2 channels as in training, got 3"):
        in_trained_order(series("new", "p", "q", "r"), trained)


def test_long_lists_are_cut() -> None:
    many = tuple("abcdefgh")
    with pytest.raises(DataError, match="'e' and 2 more;"):
        in_trained_order(series("a", "h"), {"a": many})
