"""How are facts said in plain words: times, channels, shares, counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from rl_tsad.types import ANOMALY, NORMAL

NOTHING = "\N{EN DASH}"
STRATEGIES = {
    "margin": "Close call",
    "top": "Most unusual",
    "diverse": "New kind of pattern",
    "gain": "Teaches most",
    "decay": "Close call",
    "spend": "Close call",
    "quantile": "Close call",
    "random": "Drawn by chance",
    "disagreement": "People differ",
}

VALUES = {NORMAL: "Normal", ANOMALY: "Anomaly"}
UNSETTLED = "Not settled"
NOT_KNOWN_RIGHT = "the answers do not show that it would be right often enough"


@dataclass(frozen=True)
class Clock:
    """How the times of one picture are shown.

    Attributes:
        offset: added to UTC for every point of a picture, so that the axis never jumps where a zone changes its clock.
        name: what the reader is told, such as ``"Europe/Berlin, UTC+02:00"``.
    """

    offset: timedelta
    name: str


def zone(name: str | None) -> tzinfo | None:
    """Read an IANA name or a fixed offset such as ``+02:00`` or ``UTC+02:00``; None where it is neither.

    Example:
        >>> zone("+02:00").utcoffset(None), zone("nowhere/land") is None
        (datetime.timedelta(seconds=7200), True)
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _fixed_offset(name)


def _fixed_offset(name: str) -> tzinfo | None:
    text = name.upper().removeprefix("UTC").removeprefix("GMT")
    try:
        return datetime.strptime(text, "%z").tzinfo
    except ValueError:
        return None


def clock_at(instant: datetime, timezone_name: str | None) -> Clock:
    """Choose the clock for a picture around an instant: its zone's offset at that moment.

    Args:
        instant: aware, in UTC.
        timezone_name: the series' zone; None where the source named none.

    Example:
        >>> clock_at(datetime(2026, 7, 1, tzinfo=UTC), "Europe/Berlin").name
        'Europe/Berlin, UTC+02:00'
        >>> clock_at(datetime(2026, 7, 1, tzinfo=UTC), None).name
        'no time zone in the source'
    """
    if timezone_name is None:
        return Clock(timedelta(0), "no time zone in the source")
    found = zone(timezone_name)
    if found is None:
        return Clock(timedelta(0), f"UTC; the source's zone {timezone_name!r} is unknown here")
    offset = instant.astimezone(found).utcoffset() or timedelta(0)
    sign = _utc_name(offset)
    return Clock(
        offset,
        sign if isinstance(found, timezone) or timezone_name in ("UTC", "Etc/UTC") else f"{timezone_name}, {sign}",
    )


def _utc_name(offset: timedelta) -> str:
    if not offset:
        return "UTC"
    minutes = round(offset.total_seconds() / 60)
    return f"UTC{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def instant(time: Any) -> datetime:
    """Turn a datetime64 in UTC into an aware datetime.

    Example:
        >>> instant(np.datetime64("2026-03-01T12:00:00")).isoformat()
        '2026-03-01T12:00:00+00:00'
    """
    micro = int(np.datetime64(time, "us").astype(np.int64))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)


def stretch(times: NDArray[Any], timezone_name: str | None) -> str:
    """Say from when to when a run of points goes.

    Args:
        times: (M,) datetime64 in UTC or int64 sample numbers, M >= 1.
        timezone_name: zone to say it in.

    Example:
        >>> stretch(np.arange(120, 128), None)
        'samples 120 to 127'
        >>> stretch(np.array(["2026-03-03T13:05", "2026-03-03T13:12"], dtype="datetime64[ns]"), "Europe/Berlin")
        'Tue 3 Mar 2026, 14:05:00 to 14:12:00'
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        return f"samples {int(times[0])} to {int(times[-1])}"
    shift = clock_at(instant(times[0]), timezone_name).offset
    first, last = instant(times[0]) + shift, instant(times[-1]) + shift
    till = "%H:%M:%S" if first.date() == last.date() else f"%a {last.day} %b %Y, %H:%M:%S"
    return f"{first:%a} {first.day} {first:%b %Y, %H:%M:%S} to {last.strftime(till)}"


def brief(times: NDArray[Any], timezone_name: str | None) -> str:
    """Say from when to when a run of points goes, shortly: for a line under a small picture.

    Example:
        >>> brief(np.array(["2026-03-03T13:05", "2026-03-03T13:12"], dtype="datetime64[ns]"), "Europe/Berlin")
        '3 Mar 2026, 14:05 to 14:12'
        >>> brief(np.array(["2026-03-03T23:50", "2026-03-04T00:10"], dtype="datetime64[ns]"), None)
        '3 Mar 2026, 23:50 to 4 Mar, 00:10'
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        return stretch(times, timezone_name)
    shift = clock_at(instant(times[0]), timezone_name).offset
    first, last = instant(times[0]) + shift, instant(times[-1]) + shift
    clock = "%H:%M:%S" if first.second or last.second else "%H:%M"
    till = last.strftime(clock) if first.date() == last.date() else f"{last.day} {last:%b}, {last.strftime(clock)}"
    return f"{first.day} {first:%b %Y}, {first.strftime(clock)} to {till}"


