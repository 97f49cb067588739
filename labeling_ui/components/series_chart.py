"""How does a window look in its context: all channels on one time axis, the asked stretch marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from labeling_ui.components import plain, words

# One set of colours for light and dark: each line keeps 3:1 against both grounds, and no meaning hangs on red or green.
CONTEXT_LINE = "#7a8797"
ASKED_LINE = "#2b7bc0"
ASKED_BAND = "rgba(230, 159, 0, 0.30)"
ASKED_EDGE = "#b97c00"
WINDOW_BAND = "rgba(122, 135, 151, 0.14)"
EXOGENOUS = "exogenous"
HEIGHT, ROW_HEIGHT, FRAME_HEIGHT = 430, 44, 74
LEFT, RIGHT = 128, 56
"""Pixels beside the time axis."""
NAME_WIDTH = 18
LABEL_SHARE = 0.09
"""Share of the axis that the word over the window takes; it is left out where the band is narrower."""

Extent = tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        values: (M, C) float32 in the source's units.
        times: (M,) datetime64 in UTC or int64 sample numbers, increasing.
        channels: C names.
        timezone: zone of the source; None where it has none.
        window: positions [low, high) of the window in the context.
        asked: positions [low, high) of the stretch that the answer decides.
        gap_factor: a step longer than this many median steps is a recording gap.
        exogenous: names of the channels that only explain the others; drawn below them and in grey.
        names: what the two stretches are called, ``window`` first.
    """

    values: NDArray[np.float32]
    times: NDArray[Any]
    channels: tuple[str, ...]
    timezone: str | None
    window: Extent
    asked: Extent
    gap_factor: float = 10.0
    exogenous: tuple[str, ...] = ()
    names: tuple[str, str] = ("window", "asked")

    @property
    def rows(self) -> tuple[int, ...]:
        """Positions of the channels from top to bottom: targets first."""
        return tuple(sorted(range(len(self.channels)), key=lambda place: self.channels[place] in self.exogenous))

    @property
    def has_clock(self) -> bool:
        """Whether times are instants."""
        return bool(np.issubdtype(self.times.dtype, np.datetime64))


def series_chart(picture: Picture, *, close: bool = False) -> go.Figure:
    """Draw a window in its context.

    Args:
        picture: what is drawn.
        close: show the window and half its length on both sides only; the axis can be dragged to the rest.

    Example:
        >>> ramp = np.arange(12, dtype=np.float32)[:, None]
        >>> figure = series_chart(Picture(ramp, np.arange(12), ("flow [l/s]",), None, (2, 10), (6, 10)))
        >>> [trace.name for trace in figure.data], len(figure.layout.shapes)
        (['flow', 'flow'], 2)
    """
    rows = len(picture.channels)
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.12 / max(rows, 4))
    axis, near = positions(picture), _surroundings(picture) if close else None
    for row, channel in enumerate(picture.rows, start=1):
        _add_channel(figure, picture, axis, (row, channel))
    _mark(figure, picture, axis, near)
    if near is not None:
        figure.update_xaxes(range=list(_edges(axis, near)))
    figure.update_xaxes(showgrid=True, zeroline=False, showticklabels=False)
    figure.update_xaxes(title_text=plain.figure(axis_title(picture), 90), showticklabels=True, row=rows, col=1)
    figure.update_yaxes(side="right", nticks=4, zeroline=False, tickfont_size=10, fixedrange=True, automargin=False)
    figure.update_layout(
        height=chart_height(rows),
        margin={"l": LEFT, "r": RIGHT, "t": 26, "b": 46},
        showlegend=False,
        hovermode="x unified",
        hoversubplots="axis",
        dragmode="zoom",
        uirevision="fixed",
    )
    return figure


def chart_height(channels: int) -> int:
    """Give the picture's height in pixels: it fits a laptop's screen until the channels need more.

    Example:
        >>> chart_height(1), chart_height(20)
        (430, 954)
    """
    return max(HEIGHT, ROW_HEIGHT * channels + FRAME_HEIGHT)


def positions(picture: Picture) -> NDArray[Any]:
    """(M,) where the points stand on the time axis: wall time at the asked stretch's offset, or sample numbers."""
    if not picture.has_clock:
        return picture.times
    return picture.times.astype("datetime64[ms]") + np.timedelta64(
        _clock(picture).offset // timedelta(milliseconds=1), "ms"
    )


def axis_title(picture: Picture) -> str:
    """Name the time axis, its zone included.

    Example:
        >>> axis_title(Picture(np.zeros((2, 1), np.float32), np.arange(2), ("x",), None, (0, 2), (0, 2)))
        'Sample number'
    """
    return f"Time ({_clock(picture).name})" if picture.has_clock else "Sample number"


def _clock(picture: Picture) -> words.Clock:
    return words.clock_at(words.instant(picture.times[picture.asked[0]]), picture.timezone)


