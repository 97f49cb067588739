"""How does the agreement of agent and analyst move: one line over the questions."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from labeling_ui import looks


def agreement_chart(curve: Sequence[tuple[int, float]]) -> go.Figure:
    """Draw the running agreement between what the agent said before an answer and the answer.

    Args:
        curve: questions answered so far and the agreement then, in [0, 1].

    Example:
        >>> agreement_chart([(1, 1.0), (2, 0.5)]).data[0].y
        (100.0, 50.0)
    """
    figure = go.Figure(
        go.Scatter(
            x=tuple(point[0] for point in curve),
            y=tuple(100.0 * point[1] for point in curve),
            mode="lines+markers" if len(curve) < 40 else "lines",
            line={"color": looks.LINE, "width": 2.5},
            hovertemplate="%{y:.0f} % agreement after %{x} questions<extra></extra>",
        )
    )
    few = {"dtick": 1} if curve and curve[-1][0] <= 10 else {}
    figure.update_xaxes(title_text="Questions answered", rangemode="tozero", zeroline=False, tickformat=",d", **few)
    figure.update_yaxes(title_text="Agreement (%)", range=[-3, 103], zeroline=False, ticksuffix=" %")
    figure.update_layout(height=300, margin={"l": 70, "r": 20, "t": 12, "b": 50}, showlegend=False)
    return figure
