"""Curves and series as Plotly figures in plain dictionaries; colours are names that the page resolves, light or dark.

A colour is written ``"@3"`` (the third of a colour-blind safe list, Okabe & Ito 2008) or ``"@truth/25"`` (a named
one, at 25 %).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.evaluation.budget import BudgetCurve
from rl_tsad.evaluation.metrics import events
from rl_tsad.evaluation.summary import metric_name
from rl_tsad.types import Float32, Float64, Int8, Int64

Figure = dict[str, Any]
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
_ANSWERS = {"anomaly": ("triangle-up", "@alarm"), "normal": ("circle", "@normal"), "unsure": ("x", "@text")}
_BUCKETS = 1000
_SHOWN = 4
_GAP_STEPS = 10
_GAPS_KEPT = 200


@dataclass(frozen=True)
class SeriesPicture:
    """What one series looked like and what was said of it.

    Attributes:
        name: name of the series.
        times: (T,) datetime64 in UTC or sample numbers.
        values: (T, C) float32 in the file's own units.
        channels: C names.
        truth: (T,) 1 inside a known anomaly, or None.
        score: (T,) in [0, 1], or None.
        verdict: (T,) 1 where an alarm is raised, -1 where nothing was decided, or None.
        asked: point asked about and its answer (``"anomaly"``, ``"normal"``, ``"unsure"``).
        boundary: first point of the test part, or None.
        targets: positions of the channels that are scored; all when omitted.
    """

    name: str
    times: NDArray[Any]
    values: Float32
    channels: tuple[str, ...]
    truth: Int8 | None = None
    score: Float32 | None = None
    verdict: Int8 | None = None
    asked: Sequence[tuple[int, str]] = field(default=())
    boundary: int | None = None
    targets: tuple[int, ...] | None = None


def curve_figure(curves: Sequence[BudgetCurve]) -> Figure:
    """Draw one metric's curves with interval bands.

    Example:
        >>> curve_figure([])["data"]
        []
    """
    traces: list[Figure] = []
    for place, curve in enumerate(curves):
        traces += [_band(curve, place), _line(curve, place)]
    metric = metric_name(curves[0].metric) if curves else ""
    layout = {
        "xaxis": {"title": {"text": "questions asked"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": f"{_plain(metric)} (0 to 1)"}, "range": [0, 1]},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "height": 380,
        "margin": {"l": 60, "r": 16, "t": 48, "b": 52},
        "hovermode": "x unified",
    }
    return {"data": traces, "layout": layout}


def _band(curve: BudgetCurve, place: int) -> Figure:
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    asked, low, high = curve.questions[known], curve.low[known], curve.high[known]
    return {
        "x": _numbers(np.concatenate([asked, asked[::-1]])),
        "y": _numbers(np.concatenate([low, high[::-1]])),
        "fill": "toself",
        "fillcolor": f"@{place}/18",
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": str(place),
    }


def _line(curve: BudgetCurve, place: int) -> Figure:
    spans = np.stack([curve.low, curve.high, curve.labels, curve.seconds / 60], axis=1)
    return {
        "x": _numbers(curve.questions),
        "y": _numbers(curve.mean),
        "customdata": [_numbers(row) for row in spans],
        "name": _plain(curve.method),
        "legendgroup": str(place),
        "mode": "lines+markers",
        "line": {"color": f"@{place}", "dash": _DASHES[place % len(_DASHES)], "width": 2.5},
        "marker": {"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 9, "color": f"@{place}"},
        "hovertemplate": "%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}), %{customdata[2]:.0f} windows "
        "labelled in %{customdata[3]:.1f} min",
    }


def picture_figure(picture: SeriesPicture) -> Figure:
    """Draw a series: channels above, questions in the middle, score below, truth as bands and alarms as a strip.

    Each line keeps the extremes of 1,000 equal stretches and the rims of gaps, and stops at gaps. Several
    channels share an axis in robust units (median 0, 1.4826 MAD 1); hovering shows the file's own.

    Example:
        >>> p = SeriesPicture("a", np.arange(3), np.zeros((3, 1), np.float32), ("flow",))
        >>> picture_figure(p)["data"][0]["name"]
        'flow'
    """
    shown = shown_channels(picture)
    traces = [_channel(picture, channel, place, scaled=len(shown) > 1) for place, channel in enumerate(shown)]
    if picture.score is not None:
        traces.append(_score(picture, picture.score))
    traces += [_questions(picture, answer) for answer in _ANSWERS if any(said == answer for _, said in picture.asked)]
    return {"data": traces, "layout": _picture_layout(picture, shown)}


def shown_channels(picture: SeriesPicture) -> list[int]:
    """Choose the at most four targets that deviate most where something was raised, asked or true.

    Example:
        >>> values = np.zeros((9, 6), np.float32)
        >>> values[4, 5] = 9
        >>> p = SeriesPicture("a", np.arange(9), values, tuple("abcdef"), truth=(np.arange(9) == 4).astype(np.int8))
        >>> 5 in shown_channels(p)
        True
    """
    scored = list(range(picture.values.shape[1])) if picture.targets is None else list(picture.targets)
    if len(scored) <= _SHOWN:
        return scored
    marked = np.zeros(len(picture.values), dtype=np.bool_)
    for flags in (picture.truth, picture.verdict):
        marked |= flags == 1 if flags is not None else False
    marked[[point for point, _ in picture.asked]] = True
    strength = np.array([np.abs(_robust(picture.values[:, c])[marked]).mean() if marked.any() else 0 for c in scored])
    return sorted(scored[place] for place in np.argsort(-strength, kind="stable")[:_SHOWN].tolist())


def extremes(values: NDArray[Any], buckets: int = _BUCKETS) -> Int64:
    """Pick the positions of the smallest and largest value of each of ``buckets`` equal stretches.

    Example:
        >>> extremes(np.array([0, 5, 1, 1, -3, 1, 1, 1.0]), buckets=2).tolist()
        [0, 1, 4, 5]
    """
    if len(values) <= 2 * buckets:
        return np.arange(len(values), dtype=np.int64)
    edges = np.linspace(0, len(values), buckets + 1).astype(np.int64)
    size = int(np.diff(edges).max())
    positions = np.minimum(edges[:-1, None] + np.arange(size), edges[1:, None] - 1)
    block = values[positions]
    rows = np.arange(buckets)
    both = [positions[rows, block.argmin(axis=1)], positions[rows, block.argmax(axis=1)]]
    return np.unique(np.concatenate(both)).astype(np.int64)


def gap_ends(times: NDArray[Any]) -> Int64:
    """Find the last point before each recording gap: a step longer than ten median steps follows it.

    Example:
        >>> gap_ends(np.array([0, 1, 2, 3, 60, 61])).tolist()
        [3]
    """
    steps = np.diff(times).astype(np.int64)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return np.flatnonzero(steps > _GAP_STEPS * usual).astype(np.int64) if usual > 0 else np.zeros(0, np.int64)


def _path(times: NDArray[Any], values: NDArray[Any], told: NDArray[Any] | None = None) -> Figure:
    """Give a line's points; an empty point (y None) breaks it at a gap, and the rims of at most 200 gaps are kept."""
    gaps, kept = gap_ends(times), extremes(values)
    if len(gaps) <= _GAPS_KEPT:
        kept = np.union1d(kept, np.concatenate([gaps, gaps + 1]))
    crossed = np.flatnonzero(np.diff(np.searchsorted(gaps, kept)))
    rows = np.insert(kept, crossed + 1, kept[crossed])
    empty = crossed + 1 + np.arange(len(crossed))
    path = {"x": _instants(times[rows]), "y": _holed(values[rows], empty)}
    return path if told is None else {**path, "customdata": _holed(told[rows], empty)}


