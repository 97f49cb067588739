"""How does a stretch of a series look with all that lies on it? Lanes of labels, the score, then channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from db.records import Answer
from labeling_ui import looks
from labeling_ui.components import plain, words
from rl_tsad.services.exploring import Lying, Stretches
from rl_tsad.services.points import View
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Int8, Int64

NAMES = {ANOMALY: "Anomaly", NORMAL: "Normal", UNKNOWN: "Unsure"}
LANES = ("Answers", "Settled", "Alarms")
VALUES = {Answer.ANOMALY: ANOMALY, Answer.NORMAL: NORMAL, Answer.UNSURE: UNKNOWN}
LEFT, RIGHT, BINS = 128, 56, 400
LANES_HEIGHT, SCORE_HEIGHT, CHANNEL_HEIGHTS, FRAME, STRIP = 66, 40, (46, 62), 64, 84
"""Pixels; channels share what a laptop's screen has until each would be too low."""
Extent = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """Where points stand on the time axis: wall time at the series' offset at one moment, or sample numbers.

    Attributes:
        times: (T,) datetime64 in UTC or int64 of the whole series.
        timezone: of the series; None where it has none.
        at: the point whose offset is used.
    """

    times: NDArray[Any]
    timezone: str | None
    at: int = 0

    @property
    def has_clock(self) -> bool:
        """Whether times are instants."""
        return bool(np.issubdtype(self.times.dtype, np.datetime64))

    def of(self, points: Int64) -> NDArray[Any]:
        """Place points on the axis; one behind the last stands on it."""
        found = self.times[np.minimum(points, len(self.times) - 1)]
        return found.astype("datetime64[ms]") + self._shift() if self.has_clock else found

    def point(self, shown: object) -> int:
        """Find the first point at or after a place on the axis.

        Raises:
            ValueError: when it is neither a time nor a number.

        Example:
            >>> hours = np.array(["2026-03-03T08", "2026-03-03T09"], dtype="datetime64[ns]")
            >>> Axis(hours, "Europe/Berlin").point("2026-03-03 09:30"), Axis(np.arange(9), None).point("3.2")
            (1, 4)
        """
        if not self.has_clock:
            return int(np.searchsorted(self.times, float(str(shown))))
        wanted = np.datetime64(str(shown).strip().replace(" ", "T"), "ms") - self._shift()
        return int(np.searchsorted(self.times, wanted.astype(self.times.dtype)))

    def text(self, point: int) -> str:
        """Write where a point stands as it can be typed.

        Example:
            >>> Axis(np.arange(9), None).text(4)
            '4'
        """
        place = self.of(np.array([point], dtype=np.int64))[0]
        return str(place).replace("T", " ").removesuffix(".000") if self.has_clock else str(int(place))

    @property
    def title(self) -> str:
        """Name the axis, its zone included."""
        return f"Time ({self._clock().name})" if self.has_clock else "Sample number"

    def _clock(self) -> words.Clock:
        return words.clock_at(words.instant(self.times[min(self.at, len(self.times) - 1)]), self.timezone)

    def _shift(self) -> np.timedelta64:
        return np.timedelta64(self._clock().offset // timedelta(milliseconds=1), "ms")


@dataclass(frozen=True)
class Scenery:
    """What is drawn.

    Attributes:
        view: the points of the shown channels.
        axis: where they stand.
        channels: names of all channels; shown: places of those that are drawn, from top to bottom.
        lying: what lies on the series.
        brush: points [low, high) that are marked.
    """

    view: View
    axis: Axis
    channels: tuple[str, ...]
    shown: tuple[int, ...]
    lying: Lying
    brush: Extent | None = None


def explore_chart(scenery: Scenery) -> go.Figure:
    """Draw lanes, score and channels on one time axis on which a stretch can be brushed."""
    rows = 2 + len(scenery.shown)
    low, high = CHANNEL_HEIGHTS
    heights = [LANES_HEIGHT, SCORE_HEIGHT, *(max(low, min(high, 186 // (rows - 2))) for _ in scenery.shown)]
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.022)
    _lanes(figure, scenery)
    _score(figure, scenery)
    for place in range(len(scenery.shown)):
        _channel(figure, scenery, place)
    if scenery.brush is not None:
        _mark(figure, scenery.axis, scenery.brush)
    ends = scenery.axis.of(np.array([scenery.view.low, scenery.view.high - 1], dtype=np.int64))
    kind = "date" if scenery.axis.has_clock else "linear"  # told, since a row without points would be taken for numbers
    figure.update_xaxes(
        range=[_plain(end) for end in ends], type=kind, showgrid=True, zeroline=False, showticklabels=False
    )
    figure.update_xaxes(title_text=plain.figure(scenery.axis.title, 90), showticklabels=True, row=rows, col=1)
    figure.update_xaxes(title={"standoff": 2, "font": {"size": 11}})
    figure.update_yaxes(side="right", nticks=3, zeroline=False, tickfont_size=10, fixedrange=True)
    figure.update_yaxes(range=[-0.6, 2.6], showticklabels=False, showgrid=False, row=1, col=1)
    figure.update_yaxes(range=[-0.05, 1.05], tickvals=[0, 1], row=2, col=1)
    figure.update_layout(
        height=sum(heights) + FRAME, margin={"l": LEFT, "r": RIGHT, "t": 26, "b": 38}, dragmode="select",
        selectdirection="h", hovermode="x unified", hoversubplots="axis",
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}, "itemclick": False},
    )  # fmt: skip
    return figure


def overview_chart(view: View, axis: Axis, shown: Extent, lying: Lying) -> go.Figure:
    """Draw the whole series in a strip: the first channel shown, alarms and anomalies below it, what is looked at."""
    figure = go.Figure()
    figure.add_scatter(
        x=axis.of(view.index[0]), y=view.values[0], mode="lines", hoverinfo="skip",
        line={"color": looks.VALUES[UNKNOWN], "width": 1.0},
    )  # fmt: skip
    answered = _of_answers(lying)
    found = Stretches(*(part[answered.value == ANOMALY] for part in (answered.low, answered.high, answered.value)))
    for place, (runs, colour) in enumerate(((lying.alarms, looks.ALARM), (found, looks.VALUES[ANOMALY]))):
        x, y = lane(axis, runs, view, -0.1 - 0.16 * place)
        figure.add_scatter(
            x=x, y=y, yaxis="y2", mode="lines", line={"color": colour, "width": 5}, hoverinfo="skip"
        )  # fmt: skip
    _mark(figure, axis, shown)
    ends = axis.of(np.array([view.low, view.high - 1], dtype=np.int64))
    figure.update_xaxes(
        range=[_plain(end) for end in ends], tickfont_size=10, nticks=8, showgrid=False, anchor="free", position=0
    )
    hidden = {"visible": False, "fixedrange": True}
    figure.update_layout(
        height=STRIP, margin={"l": LEFT, "r": RIGHT, "t": 2, "b": 34}, showlegend=False, dragmode="select",
        selectdirection="h", yaxis=hidden | {"domain": [0.28, 1.0]},
        yaxis2=hidden | {"domain": [0.0, 0.22], "range": [-0.36, 0.0], "anchor": "x"},
    )  # fmt: skip
    return figure


def lane(axis: Axis, runs: Stretches, view: View, height: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Lay runs on a lane as one broken line: pauses stay empty, what lies close is joined, and nothing is too thin.

    Example:
        >>> runs = Stretches(np.array([0, 50]), np.array([10, 60]), np.array([1, 1], np.int8))
        >>> x, y = lane(Axis(np.arange(100), None), runs, View(0, 100, (), ()), 2.0)
        >>> x.tolist(), y.tolist()
        ([0, 9, 9, 50, 59, 59], [2.0, 2.0, nan, 2.0, 2.0, nan])
    """
    inside = (runs.low < view.high) & (runs.high > view.low)
    first, last = np.maximum(runs.low[inside], view.low), np.minimum(runs.high[inside], view.high) - 1
    first, last = _parted(first, last, view.pauses)
    begins, ends = np.append(view.low, view.pauses + 1), np.append(view.pauses, view.high - 1)
    part = np.searchsorted(view.pauses, first)
    least = max(1, (view.high - view.low) // BINS)
    last = np.minimum(np.maximum(last, first + least), ends[part])
    first = np.maximum(np.minimum(first, last - least), begins[part])
    if len(first):
        apart = first[1:] - np.maximum.accumulate(last)[:-1] > least
        starts = np.flatnonzero(np.concatenate([[True], apart | (part[1:] != part[:-1])]))
        first, last = first[starts], np.maximum.reduceat(last, starts)
    points = np.stack([first, last, last], axis=1).ravel().astype(np.int64)
    return axis.of(points), np.tile([height, height, np.nan], len(first))


def broken(axis: NDArray[Any], values: NDArray[Any], gaps: Int64) -> tuple[NDArray[Any], NDArray[Any]]:
    """Put an empty point into every gap so that no line is drawn across it.

    Args:
        axis: (M,) places.
        values: (M,) drawn there.
        gaps: (G,) positions i such that a gap lies between points i and i + 1.

    Example:
        >>> broken(np.array([0, 1, 9]), np.array([1.0, 2.0, 3.0]), np.array([1]))[1].tolist()
        [1.0, 2.0, nan, 3.0]
    """
    if not len(gaps):
        return axis, values
    return np.insert(axis, gaps + 1, axis[gaps + 1]), np.insert(values.astype(np.float64), gaps + 1, np.nan)


def _parted(first: Int64, last: Int64, pauses: Int64) -> tuple[Int64, Int64]:
    """Part runs (first and last points, in time order and disjoint) where the recording pauses."""
    run = np.searchsorted(first, pauses, side="right") - 1
    within = run >= 0
    within[within] = pauses[within] < last[run[within]]
    cuts = pauses[within]
    return np.sort(np.concatenate([first, cuts + 1])), np.sort(np.concatenate([last, cuts]))


def _lanes(figure: go.Figure, scenery: Scenery) -> None:
    answers = _of_answers(scenery.lying)
    drawn = [(2, answers, value, looks.VALUES[value]) for value in (ANOMALY, NORMAL, UNKNOWN)]
    drawn += [(1, scenery.lying.settled, value, looks.VALUES[value]) for value in (ANOMALY, NORMAL)]
    drawn += [(0, scenery.lying.alarms, 1, looks.ALARM)]
    for height, runs, value, colour in drawn:
        its = Stretches(*(part[runs.value == value] for part in (runs.low, runs.high, runs.value)))
        x, y = lane(scenery.axis, its, scenery.view, height)
        name = "Alarm" if height == 0 else NAMES[value]
        figure.add_scatter(
            x=x if len(x) else [None], y=y if len(y) else [None], mode="lines", name=name, showlegend=height != 1,
            line={"color": colour, "width": 13 if height else 9}, hoverinfo="skip", row=1, col=1,
        )  # fmt: skip
    for height, text in zip((2, 1, 0), LANES, strict=True):
        figure.add_annotation(
            x=0, y=height, xref="paper", yref="y", xanchor="right", yanchor="middle", xshift=-10, text=text,
            showarrow=False, font_size=11,
        )  # fmt: skip


def _of_answers(lying: Lying) -> Stretches:
    low = np.array([one.low for one in lying.answers], dtype=np.int64)
    high = np.array([one.high for one in lying.answers], dtype=np.int64)
    value: Int8 = np.array([VALUES[one.answer] for one in lying.answers], dtype=np.int8)
    return Stretches(low, high, value)


def _score(figure: go.Figure, scenery: Scenery) -> None:
    at, score = scenery.lying.score_at, scenery.lying.score
    inside = (at >= scenery.view.low) & (at < scenery.view.high)
    at, score = _highest(at[inside], score[inside])
    before = np.unique(np.searchsorted(at, scenery.view.pauses, side="right")) - 1
    x, y = broken(scenery.axis.of(at), score, before[(before >= 0) & (before < len(at) - 1)])
    figure.add_scatter(
        x=x if len(x) else [None], y=y if len(x) else [None], mode="lines", name="Score",
        showlegend=False, line={"color": looks.ALARM, "width": 1.2, "shape": "vh"},
        hovertemplate="%{y:.2f}<extra>score</extra>", row=2, col=1,
    )  # fmt: skip
    _name(figure, 2, "Score", "")


def _highest(at: Int64, score: NDArray[np.float32]) -> tuple[Int64, NDArray[np.float32]]:
    """Keep the highest score of each of at most 1,000 stretches of windows, where it was."""
    if len(at) <= 1000:
        return at, score
    edges = np.unique(np.linspace(0, len(at), 1001).astype(np.int64))[:-1]
    parts = np.split(score, edges[1:])
    places = edges + np.array([int(part.argmax()) for part in parts])
    return at[places], score[places]


def _channel(figure: go.Figure, scenery: Scenery, place: int) -> None:
    row, channel = place + 3, scenery.shown[place]
    name, unit = (plain.figure(part, 40) for part in words.name_and_unit(scenery.channels[channel]))
    figure.add_scatter(
        x=scenery.axis.of(scenery.view.index[place]), y=scenery.view.values[place], mode="lines", name=name,
        showlegend=False, line={"color": looks.LINE, "width": 1.3},
        hovertemplate=f"%{{y:.5~g}} {unit}<extra>{name}</extra>", row=row, col=1,
    )  # fmt: skip
    _name(figure, row, *words.name_and_unit(scenery.channels[channel]))


def _name(figure: go.Figure, row: int, name: str, unit: str) -> None:
    low, high = figure.layout[f"yaxis{row}"].domain
    text = plain.figure(name, 18) + (f"<br>{plain.figure(unit, 18)}" if unit else "")
    figure.add_annotation(
        x=0, y=(low + high) / 2, xref="paper", yref="paper", xanchor="right", yanchor="middle", align="right",
        xshift=-10, text=text, showarrow=False, font_size=11,
    )  # fmt: skip


def _mark(figure: go.Figure, axis: Axis, extent: Extent) -> None:
    low, high = axis.of(np.array([extent[0], extent[1] - 1], dtype=np.int64))
    figure.add_shape(
        type="rect", xref="x", yref="paper", x0=_plain(low), x1=_plain(high), y0=0, y1=1, layer="below",
        fillcolor=looks.ASKED_BAND, line={"color": looks.ASKED_EDGE, "width": 1.5},
    )  # fmt: skip


def _plain(place: Any) -> Any:
    return str(place) if isinstance(place, np.datetime64) else float(place)
