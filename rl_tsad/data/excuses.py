"""Which windows does an operator's note excuse: by what happens in them, in which channels, and when?

Reading a note is the language room's; here it is a few facts that need no language model, so that a stored detector
applies them to any later recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rl_tsad.data.facts import DRIFT, OSCILLATION, SHIFT, SPIKE, STUCK
from rl_tsad.data.habits import Notes
from rl_tsad.data.timestamps import zone_of
from rl_tsad.types import Bool


@dataclass(frozen=True)
class Situation:
    """Something that happens in a window, told by its notes.

    Attributes:
        kinds: positions in :data:`rl_tsad.data.facts.KINDS`, any of which it is.
        many: whether three targets or more do it; else one or two.
        upward: whether it points up; None where that does not matter.
    """

    kinds: tuple[int, ...]
    many: bool
    upward: bool | None = None


SITUATIONS: Mapping[str, Situation] = MappingProxyType(
    {
        "many channels move to another level": Situation((SHIFT, DRIFT), many=True),
        "many channels jump briefly": Situation((SPIKE,), many=True),
        "many channels swing": Situation((OSCILLATION,), many=True),
        "many channels stand still": Situation((STUCK,), many=True),
        "a channel spikes": Situation((SPIKE,), many=False, upward=True),
        "a channel dips": Situation((SPIKE,), many=False, upward=False),
        "a channel is higher": Situation((SHIFT,), many=False, upward=True),
        "a channel is lower": Situation((SHIFT,), many=False, upward=False),
        "a channel drifts": Situation((DRIFT,), many=False),
        "a channel swings": Situation((OSCILLATION,), many=False),
        "a channel stands still": Situation((STUCK,), many=False),
    }
)


@dataclass(frozen=True)
class Excuse:
    """What a note says is normal.

    Attributes:
        note: as it was written.
        situations: names in :data:`SITUATIONS`, any of which it excuses; none where it excuses whatever happens then.
        channels: of which it speaks; none where of all.
        days: of the week on which it holds, 0 is Monday; none where on all.
        hours: [from, to) of the day in which it holds, in hours; ``to`` may lie beyond midnight; none where always.
    """

    note: str
    situations: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    hours: tuple[tuple[float, float], ...] = ()


def excused(
    excuses: Sequence[Excuse],
    notes: Notes,
    channels: Sequence[str],
    times: NDArray[Any],
    zone: str | None = None,
) -> Bool:
    """Say which windows some note excuses.

    Args:
        excuses: as they were read.
        notes: of N windows.
        channels: names of the series' C channels.
        times: (N,) when each window is decided; UTC where they are times.
        zone: in which the notes' hours and days are meant; UTC when omitted.

    Returns:
        (N,) bool.

    Example:
        >>> from rl_tsad.data.habits import learn_habit, take_notes
        >>> from rl_tsad.data.scaling import Scale
        >>> values = np.random.default_rng(0).normal(size=(50, 32, 1)).astype(np.float32)
        >>> values[7, 20] += 40
        >>> notes = take_notes(values, learn_habit(values, Scale(np.zeros(1), np.ones(1))))
        >>> np.flatnonzero(excused([Excuse("", ("a channel spikes",))], notes, ["flow"], np.arange(50))).tolist()
        [7]
    """
    result = np.zeros(len(notes.kind), np.bool_)
    for one in excuses:
        result |= _happens(one, notes, channels) & _is_time(one, times, zone)
    return result


def _happens(excuse: Excuse, notes: Notes, channels: Sequence[str]) -> Bool:
    loud = notes.strength > 0
    if excuse.situations:
        loud &= np.any([_is(SITUATIONS[name], notes) for name in excuse.situations], axis=0)
    if excuse.channels:
        places = [place for place, name in enumerate(channels) if name in excuse.channels]
        loud &= np.isin(notes.channel, places) & np.isin(notes.second, [-1, *places])
    return loud


def _is(situation: Situation, notes: Notes) -> Bool:
    fits = np.isin(notes.kind, situation.kinds) & (notes.many == situation.many)
    if situation.upward is not None:
        fits &= notes.upward == situation.upward
    return np.asarray(fits, np.bool_)


def _is_time(excuse: Excuse, times: NDArray[Any], zone: str | None) -> Bool:
    if not excuse.days and not excuse.hours:
        return np.ones(len(times), np.bool_)
    if not np.issubdtype(times.dtype, np.datetime64):
        return np.zeros(len(times), np.bool_)  # sample numbers have neither hours nor days
    local = pd.DatetimeIndex(times, tz="UTC").tz_convert(zone_of(zone) if zone else None)
    hour = np.asarray(local.hour + local.minute / 60 + local.second / 3600, np.float64)
    day = np.asarray(local.day_of_week)
    spans = excuse.hours or ((0.0, 24.0),)
    found = np.zeros(len(times), np.bool_)
    for begin, end in spans:
        for shift in (0, 24):  # what began on the day before may last beyond midnight
            began = (day - shift // 24) % 7
            inside = (hour + shift >= begin) & (hour + shift < end)
            found |= inside & (np.isin(began, excuse.days) if excuse.days else True)
    return found
