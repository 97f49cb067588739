import numpy as np
import pytest

from rl_tsad.data.excuses import SITUATIONS, Excuse, excused
from rl_tsad.data.facts import DRIFT, OSCILLATION, SHIFT, SPIKE, STUCK
from rl_tsad.data.habits import Notes

CHANNELS = ("flow", "pressure", "valve", "load")


def noted(kind, **given):
    count = len(kind)
    said = {
        "strength": np.full(count, 2),
        "excess": np.full(count, 7.0, np.float32),
        "upward": np.zeros(count, np.bool_),
        "third": np.ones(count, np.int8),
        "repeated": np.zeros(count, np.bool_),
        "against": np.zeros(count, np.bool_),
        "channel": np.zeros(count, np.int64),
        "second": np.full(count, -1),
        "many": np.zeros(count, np.bool_),
    }
    return Notes(kind=np.array(kind), **{**said, **{name: np.array(value) for name, value in given.items()}})


def free(excuse, notes, times=None, zone=None):
    times = np.arange(len(notes.kind)) if times is None else np.array(times, "datetime64[ns]")
    return excused([excuse], notes, CHANNELS, times, zone).tolist()


def test_every_situation_is_some_notes_and_no_two_of_a_kind_and_number_are_the_same():
    for name, situation in SITUATIONS.items():
        notes = noted([situation.kinds[0]], many=[situation.many], upward=[bool(situation.upward)])
        assert free(Excuse("", (name,)), notes) == [True]
    assert len(set(SITUATIONS.values())) == len(SITUATIONS)


def test_a_stop_is_many_channels_at_another_level_and_one_channel_there_is_none():
    notes = noted([SHIFT, DRIFT, SHIFT, SPIKE, STUCK], many=[True, True, False, True, True])
    assert free(Excuse("", ("many channels move to another level",)), notes) == [True, True, False, False, False]


def test_direction_matters_where_a_note_says_so():
    notes = noted([SPIKE, SPIKE, OSCILLATION], upward=[True, False, True])
    assert free(Excuse("", ("a channel dips",)), notes) == [False, True, False]
    assert free(Excuse("", ("a channel swings",)), notes) == [False, False, True]


def test_a_named_channel_excuses_no_other_nor_a_second_one_beside_it():
    notes = noted([SPIKE] * 3, upward=[True] * 3, channel=[0, 1, 0], second=[-1, -1, 2])
    assert free(Excuse("", ("a channel spikes",), ("flow",)), notes) == [True, False, False]
    assert free(Excuse("", ("a channel spikes",), ("flow", "valve")), notes) == [True, False, True]


def test_nothing_is_excused_where_nothing_stands_out():
    notes = noted([SPIKE, SPIKE], strength=[0, 1], upward=[True, True])
    assert free(Excuse("", ("a channel spikes",)), notes) == [False, True]


def test_days_and_hours_are_local_and_a_span_may_last_beyond_midnight():
    times = ["2024-01-02T21:30", "2024-01-02T22:30", "2024-01-03T03:30", "2024-01-03T23:00"]  # Tuesday, Wednesday
    notes = noted([SPIKE] * 4)
    night = Excuse("", (), (), (1,), ((22.0, 28.0),))
    assert free(night, notes, times) == [False, True, True, False]
    assert free(night, notes, times, "Asia/Tokyo") == [False, False, False, False]
    assert free(Excuse("", (), (), (), ((6.5, 8.0),)), notes, times, "Asia/Tokyo") == [True, True, False, False]
    assert free(Excuse("", (), (), (2,)), notes, times) == [False, False, True, True]


def test_sample_numbers_have_no_hours():
    assert free(Excuse("", (), (), (), ((0.0, 24.0),)), noted([SPIKE])) == [False]


@pytest.mark.parametrize("excuses", [(), (Excuse("", ("a channel drifts",)),)])
def test_what_no_note_names_is_not_excused(excuses):
    assert not excused(excuses, noted([SPIKE, SHIFT]), CHANNELS, np.arange(2)).any()
