"""How long do people need for an answer: a dot for each person and kind of answer."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from db.records import Answer
from labeling_ui import looks
from labeling_ui.components import plain
from labeling_ui.state import NOUNS
from rl_tsad.services.agreement_of_people import Worker
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN

_LOOKS = {
    Answer.ANOMALY: (looks.VALUES[ANOMALY], "diamond"),
    Answer.NORMAL: (looks.VALUES[NORMAL], "circle"),
    Answer.UNSURE: (looks.VALUES[UNKNOWN], "square"),
}
"""Colour and shape: kinds are told apart without colours too."""


def pace_chart(workers: Sequence[Worker]) -> go.Figure:
    """Draw the median time of an answer, for each person and kind of which it is known.

    Example:
        >>> ann = Worker("ann", {}, 0, 0, {Answer.NORMAL: 2.5}, None, None)
        >>> [(trace.name, trace.x) for trace in pace_chart([ann]).data]
        [('Normal', (2.5,))]
    """
    figure = go.Figure()
    for kind, (colour, shape) in _LOOKS.items():
        timed = [one for one in workers if kind in one.seconds]
        if timed:
            figure.add_trace(
                go.Scatter(
                    x=[one.seconds[kind] for one in timed],
                    y=[plain.figure(one.name, 30) for one in timed],
                    name=NOUNS[kind],
                    mode="markers",
                    marker={"color": colour, "symbol": shape, "size": 12},
                    hovertemplate="%{y}: %{x:.1f} s<extra>" + NOUNS[kind] + "</extra>",
                )
            )
    figure.update_xaxes(title_text="Median seconds an answer", rangemode="tozero", zeroline=False)
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(
        height=110 + 34 * len(workers),
        margin={"l": 10, "r": 20, "t": 8, "b": 46},
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