def local_time(moment: datetime | None, timezone_name: str | None) -> str:
    """Say a moment in the reader's own zone.

    Example:
        >>> local_time(datetime(2026, 7, 1, 12, tzinfo=UTC), "Europe/Berlin")
        '1 Jul 2026, 14:00:00 CEST'
    """
    if moment is None:
        return NOTHING
    there = moment.astimezone(zone(timezone_name) or UTC)
    return f"{there.day} {there:%b %Y, %H:%M:%S %Z}"


def name_and_unit(channel: str) -> tuple[str, str]:
    """Split a unit in brackets off a channel's name.

    Example:
        >>> name_and_unit("flow [l/s]"), name_and_unit("T1 (°C)"), name_and_unit("speed")
        (('flow', 'l/s'), ('T1', '°C'), ('speed', ''))
    """
    found = re.fullmatch(r"\s*(.+?)\s*[\[(]([^\[\]()]{1,16})[\])]\s*", channel)
    return (found[1], found[2]) if found else (channel, "")


def count(number: int, one: str, many: str | None = None) -> str:
    """Say a number with its noun.

    Example:
        >>> count(1, "window"), count(1200, "window")
        ('1 window', '1,200 windows')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def time_spent(seconds: float) -> str:
    """Say how long people needed.

    Example:
        >>> time_spent(44), time_spent(600), time_spent(9000)
        ('44 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def settled(questions: int) -> str:
    """Say how many questions of this round other answers have settled; nothing where they have settled none.

    Example:
        >>> settled(3), settled(0)
        ('3 questions of this round were settled by other answers, without asking.', '')
    """
    were = "was" if questions == 1 else "were"
    return (
        f"{count(questions, 'question')} of this round {were} settled by other answers, without asking."
        if questions
        else ""
    )


def share(part: int, whole: int) -> str:
    """Say a share in percent.

    Example:
        >>> share(1, 8), share(0, 0)
        ('13 %', '\u2013')
    """
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return "below 1 %" if 0 < percent < 1 else f"{np.floor(percent + 0.5):.0f} %"


def share_of_one(part: float) -> str:
    """Say a number in [0, 1] in percent.

    Example:
        >>> share_of_one(0.256)
        '26 %'
    """
    return f"{100 * min(max(part, 0.0), 1.0):.0f} %"


def portion(part: float) -> str:
    """Say a share in [0, 1] in percent, and a small one as such.

    Example:
        >>> portion(0.256), portion(0.004), portion(0.0)
        ('26 %', 'below 1 %', '0 %')
    """
    return "below 1 %" if 0 < part < 0.01 else share_of_one(part)


def would_settle(anomalies: int, normals: int) -> str:
    """Say how many look-alikes are settled, and as what.

    Example:
        >>> would_settle(12, 3), would_settle(0, 1200), would_settle(0, 0)
        ('12 as Anomaly, 3 as Normal', '1,200 as Normal', 'nothing')
    """
    named = ((anomalies, VALUES[ANOMALY]), (normals, VALUES[NORMAL]))
    return ", ".join(f"{number:,} as {name}" for number, name in named if number) or "nothing"


def floors(normal: float, anomaly: float) -> str:
    """Say from which confidence on look-alikes are settled; an infinite one means never.

    Example:
        >>> floors(0.4, 0.55)
        'A window is settled as Normal from a confidence of 40 % on and as Anomaly from 55 % on.'
        >>> floors(float("inf"), float("inf"))
        'Nothing is settled: the answers do not show that it would be right often enough.'
        >>> floors(0.4, float("inf"))[-91:]
        'Nothing is settled as Anomaly: the answers do not show that it would be right often enough.'
    """
    named = ((normal, VALUES[NORMAL]), (anomaly, VALUES[ANOMALY]))
    known = [(floor, name) for floor, name in named if np.isfinite(floor)]
    if not known:
        return f"Nothing is settled: {NOT_KNOWN_RIGHT}."
    (floor, name), *more = known
    said = f"A window is settled as {name} from a confidence of {share_of_one(floor)} on"
    said += "".join(f" and as {name} from {share_of_one(floor)} on" for floor, name in more)
    never = [name for floor, name in named if not np.isfinite(floor)]
    return f"{said}." + "".join(f" Nothing is settled as {name}: {NOT_KNOWN_RIGHT}." for name in never)


def running(checked: int, agreed: int) -> str:
    """Say how often settled windows were right when somebody answered them later; nothing where nobody did.

    Example:
        >>> running(12, 11), running(0, 0)
        ('Of 12 settled windows that people answered later, 11 were right.', '')
    """
    were = "was" if agreed == 1 else "were"
    return (
        f"Of {count(checked, 'settled window')} that people answered later, {agreed:,} {were} right." if checked else ""
    )


def left_out(precision: tuple[float, float], checks: tuple[float, float]) -> str:
    """Say how often settled windows are right by answers that were left out in turn; nothing where none was.

    Args:
        precision: of those settled as normal and as anomalous; not a number where nothing is.
        checks: answers' worth of checks behind each.

    Example:
        >>> left_out((0.93, float("nan")), (18.0, 3.0))
        'By leaving answers out in turn, about 93 % of those settled as Normal are right (18 checks).'
        >>> left_out((0.9, 0.9), (0.0, 0.0))
        ''
    """
    said = [
        f"{share_of_one(right)} of those settled as {VALUES[label]} are right ({count(round(seen), 'check')})"
        for label, right, seen in zip((NORMAL, ANOMALY), precision, checks, strict=True)
        if round(seen) and np.isfinite(right)
    ]
    return f"By leaving answers out in turn, about {' and '.join(said)}." if said else ""
