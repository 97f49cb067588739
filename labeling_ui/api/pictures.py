"""From arrays to JSON: short numbers, breaks as null, times as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.records import SeriesRecord
from labeling_ui.api import shapes
from labeling_ui.components import words
from rl_tsad.services.points import View
from rl_tsad.services.showing import Asked, Shown
from rl_tsad.services.small_pictures import SmallPicture
from rl_tsad.services.workspace import Workspace

_DIGITS = 6


def question(ws: Workspace, asked: Asked) -> dict[str, Any]:
    """Write a question."""
    item = asked.item
    same = ("key", "series", "start", "length", "strategy", "reason", "probability", "margin")
    return {
        "item": item.id,
        **{name: getattr(item, name) for name in same},
        "span": (item.span_low, item.span_high),
        "event": (item.event_low, item.event_high),
        "markable": asked.markable,
        "view": asked.view,
        "asks_event": ws.settings.active.events,
    }


def picture(ws: Workspace, shown: Shown) -> shapes.Picture:
    """Write a question with all that is drawn and told beside it."""
    record, thought = shown.asked.record, shown.thought
    return shapes.Picture(
        **question(ws, shown.asked),
        times=times(shown.times),
        timezone=record.timezone,
        channels=channels(record),
        origin=shown.asked.view[0],
        rows=record.rows,
        points=points(shown.points),
        overlays={"score": shapes.Line(index=thought.ends.tolist(), values=numbers(thought.probability))},
        compare=[
            shapes.Earlier(
                name=one.name,
                shift=one.shift,
                index=[_shortly(places) for places in one.places],
                values=[numbers(values) for values in one.points.values],
            )
            for one in shown.earlier
        ],
        why=_why(shown),
    )


def points(seen: View) -> shapes.Points:
    """Write what is drawn of a stretch."""
    index = [one.tolist() for one in seen.index]
    return shapes.Points(low=seen.low, high=seen.high, index=index, values=[numbers(one) for one in seen.values])


def times(sparse: Sequence[tuple[int, Any]]) -> list[tuple[int, str | int]]:
    """Write the times of some points."""
    return [(place, instant(time)) for place, time in sparse]


def small(one: SmallPicture) -> shapes.SmallPicture:
    """Write a small picture of a window."""
    return shapes.SmallPicture(
        key=one.key,
        series=one.series,
        span=one.span,
        at=instant(one.at),
        index=[own.tolist() for own in one.index],
        values=[numbers(values) for values in one.values],
    )


def numbers(values: NDArray[Any]) -> list[float | None]:
    """Write numbers to six digits of their range, missing ones as None.

    Example:
        >>> numbers(np.array([0.1, np.nan, 1 / 3], dtype=np.float32))
        [0.1, None, 0.333333]
    """
    there = np.isfinite(values)
    largest = float(np.abs(values[there]).max()) if there.any() else 0.0
    decimals = _DIGITS - (int(np.floor(np.log10(largest))) + 1 if largest > 0 else 0)
    rounded = np.round(values.astype(np.float64), decimals).tolist()
    return [one if ok else None for one, ok in zip(rounded, there.tolist(), strict=True)]


def instant(time: Any) -> str | int:
    """Write a time: ISO 8601 in UTC, or the sample number.

    Example:
        >>> instant(np.datetime64("2026-03-01T08:00", "ns")), instant(np.int64(7))
        ('2026-03-01T08:00:00.000Z', 7)
    """
    if isinstance(time, np.datetime64):
        return f"{np.datetime_as_string(time, unit='ms')}Z"
    return int(time)


def channels(record: SeriesRecord) -> list[shapes.Channel]:
    """Name channels, with the unit that stands in brackets behind the name."""
    return [
        shapes.Channel(name=name, unit=words.name_and_unit(name)[1] or None, exogenous=name in record.exogenous)
        for name in record.channels
    ]


def _shortly(places: NDArray[np.float64]) -> list[int | float]:
    return [int(one) if one.is_integer() else one for one in np.round(places, 3).tolist()]


def _why(shown: Shown) -> shapes.Why:
    item, said = shown.asked.item, shown.neighbours
    return shapes.Why(
        words=[item.reason, *_margin(item.probability, item.margin), *_told(shown.deviations)],
        channels=[shapes.Deviation(name=name, deviation=round(far, 2)) for name, far in shown.deviations],
        neighbours=[shapes.Neighbour(key=key, answer=answer) for key, answer in said],
    )


def _margin(probability: float, margin: float) -> list[str]:
    if margin < 0.2:
        return [f"The agent is undecided: {probability:.0%} anomaly."]
    return [f"The agent takes it for {'an anomaly' if probability > 0.5 else 'normal'}: {probability:.0%} anomaly."]


def _told(deviations: Sequence[tuple[str, float]]) -> list[str]:
    if not deviations:
        return []
    name, far = deviations[0]
    return [f"{name} deviates most: {far:.1f} times its usual spread."]
