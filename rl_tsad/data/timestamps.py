"""How do texts and numbers become instants in UTC, and in which zone were they written?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta, timezone, tzinfo
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import Int64

Fail = Callable[[int, str, str], NoReturn]
"""Raises for a data row: ``fail(row, expected, advice)``."""

_OFFSET = r":\d{2}(?:\.\d+)?\s*(Z|[+-]\d{2}(?::?\d{2})?)$"
_NAMED = r"^(.*\d)\s*\[?\b(UTC|GMT|[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?)\]?$"
_EXAMPLE = "a time such as 2024-01-31T13:45:00"
_DAYS = ("%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y")
_CLOCKS = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
_EPOCH_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (np.inf, 1))
"""Seconds are below 1e11 until the year 5138, milliseconds below 1e14, microseconds below 1e17."""
_EARLIEST_EPOCH = 3e8
"""Numbers below this (July 1979 in seconds) are elapsed time or sample numbers."""


@dataclass(frozen=True)
class Times:
    """Read times.

    Attributes:
        values: (T,) datetime64[ns] in UTC, or int64 sample numbers.
        timezone: zone or offset in which they were written; None where the source had none.
        notes: what was decided on the way.
    """

    values: NDArray[Any]
    timezone: str | None = None
    notes: tuple[str, ...] = ()


def read_times(column: pd.Series[Any], zone: str | None, fail: Fail) -> Times:
    """Read a time column, whatever it is written in.

    Args:
        column: T cells: texts, numbers or datetimes.
        zone: zone of times that carry none; for those that do, the zone to show them in.
        fail: raises with file and line.

    Raises:
        DataError: at the first cell that is no time, is ambiguous or does not exist in its zone.

    Example:
        >>> def fail(row, expected, advice): raise DataError(f"row {row}: expected {expected}; {advice}")
        >>> times = read_times(pd.Series(["2024-07-01 12:00", "2024-07-01 13:00"]), "Europe/Berlin", fail)
        >>> str(times.values[0]), times.timezone
        ('2024-07-01T10:00:00.000000000', 'Europe/Berlin')
    """
    check_zone(zone)
    empty = np.flatnonzero(column.isna().to_numpy())
    if len(empty):
        fail(int(empty[0]), _EXAMPLE, "fill the time in or leave the row out")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _from_instants(column, zone, fail)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _from_numbers(column.to_numpy(), zone, fail)
    return _from_text(column.astype(str).str.strip(), zone, fail)


def check_zone(zone: str | None) -> None:
    """Refuse a zone that nobody knows.

    Raises:
        DataError: when the zone is neither an IANA name nor an offset.

    Example:
        >>> check_zone("Europe/Berlin")
    """
    try:
        pd.DatetimeIndex([]).tz_localize(zone)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise DataError(
            f"expected a time zone such as 'Europe/Berlin' or '+02:00', got {zone!r}; correct --timezone"
        ) from error


def zone_of(name: str) -> tzinfo:
    """Give a zone by its IANA name or offset.

    Example:
        >>> zone_of("UTC+02:00"), zone_of("Europe/Berlin").key
        (datetime.timezone(datetime.timedelta(seconds=7200)), 'Europe/Berlin')
    """
    offset = re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", name)
    if offset is None:
        return ZoneInfo(name)
    sign, hours, minutes = offset.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def looks_like_times(column: pd.Series[Any]) -> bool:
    """Guess from its first cells whether a column without a telling name holds times.

    Example:
        >>> looks_like_times(pd.Series(["2024-01-01 00:00", "2024-01-01 00:05"])), looks_like_times(pd.Series([1.5, 2]))
        (True, False)
    """
    head = column.dropna().head(50)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if pd.api.types.is_bool_dtype(column.dtype) or len(head) == 0:
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        whole = head.to_numpy(dtype=np.float64)
        growing = bool((whole[1:] > whole[:-1]).all())
        return len(whole) > 1 and growing and bool(((whole > 9e8) & (whole < 9e18) & (whole == np.floor(whole))).all())
    text = head.astype(str).str.strip()
    return bool(text.str.contains(r"^\d{1,4}[-/. ]").all()) and bool(_formats(text))


def _from_numbers(numbers: NDArray[Any], zone: str | None, fail: Fail) -> Times:
    middle = float(np.median(np.abs(numbers.astype(np.float64))))
    if middle < _EARLIEST_EPOCH:
        _refuse_huge(numbers, 1_000_000, fail)
        return _elapsed(numbers)
    unit = next((nanoseconds for limit, nanoseconds in _EPOCH_UNITS if middle < limit), 1)
    _refuse_huge(numbers, unit, fail)
    whole = np.floor(numbers).astype(np.int64)
    part = np.round((numbers - np.floor(numbers)) * unit).astype(np.int64)
    name = {1_000_000_000: "seconds", 1_000_000: "milliseconds", 1_000: "microseconds", 1: "nanoseconds"}[unit]
    return Times((whole * unit + part).view("datetime64[ns]"), zone, (f"times are {name} since 1970",))


def _refuse_huge(numbers: NDArray[Any], unit: int, fail: Fail) -> None:
    fits = np.abs(numbers.astype(np.float64)) * unit < 9.2e18
    if not fits.all():
        fail(int(np.flatnonzero(~fits)[0]), "a time between the years 1678 and 2261", "correct the time")


def _elapsed(numbers: NDArray[Any]) -> Times:
    whole = numbers.astype(np.int64)
    if bool((whole == numbers).all()):
        return Times(whole, None, ("times are sample numbers or elapsed time, not instants",))
    millionths: Int64 = np.round(numbers * 1e6).astype(np.int64)
    return Times(millionths, None, ("times are elapsed time, not instants; kept in millionths",))


def _from_instants(column: pd.Series[Any], zone: str | None, fail: Fail) -> Times:
    written = getattr(column.dtype, "tz", None)
    if written is None:
        return _localise(pd.DatetimeIndex(column), zone, fail)
    return Times(_nanoseconds(pd.DatetimeIndex(column).tz_convert("UTC").tz_localize(None), fail), zone or str(written))


def _from_text(text: pd.Series[Any], zone: str | None, fail: Fail) -> Times:
    text = text.str.replace(r"(:\d{2}),(\d)", r"\1.\2", regex=True) if "," in text.iloc[0] else text
    text, named = _split_zone(text, fail)
    offsets = text.str.extract(_OFFSET, expand=False)
    without = offsets.isna().to_numpy()
    if without.all():
        instants, notes = _parse(text, fail)
        return replace(_localise(instants, zone or named, fail), notes=notes)
    if without.any():
        fail(int(np.flatnonzero(without)[0]), "a time with its offset, as in the other rows", "add the offset")
    distinct = sorted(set(offsets.unique()))
    shown = zone or named or _offset_name(str(offsets.iloc[0]))
    notes = (f"several offsets ({', '.join(distinct)}); shown in {shown}",) if len(distinct) > 1 else ()
    instants = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce"))
    _refuse_unread(instants, fail)
    return Times(_nanoseconds(instants.tz_localize(None), fail), shown, notes)


def _split_zone(text: pd.Series[Any], fail: Fail) -> tuple[pd.Series[Any], str | None]:
    """Take a zone's name off the end of each text ('... Europe/Berlin', '...[Europe/Berlin]')."""
    if re.match(_NAMED, str(text.iloc[0])) is None:
        return text, None
    parts = text.str.extract(_NAMED)
    name = str(parts[1].iloc[0])
    other = np.flatnonzero((parts[1] != name).to_numpy())
    if len(other):
        fail(int(other[0]), f"a time in {name}, as in the rows before", "write all times in one zone")
    return parts[0].str.strip(), "UTC" if name == "GMT" else name