def _holed(values: NDArray[Any], empty: Int64) -> list[float | None]:
    holed = _numbers(values)
    for place in empty.tolist():
        holed[place] = None
    return holed


def _channel(picture: SeriesPicture, channel: int, place: int, *, scaled: bool) -> Figure:
    raw = picture.values[:, channel]
    return {
        **_path(picture.times, _robust(raw) if scaled else raw, raw),
        "name": _plain(picture.channels[channel]),
        "mode": "lines",
        "line": {"color": f"@{place}", "width": 1.2},
        "hovertemplate": "%{customdata:.5g}",
    }


def _score(picture: SeriesPicture, score: Float32) -> Figure:
    return {
        **_path(picture.times, score),
        "name": "score",
        "mode": "lines",
        "line": {"color": "@alarm", "width": 1},
        "yaxis": "y3",
        "showlegend": False,
        "hovertemplate": "%{y:.3f}",
    }


def _questions(picture: SeriesPicture, answer: str) -> Figure:
    points = [point for point, said in picture.asked if said == answer]
    symbol, colour = _ANSWERS[answer]
    return {
        "x": _instants(picture.times[points]),
        "y": [0.5] * len(points),
        "name": f"answered {answer}",
        "mode": "markers",
        "marker": {"symbol": symbol, "color": colour, "size": 9},
        "zorder": int(answer == "anomaly"),  # normal windows lie right beside every event and would hide it
        "yaxis": "y2",
        "showlegend": False,
        "hovertemplate": f"answered {answer}<extra></extra>",
    }


