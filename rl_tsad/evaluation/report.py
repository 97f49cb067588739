"""One page that says what labels bought: self-contained, offline, light and dark, on screen and on paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from rl_tsad.evaluation.budget import BudgetCurve, Measurement, table_rows
from rl_tsad.evaluation.charts import SeriesPicture, curve_figure, picture_figure, shown_channels
from rl_tsad.evaluation.export import write_curve_csv, write_curve_json
from rl_tsad.evaluation.summary import METRIC_WORDS, metric_name, summarise

__all__ = ["ReportData", "SeriesPicture", "render_report", "write_curve_csv", "write_curve_json"]


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows. Nothing of it is ever read as HTML.

    Attributes:
        title: heading.
        protocol: how it was measured, as facts by name.
        curves: budget curves; the first one's method and metric lead the summary, the other methods are its controls.
        measurements: single runs behind the curves.
        pictures: series to show.
        notes: sentences to add below the summary.
    """

    title: str
    protocol: Mapping[str, str] = field(default_factory=dict)
    curves: Sequence[BudgetCurve] = ()
    measurements: Sequence[Measurement] = ()
    pictures: Sequence[SeriesPicture] = ()
    notes: Sequence[str] = ()


def render_report(data: ReportData) -> str:
    """Write the page as one HTML text with Plotly inside, ready to be saved as ``report.html``.

    Example:
        >>> page = render_report(ReportData("A <b>bold</b> claim"))
        >>> "A &lt;b&gt;bold&lt;/b&gt; claim" in page
        True
    """
    from jinja2 import Environment, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = resources.files("rl_tsad.evaluation").joinpath("report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        title=data.title,
        summary=summarise(data.curves),
        notes=list(data.notes),
        protocol=dict(data.protocol),
        charts=_curve_charts(data),
        pictures=[_picture_chart(picture) for picture in data.pictures],
        table=_table(data),
        plotly=get_plotlyjs(),
    )


def _metrics(data: ReportData) -> list[str]:
    return list(dict.fromkeys(curve.metric for curve in data.curves))


def _curve_charts(data: ReportData) -> list[dict[str, Any]]:
    return [
        {
            "title": metric_name(metric)[:1].upper() + metric_name(metric)[1:],
            "words": METRIC_WORDS.get(metric, ""),
            "figure": curve_figure([curve for curve in data.curves if curve.metric == metric]),
        }
        for metric in _metrics(data)
    ]


def _picture_chart(picture: SeriesPicture) -> dict[str, Any]:
    shown, width = len(shown_channels(picture)), picture.values.shape[1]
    channels = f"{shown} of {width} channels shown" if shown < width else f"{width} channel{'s' * (width > 1)}"
    facts = [f"{len(picture.values):,} points", channels]
    answers = [answer for _, answer in picture.asked]
    facts.append(", ".join(f"{answers.count(said)} answered {said}" for said in dict.fromkeys(answers)) or "not asked")
    return {"title": picture.name, "words": "; ".join(facts), "figure": picture_figure(picture)}


def _table(data: ReportData) -> dict[str, Any]:
    metrics = _metrics(data)
    rows = [
        {
            "method": row["method"],
            "counts": [
                str(row["budget"]),
                *(f"{row[name]:.0f}" for name in ("questions", "labels", "seconds")),
                str(row["seeds"]),
            ],
            "cells": [_cell(row, metric) for metric in metrics],
        }
        for row in table_rows(data.curves, data.measurements)
    ]
    return {"heads": [metric_name(metric) for metric in metrics], "rows": rows}


def _cell(row: Mapping[str, Any], metric: str) -> tuple[str, str]:
    """Mean and interval as text; a dash where there is no value."""
    mean, low, high = (row.get(metric + end, math.nan) for end in ("", "_low", "_high"))
    if math.isnan(mean):
        return "–", ""  # noqa: RUF001
    return f"{mean:.3f}", "" if row["seeds"] < 2 else f"{low:.3f} to {high:.3f}"
