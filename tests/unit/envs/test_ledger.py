"""The event utility, against an account kept by hand and against properties that it must have."""

from __future__ import annotations

import numpy as np
import pytest

from envs.costs import PUBLISHED, Costs
from envs.errors import EnvError
from envs.ledger import Ledger, lay_events

FLAT = Costs(late=0.0, fatigue=0.0)


def account(target: list[int], alarm: list[int], costs: Costs = FLAT, episode: list[int] | None = None) -> list[float]:
    kinds = np.array(target, np.int8)
    runs = np.zeros(len(kinds), np.int64) if episode is None else np.array(episode, np.int64)
    ledger = Ledger(lay_events(kinds, np.ones(len(kinds)), runs, costs), costs, ())
    return [round(float(ledger.step(row, bool(is_open))), 6) for row, is_open in enumerate(alarm)]


def test_a_found_event_pays_once_and_a_missed_one_costs_at_the_end_of_its_grace() -> None:
    assert account([0, 1, 1, 0, 0], [0, 1, 1, 0, 0]) == [0, 1, 0, 0, 0]
    assert account([0, 1, 1, 0, 0], [0, 0, 0, 0, 0]) == [0, 0, 0, -1, 0]
    assert account([0, 1, 1], [0, 0, 0]) == [0, 0, -1]


def test_an_alarm_in_the_grace_finds_the_event_and_is_no_false_one() -> None:
    assert account([0, 1, 0, 0], [0, 0, 1, 0]) == [0, 0, 1, 0]
    assert account([0, 1, 0, 0], [0, 0, 0, 1]) == [0, 0, -1, -0.55]


def test_delay_costs_what_the_patience_says() -> None:
    paid = account([1, 1, 1], [0, 0, 1], Costs(late=0.6, patience=2.0))
    assert paid[2] == pytest.approx(0.4 + 0.6 * np.exp(-1.0), abs=1e-6)


def test_a_false_alarm_costs_its_opening_and_each_window_it_stays() -> None:
    assert account([0, 0, 0], [1, 1, 0]) == [-0.55, -0.05, 0]


def test_flicker_inside_a_found_event_costs_but_staying_does_not() -> None:
    assert account([1, 1, 1], [1, 0, 1]) == [1, -0.005, -0.2]
    assert account([1, 1, 1], [1, 1, 1]) == [1, 0, 0]


def test_recent_openings_make_the_next_false_one_dearer_and_fade() -> None:
    costs = Costs(holding=0.0, memory=1e9)
    assert account([0] * 4, [1, 0, 1, 0], costs) == [-0.5, 0, -0.6, 0]
    soon = Costs(holding=0.0, memory=1e-3)
    assert account([0] * 4, [1, 0, 1, 0], soon) == [-0.5, 0, -0.5, 0]


def test_two_events_in_a_row_are_two_where_the_series_changes() -> None:
    assert account([1, 1], [1, 1], episode=[0, 1]) == [1, 1]
    assert account([1, 1], [0, 0], episode=[0, 1]) == [-1, -1]


def test_an_event_that_begins_within_the_grace_of_another_is_one_of_its_own() -> None:
    assert account([1, 0, 1, 0, 0], [0, 0, 0, 0, 0], Costs(grace=3)) == [0, -1, 0, 0, -1]


def test_unknown_windows_cost_nothing_and_trusted_ones_by_their_weight() -> None:
    table = lay_events(np.array([-1, 0], np.int8), np.array([1.0, 0.5]), np.zeros(2, np.int64), FLAT)
    ledger = Ledger(table, FLAT, ())
    assert [float(ledger.step(0, True)), float(ledger.step(1, True))] == [0.0, -0.025]


def test_any_shape_gives_the_same_account() -> None:
    rng = np.random.default_rng(0)
    target = (rng.random(200) < 0.2).astype(np.int8)
    table = lay_events(target, np.ones(200), np.zeros(200, np.int64), Costs())
    alarms = rng.random((3, 200)) < 0.3
    together, alone = Ledger(table, Costs(), (3,)), [Ledger(table, Costs(), ()) for _ in range(3)]
    for row in range(200):
        paid = together.step(row, alarms[:, row])
        assert paid.tolist() == [float(one.step(row, alarms[i, row])) for i, one in enumerate(alone)]


def test_an_entry_that_forgets_begins_anew() -> None:
    table = lay_events(np.zeros(3, np.int8), np.ones(3), np.zeros(3, np.int64), Costs())
    ledger = Ledger(table, Costs(), (2,))
    ledger.step(0, np.array([True, True]))
    ledger.forget(np.array([True, False]))
    assert ledger.open.tolist() == [False, True]
    assert ledger.step(1, np.array([True, True])).tolist() == pytest.approx([-0.55, -0.05])


def test_knowing_the_truth_earns_more_than_silence_and_than_always_alarming() -> None:
    rng = np.random.default_rng(1)
    target = np.repeat((rng.random(60) < 0.1).astype(np.int8), 10)
    earned = {name: sum(account(target.tolist(), alarm.tolist(), Costs())) for name, alarm in _players(target).items()}
    assert earned["truth"] > 0 > max(earned["never"], earned["always"])


def _players(target: np.ndarray) -> dict[str, np.ndarray]:
    return {"truth": target, "never": np.zeros_like(target), "always": np.ones_like(target)}


def test_the_published_prices_leave_the_windows_table_only() -> None:
    assert sum(account([0, 1, 0, 1], [1, 1, 0, 0], PUBLISHED)) == 0
    assert PUBLISHED.window == (5.0, 1.0, -1.0, -5.0)


@pytest.mark.parametrize("wrong", [{"miss": -1.0}, {"late": 1.5}, {"patience": 0.0}, {"memory": 0.0}, {"grace": -1}])
def test_prices_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(EnvError, match="expected"):
        Costs(**wrong)  # type: ignore[arg-type]