def _offset_name(offset: str) -> str:
    digits = offset.lstrip("+-").replace(":", "").ljust(4, "0")
    return "UTC" if offset == "Z" or digits == "0000" else f"{offset[0]}{digits[:2]}:{digits[2:]}"


def _parse(text: pd.Series[Any], fail: Fail) -> tuple[pd.DatetimeIndex, tuple[str, ...]]:
    possible = _formats(text.iloc[:: max(len(text) // 200, 1)]) or ["ISO8601"]
    formats = _increasing(text, possible) if len(possible) > 1 else possible
    if len(formats) > 1:
        fail(0, f"{_EXAMPLE} (day and month can be exchanged in all rows)", "write the times in ISO form")
    instants = pd.DatetimeIndex(pd.to_datetime(text, format=formats[0], errors="coerce"))
    _refuse_unread(instants, fail)
    return instants, _guessed(text, formats[0], [each for each in possible if each != formats[0]])


def _guessed(text: pd.Series[Any], chosen: str, others: list[str]) -> tuple[str, ...]:
    """Say that day and month were told apart by the steps only, where another format reads every time too."""
    if not any(pd.to_datetime(text, format=other, errors="coerce").notna().all() for other in others):
        return ()
    order = "month" if chosen.startswith("%m") else "day"
    return (
        f"times were read {order}-first, a guess by their steps: {text.iloc[0]!r} could be meant otherwise; "
        "write them in ISO form (2024-01-31) to decide",
    )


def _formats(text: pd.Series[Any]) -> list[str]:
    """List the formats that read all of these texts; ISO alone where it does."""
    if not pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).isna().any():
        return ["ISO8601"]
    every = [day + clock for day in _DAYS for clock in _CLOCKS]
    return [each for each in every if not pd.to_datetime(text, format=each, errors="coerce").isna().any()]


def _increasing(text: pd.Series[Any], formats: list[str]) -> list[str]:
    """Prefer the format in which the times run forward in the steadiest steps, as recordings do."""
    head = text.iloc[:100_000]
    read = {each: pd.to_datetime(head, format=each, errors="coerce") for each in formats}
    forward = [each for each, times in read.items() if times.is_monotonic_increasing and not times.isna().any()]
    spread = {each: read[each].diff().max() for each in forward}
    return [each for each in forward if spread[each] == min(spread.values())] or formats


def _refuse_unread(instants: pd.DatetimeIndex, fail: Fail) -> None:
    unread = np.flatnonzero(np.asarray(instants.isna()))
    if len(unread):
        fail(int(unread[0]), _EXAMPLE, "correct the time")


def _localise(naive: pd.DatetimeIndex, zone: str | None, fail: Fail) -> Times:
    """Read times without an offset in a zone; the repeated hour in autumn is told apart by the rows' order."""
    if zone is None or len(naive) == 0:
        return Times(_nanoseconds(naive, fail), zone)
    skipped = np.flatnonzero(np.asarray(naive.tz_localize(zone, ambiguous=True, nonexistent="NaT").isna()))
    if len(skipped):
        fail(int(skipped[0]), f"a time that exists in {zone}", "the clock skipped it; check --timezone")
    try:
        local, notes = naive.tz_localize(zone, ambiguous="infer"), ()
    except ValueError:
        unsure = np.flatnonzero(np.asarray(naive.tz_localize(zone, ambiguous="NaT").isna()))
        fail(
            int(unsure[0]),
            f"a time that happened once in {zone}",
            "it comes twice when summer time ends; write the offset behind the times or give a fixed --timezone",
        )
    return Times(_nanoseconds(local.tz_convert("UTC").tz_localize(None), fail), zone, notes)


def _nanoseconds(instants: pd.DatetimeIndex, fail: Fail) -> NDArray[np.datetime64]:
    years = instants.year.to_numpy()
    far = np.flatnonzero((years < 1678) | (years > 2261))
    if len(far):
        fail(int(far[0]), "a time between the years 1678 and 2261", "correct the time")
    return instants.as_unit("ns").to_numpy().astype("datetime64[ns]")
