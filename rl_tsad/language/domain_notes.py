"""What does a note of the operator's say is normal? Read once, by likeness to sentences for each situation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rl_tsad.data.excuses import Excuse
from rl_tsad.errors import ConfigError, listed
from rl_tsad.language.backend import Embedder

LEAST = 0.22
"""Cosine below which a note is like no situation; chosen with :data:`MARGIN` on notes of our own."""
MARGIN = 0.06
"""How much less like a note another situation may be than the likeliest, and still be meant."""
SENTENCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "many channels move to another level": (
            "The plant is stopped for maintenance.",
            "A shutdown, standstill or idle period of the machine.",
            "A start-up or restart after a stop.",
            "A change of load, set-point, product, recipe or operating mode.",
            "A ramp-up, a ramp-down or another speed.",
        ),
        "many channels jump briefly": (
            "A short power failure or outage.",
            "A switch-over or a brief communication failure.",
        ),
        "many channels swing": ("All channels swing or oscillate together.",),
        "many channels stand still": ("The data logger is frozen and repeats the same values.",),
        "a channel spikes": ("Short spikes or peaks.", "Sudden jumps upward."),
        "a channel dips": ("Short dips or drops.", "It falls or closes for a moment."),
        "a channel is higher": ("High readings, a higher level than usual.", "A high value."),
        "a channel is lower": ("Low readings, a lower level than usual.", "A low value."),
        "a channel drifts": ("A slow drift over days.",),
        "a channel swings": ("Noise, vibration or oscillation.",),
        "a channel stands still": ("A stuck sensor that hangs on a constant value.",),
    }
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = re.compile(r"\b(mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?\b", re.IGNORECASE)
_CLOCK = r"(?:(\d{1,2})[:.](\d{2})\s*(am|pm)?|(\d{1,2})\s*(am|pm))"
_RANGE = re.compile(rf"{_CLOCK}\s*(?:-|\u2013|to|until|till|and)\s*{_CLOCK}", re.IGNORECASE)
_TIME = re.compile(rf"\b{_CLOCK}", re.IGNORECASE)
_PARTS = {
    "night": (22.0, 30.0),
    "morning": (5.0, 12.0),
    "afternoon": (12.0, 18.0),
    "evening": (17.0, 23.0),
    "noon": (11.0, 14.0),
    "midnight": (23.0, 25.0),
}
_AROUND = (0.25, 1.0)  # hours before and after a single time


def read_notes(notes: Sequence[str], channels: Sequence[str], model: Embedder) -> tuple[Excuse, ...]:
    """Read what notes say is normal.

    A named channel narrows a note to what one channel does. Times and days are found by their form: ``Tuesday 02:00``,
    ``2 am to 4 am``, ``on weekends``, ``at night``; a single time means from a quarter of an hour before until an hour
    after it.

    Args:
        notes: a sentence each.
        channels: names that a note may hold.
        model: judges likeness.

    Raises:
        ConfigError: when a note is like no situation and names no hour.
    """
    names = list(SENTENCES)
    known = {name: model.embed(list(SENTENCES[name])) for name in names}
    result = []
    for note in notes:
        mentioned = tuple(name for name in channels if _mentions(note, name))
        days, hours = _days(note), _hours(note)
        likeness = {name: float((model.embed([_without_time(note)]) @ known[name].T).max()) for name in names}
        if mentioned:
            likeness = {name: value for name, value in likeness.items() if name.startswith("a channel")}
        most = max(likeness.values())
        meant = tuple(name for name, value in likeness.items() if value >= max(LEAST, most - MARGIN))
        if not meant and not _TIME.search(note):  # a whole night of whatever happens is too much to excuse unsaid
            raise ConfigError(
                f"expected notes on what is normal, got {note!r}, which is like none of: {listed(names, most=20)}; "
                "say what the readings do then, or at which hour it happens (Tuesday 02:00)"
            )
        result.append(Excuse(note, meant, mentioned, days, hours))
    return tuple(result)


def _mentions(note: str, channel: str) -> bool:
    words = re.split(r"[\W_]+", channel.strip().lower())
    pattern = r"[\W_]+".join(re.escape(word) for word in words if word)
    return bool(pattern) and re.search(rf"(?<!\w){pattern}(?!\w)", note.lower()) is not None


def _days(note: str) -> tuple[int, ...]:
    found = {_DAYS.index(match.group(1).lower()[:3]) for match in _DAY.finditer(note)}
    found |= {5, 6} if re.search(r"\bweek-?ends?\b", note, re.IGNORECASE) else set()
    found |= {0, 1, 2, 3, 4} if re.search(r"\b(?:week|work(?:ing)?)[- ]?days?\b", note, re.IGNORECASE) else set()
    return tuple(sorted(found))


def _hours(note: str) -> tuple[tuple[float, float], ...]:
    spans = []
    for match in _RANGE.finditer(note):
        begin, end = _hour(match.groups()[:5]), _hour(match.groups()[5:])
        spans.append((begin, end if end > begin else end + 24))
    for match in _TIME.finditer(_RANGE.sub(" ", note)):
        at = _hour(match.groups()) + 24 * (_hour(match.groups()) < _AROUND[0])
        spans.append((at - _AROUND[0], at + _AROUND[1]))
    if not spans:
        spans = [span for word, span in _PARTS.items() if re.search(rf"\b{word}(?:s|ly)?\b", note, re.IGNORECASE)]
    return tuple(spans)


def _hour(parts: Sequence[str | None]) -> float:
    hour, minute, half, whole, other = parts
    value = float(hour or whole or 0) + float(minute or 0) / 60
    if (half or other or "").lower() == "pm" and value < 12:
        return value + 12
    return value - 12 if (half or other or "").lower() == "am" and value >= 12 else value


def _without_time(note: str) -> str:
    """Leave out times and days, which would be likened to words of the same kind."""
    bare = _DAY.sub(" ", _TIME.sub(" ", _RANGE.sub(" ", note)))
    return re.sub(r"\s+", " ", bare).strip() or note


def meant_by(excuse: Excuse) -> str:
    """Say in words how a note was understood.

    Example:
        >>> meant_by(Excuse("Backwash at 2 am", ("a channel dips",), ("valve",), (), ((1.75, 3.0),)))
        'a channel dips (valve), 01:45 to 03:00'
        >>> meant_by(Excuse("Sundays are quiet", (), (), (6,)))
        'whatever happens, on Sunday'
    """
    text = " or ".join(excuse.situations) or "whatever happens"
    text += f" ({', '.join(excuse.channels)})" if excuse.channels else ""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    text += f", on {', '.join(names[day] for day in excuse.days)}" if excuse.days else ""
    spans = [f"{_shown(begin)} to {_shown(end)}" for begin, end in excuse.hours]
    return text + (f", {' and '.join(spans)}" if spans else "")


def _shown(hour: float) -> str:
    minutes = round(hour * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