def gaps_after(times: NDArray[Any], factor: float) -> NDArray[np.int64]:
    """Find the points after which the recording pauses.

    Args:
        times: (M,) increasing times or sample numbers.
        factor: a step longer than this many median steps is a gap.

    Returns:
        (G,) positions i such that a gap lies between points i and i + 1.

    Example:
        >>> gaps_after(np.array([0, 1, 2, 50, 51]), 10.0).tolist()
        [2]
    """
    if len(times) < 3:
        return np.zeros(0, dtype=np.int64)
    steps = np.diff(times).astype(np.int64)
    return np.flatnonzero(steps > factor * np.median(steps)).astype(np.int64)


def broken(axis: NDArray[Any], values: NDArray[Any], gaps: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Put an empty point into every gap so that no line is drawn across it.

    Example:
        >>> broken(np.array([0, 1, 9]), np.array([1.0, 2.0, 3.0]), np.array([1]))[1].tolist()
        [1.0, 2.0, nan, 3.0]
    """
    if not len(gaps):
        return axis, values
    return np.insert(axis, gaps + 1, axis[gaps + 1]), np.insert(values.astype(np.float64), gaps + 1, np.nan)


def name_and_unit(channel: str) -> tuple[str, str]:
    """Split a unit in brackets off a channel's name.

    Example:
        >>> name_and_unit("flow [l/s]"), name_and_unit("T1 (°C)"), name_and_unit("speed")
        (('flow', 'l/s'), ('T1', '°C'), ('speed', ''))
    """
    found = re.fullmatch(r"\s*(.+?)\s*[\[(]([^\[\]()]{1,16})[\])]\s*", channel)
    return (found[1], found[2]) if found else (channel, "")


def _add_channel(figure: go.Figure, picture: Picture, axis: NDArray[Any], place: tuple[int, int]) -> None:
    row, channel = place
    name, unit = (plain.figure(part, 40) for part in name_and_unit(picture.channels[channel]))
    is_exogenous = picture.channels[channel] in picture.exogenous
    column = picture.values[:, channel]
    low, high = picture.asked
    x, y = broken(axis, column, gaps_after(picture.times, picture.gap_factor))
    hover = f"%{{y:.5~g}} {unit}<extra>{name}</extra>"
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=name,
        line={"color": CONTEXT_LINE, "width": 1.3},
        hovertemplate=hover,
        row=row,
        col=1,
    )
    _name_channel(figure, row, picture.channels[channel], note=EXOGENOUS if is_exogenous else "")
    if is_exogenous:
        return
    inside = gaps_after(picture.times[low:high], picture.gap_factor)
    x, y = broken(axis[low:high], column[low:high], inside)
    style = {"color": ASKED_LINE, "width": 2.4}
    figure.add_scatter(x=x, y=y, mode="lines", name=name, line=style, hoverinfo="skip", row=row, col=1)


def _name_channel(figure: go.Figure, row: int, channel: str, *, note: str) -> None:
    name, unit = (plain.figure(part, NAME_WIDTH) for part in name_and_unit(channel))
    low, high = figure.layout["yaxis" if row == 1 else f"yaxis{row}"].domain
    below = ", ".join(part for part in (unit, note) if part)
    text = (name if note else f"<b>{name}</b>") + (f"<br>{below}" if below else "")
    figure.add_annotation(
        x=0, y=(low + high) / 2, xref="paper", yref="paper", xanchor="right", yanchor="middle", align="right",
        xshift=-10, text=text, showarrow=False, font_size=11,
    )  # fmt: skip


def _mark(figure: go.Figure, picture: Picture, axis: NDArray[Any], shown: Extent | None) -> None:
    window, asked = (_edges(axis, extent) for extent in (picture.window, picture.asked))
    band = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    figure.add_shape(band | {"x0": window[0], "x1": window[1], "fillcolor": WINDOW_BAND, "line": {"width": 0}})
    edge = {"color": ASKED_EDGE, "width": 1.5}
    figure.add_shape(band | {"x0": asked[0], "x1": asked[1], "fillcolor": ASKED_BAND, "line": edge})
    _say(figure, asked[0], f"<b>{picture.names[1]}</b>")
    first, last = (0, len(axis)) if shown is None else shown
    if axis[picture.asked[0]] - axis[picture.window[0]] > LABEL_SHARE * (axis[last - 1] - axis[first]):
        _say(figure, window[0], picture.names[0])


def _say(figure: go.Figure, x: Any, text: str) -> None:
    """Put a word over the picture where a band begins."""
    above = {"xref": "x", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    figure.add_annotation(x=x, y=1, text=text, showarrow=False, font_size=12, **above)


def _surroundings(picture: Picture) -> Extent:
    low, high = min(picture.window[0], picture.asked[0]), max(picture.window[1], picture.asked[1])
    half = (picture.window[1] - picture.window[0]) // 2
    return max(0, low - half), min(len(picture.times), high + half)


def _edges(axis: NDArray[Any], extent: Extent) -> tuple[Any, Any]:
    """Half a step beyond the first and the last point, so that a stretch of one point has a width too."""
    low, high = extent
    half = np.median(np.diff(axis).astype(np.int64)) / 2 if len(axis) > 1 else 0.5
    if np.issubdtype(axis.dtype, np.datetime64):
        step = np.timedelta64(int(half), "ms")
        return str(axis[low] - step), str(axis[high - 1] + step)
    return float(axis[low] - half), float(axis[high - 1] + half)
