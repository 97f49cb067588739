from __future__ import annotations

from typing import NoReturn

import numpy as np
import pandas as pd
import pytest

from rl_tsad.data.timestamps import Times, check_zone, read_times
from rl_tsad.errors import DataError


def fail(row: int, expected: str, advice: str) -> NoReturn:
    raise DataError(f"row {row}: expected {expected}, got it not; {advice}")


def times_of(cells: list[object], zone: str | None = None) -> Times:
    return read_times(pd.Series(cells), zone, fail)


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_epoch_units_are_told_apart(unit: int) -> None:
    assert times_of([1_700_000_000 * unit, 1_700_000_060 * unit]).values[0] == np.datetime64("2023-11-14T22:13:20")


def test_fractions_of_epoch_seconds_are_kept() -> None:
    assert times_of([1_700_000_000.25, 1_700_000_000.5]).values[0] == np.datetime64("2023-11-14T22:13:20.250")


def test_small_numbers_are_no_instants() -> None:
    assert times_of([0, 5, 7]).values.tolist() == [0, 5, 7]
    assert times_of([0.0, 0.25, 0.5]).values.tolist() == [0, 250_000, 500_000]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024-07-01T12:00:00Z", "UTC"),
        ("2024-07-01 14:00:00+02:00", "+02:00"),
        ("2024-07-01 14:00:00 +0200", "+02:00"),
        ("2024-07-01T14:00:00.000+02", "+02:00"),
        ("2024-07-01 14:00:00 Europe/Berlin", "Europe/Berlin"),
        ("2024-07-01T14:00:00+02:00[Europe/Berlin]", "Europe/Berlin"),
        ("2024-07-01 12:00:00 UTC", "UTC"),
        ("2024-07-01 12:00:00", None),
        ("01.07.2024 12:00", None),
        ("07/13/2024 12:00:00 PM", None),
        ("2024/07/01 12:00:00,5", None),
    ],
)
def test_texts_become_utc_and_keep_their_zone(text: str, zone: str | None) -> None:
    times = times_of([text])
    assert times.timezone == zone
    assert np.datetime64(times.values[0], "h") in (np.datetime64("2024-07-01T12"), np.datetime64("2024-07-13T12"))


def test_the_zone_of_the_options_reads_plain_times_and_shows_others() -> None:
    assert times_of(["2024-07-01 14:00"], "Europe/Berlin").values[0] == np.datetime64("2024-07-01T12:00")
    shown = times_of(["2024-07-01T12:00:00Z"], "Europe/Berlin")
    assert (shown.values[0], shown.timezone) == (np.datetime64("2024-07-01T12:00"), "Europe/Berlin")


def test_the_repeated_autumn_hour_is_told_apart_by_order() -> None:
    cells: list[object] = [f"2024-10-27 {clock}" for clock in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")]
    steps = np.diff(times_of(cells, "Europe/Berlin").values).astype("timedelta64[m]").astype(int)
    assert steps.tolist() == [30] * 5


def test_an_ambiguous_or_skipped_hour_is_refused_by_row() -> None:
    with pytest.raises(DataError, match="row 1: expected a time that happened once"):
        times_of(["2024-10-27 01:00", "2024-10-27 02:30", "2024-10-27 05:00"], "Europe/Berlin")
    with pytest.raises(DataError, match="row 1: expected a time that exists"):
        times_of(["2024-03-31 01:30", "2024-03-31 02:30"], "Europe/Berlin")


def test_summer_time_in_offsets_is_no_backward_step() -> None:
    times = times_of(["2024-10-27T02:30:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T02:30:00+01:00"])
    assert (np.diff(times.values).astype("timedelta64[m]").astype(int) == 30).all()
    assert any("several offsets" in note for note in times.notes)


def test_day_and_month_are_told_apart_by_steadiness() -> None:
    cells: list[object] = [f"{day:02d}/03/2024" for day in range(1, 8)]
    assert (np.diff(times_of(cells).values).astype("timedelta64[D]").astype(int) == 1).all()


@pytest.mark.parametrize(("form", "order"), [("{:02d}/03/2024", "day-first"), ("03/{:02d}/2024", "month-first")])
def test_a_guessed_order_of_day_and_month_is_said(form: str, order: str) -> None:
    (note,) = times_of([form.format(day) for day in range(1, 8)]).notes
    assert order in note
    assert "ISO form" in note
    assert times_of([form.format(day) for day in range(8, 20)]).notes == ()
    assert times_of([form.format(day) for day in range(1, 8)], "Europe/Berlin").notes == (note,)


def test_unknown_zones_are_refused() -> None:
    with pytest.raises(DataError, match="expected a time zone"):
        check_zone("Mars/Olympus")