def _picture_layout(picture: SeriesPicture, shown: Sequence[int]) -> Figure:
    clock = np.issubdtype(picture.times.dtype, np.datetime64)
    unit = "robust z (median 0)" if len(shown) > 1 else f"{_plain(picture.channels[shown[0]])} (own units)"
    bottom = 0.32 if picture.score is not None else 0.1
    layout: Figure = {
        "xaxis": {
            "title": {"text": "time (UTC)" if clock else "sample number"},
            "type": "date" if clock else "linear",
            "anchor": "y3" if picture.score is not None else "y2",
        },
        "yaxis": {"title": {"text": unit}, "domain": [bottom, 1]},
        "yaxis2": {"domain": [bottom - 0.09, bottom - 0.01], "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": _marks(picture),
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "height": 400,
        "margin": {"l": 60, "r": 16, "t": 40, "b": 48},
        "hovermode": "x",
    }
    if picture.score is not None:
        score = {"title": {"text": "score"}, "domain": [0, bottom - 0.1], "range": [0, 1.02], "nticks": 3}
        layout["yaxis3"] = {**score, "fixedrange": True}
    return layout


def _marks(picture: SeriesPicture) -> list[Figure]:
    """Truth as full-height bands, alarms as a strip on top, the start of the test part as a line."""
    marks = [] if picture.truth is None else _bands(picture, picture.truth, (0.0, 1.0), "@truth/35")
    if picture.verdict is not None:
        raised = (picture.verdict == 1).astype(np.int8)
        marks += _bands(picture, raised, (0.955, 1.0), "@alarm")
    if picture.boundary is not None and 0 <= picture.boundary < len(picture.times):
        place = _instants(picture.times[[picture.boundary]])[0]
        ends = {"x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper"}
        marks.append({"type": "line", **ends, "line": {"color": "@text", "width": 1, "dash": "dot"}})
    return marks


def _bands(picture: SeriesPicture, flags: Int8, height: tuple[float, float], colour: str) -> list[Figure]:
    spans = events(flags)
    last = len(picture.times) - 1
    starts = _instants(picture.times[spans[:, 0]])
    ends = _instants(picture.times[np.minimum(spans[:, 1], last)])
    fixed = {"type": "rect", "yref": "y domain", "y0": height[0], "y1": height[1], "layer": "below"}
    style = {"fillcolor": colour, "line": {"width": 0.8, "color": colour}}
    return [{**fixed, **style, "x0": low, "x1": high} for low, high in zip(starts, ends, strict=True)]


def _robust(values: NDArray[Any]) -> Float64:
    wide = values.astype(np.float64)
    center = np.median(wide)
    spread = 1.4826 * np.median(np.abs(wide - center)) or float(wide.std()) or 1.0
    return np.asarray((wide - center) / spread, dtype=np.float64)


def _instants(times: NDArray[Any]) -> list[Any]:
    """Milliseconds since 1970 where there is a clock, sample numbers where there is none."""
    if np.issubdtype(times.dtype, np.datetime64):
        return times.astype("datetime64[ms]").astype(np.int64).tolist()  # type: ignore[no-any-return]
    return times.tolist()  # type: ignore[no-any-return]


def _numbers(values: NDArray[Any]) -> list[float | None]:
    """Five significant digits are what a screen shows; nan has no place in JSON."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]


def _plain(text: str) -> str:
    """Plotly reads a little HTML in names; ours are text."""
    return html.escape(text, quote=False)
