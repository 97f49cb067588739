"""How does a window look in a small picture: its channels one below the other, each in its own range."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from labeling_ui import looks
from labeling_ui.components import words
from labeling_ui.shelf import Shot

HEIGHT, MOST_POINTS = 76, 160

Range = tuple[NDArray[np.float64], NDArray[np.float64]]


def ranges(shots: Iterable[Shot]) -> dict[str, Range]:
    """Find the lowest and highest value of each channel over some windows, series by series.

    Windows of a series are drawn in the same range, so that they can be compared.

    Example:
        >>> shot = Shot("a:0:2", "a", np.array([[0.0], [4.0]], np.float32), np.arange(2), None)
        >>> ranges([shot])["a"][1].tolist()
        [4.0]
    """
    found: dict[str, Range] = {}
    for shot in shots:
        finite = np.where(np.isfinite(shot.values), shot.values, np.nan).astype(np.float64)
        low, high = np.fmin.reduce(finite, axis=0), np.fmax.reduce(finite, axis=0)
        known = found.get(shot.series, (low, high))
        found[shot.series] = np.fmin(low, known[0]), np.fmax(high, known[1])
    return found


def thin(column: NDArray[Any], most: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Keep the lowest and highest point of each of ``most / 2`` stretches, so that no spike is lost.

    Example:
        >>> thin(np.array([0, 9, 0, 0, -5, 0]), 4)[1].tolist()
        [0, 9, 0, -5]
    """
    if len(column) <= most:
        return np.arange(len(column)), column
    edges = np.linspace(0, len(column), most // 2 + 1).astype(np.int64)
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    filled = np.nan_to_num(column)
    ends = [(low + int(filled[low:high].argmin()), low + int(filled[low:high].argmax())) for low, high in pairs]
    kept = np.array(sorted({place for pair in ends for place in pair}), dtype=np.int64)
    return kept, column[kept]


def lines(values: NDArray[Any], within: Range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lay channels one below the other as one line with breaks: the first is on top, each is one high.

    Example:
        >>> x, y = lines(np.array([[0.0, 5.0], [2.0, 5.0]]), (np.array([0.0, 5.0]), np.array([2.0, 5.0])))
        >>> y.round(2).tolist()
        [1.08, 1.92, nan, 0.5, 0.5, nan]
    """
    channels = values.shape[1]
    parts = []
    for place in range(channels):
        kept, column = thin(values[:, place].astype(np.float64), MOST_POINTS)
        low, high = within[0][place], within[1][place]
        share = (column - low) / (high - low) if high > low else np.full(len(column), 0.5)
        y = channels - 1 - place + 0.08 + 0.84 * share
        parts.append(np.stack([np.append(kept, kept[-1]), np.append(y, np.nan)]))
    both = np.concatenate(parts, axis=1)
    return both[0], both[1]


def thumbnail(shot: Shot, within: Range, value: int) -> go.Figure:
    """Draw a window small, the points that are judged in colour on a band.

    Args:
        shot: the window.
        within: lowest and highest value of each channel.
        value: 0 or 1, as what it is taken; -1 for neither.

    Example:
        >>> shot = Shot("a:0:2", "a", np.array([[0.0], [4.0]], np.float32), np.arange(2), None)
        >>> len(thumbnail(shot, ranges([shot])["a"], 1).data)
        2
    """
    x, y = lines(shot.values, within)
    figure = go.Figure(go.Scatter(x=x, y=y, mode="lines", line={"color": looks.GREY, "width": 1.2}))
    inside = x >= shot.first - 1
    line = {"color": looks.VALUES[value], "width": 2.2 if shot.first else 1.4}
    figure.add_scatter(x=x[inside], y=y[inside], mode="lines", line=line)
    if shot.first:
        figure.add_vrect(
            x0=shot.first - 0.5, x1=len(shot.values), fillcolor=looks.ASKED_BAND, line_width=0, layer="below"
        )
    figure.update_xaxes(visible=False, range=[0, max(1, len(shot.values) - 1)])
    figure.update_yaxes(visible=False, range=[-0.05, shot.values.shape[1] + 0.05])
    figure.update_layout(height=HEIGHT, margin={"l": 1, "r": 1, "t": 1, "b": 1}, showlegend=False)
    return figure


def draw(shot: Shot, within: Mapping[str, Range], value: int, *, key: str) -> None:
    """Put a small picture on the page; it does not move."""
    st.plotly_chart(
        thumbnail(shot, within[shot.series], value),
        key=key,
        config={"staticPlot": True, "displayModeBar": False},
        alt=f"{words.VALUES.get(value, words.UNSETTLED)}: {words.brief(shot.times[shot.first :], shot.timezone)}",
    )


def short_name(key: str) -> str:
    """Name a window for an element's key, whatever its series is called.

    Example:
        >>> short_name("a:0:8")
        '8a4fa2f50da2'
    """
    return hashlib.sha256(key.encode()).hexdigest()[:12]
