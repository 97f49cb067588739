"""How is a comparison shown on one page that needs nothing else: the table, and a picture of each series?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from peers.registry import PEERS
from protocol import Case

from detection.cells import Cell, Store
from detection.pictures import WIDTH, Picture, draw
from detection.summary import OURS, Column, Entry, best_peer, columns_of, costs_of, entries_of
from rl_tsad.types import Float32

_STRIPS = 2
_LEFT = 190
"""Units left of a picture for the names."""


def write_page(path: Path, cases: Sequence[Case], cells: Sequence[Cell], store: Store, seeds: int) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        cases: the series, in the order of the pictures.
        cells: of all methods that are shown.
        store: has the scores.
        seeds: of methods that depend on chance.
    """
    columns = columns_of(cases)
    entries = entries_of(cells, columns, cases)
    shown = _shown([column for column in columns if _is_set(column)], entries)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    sections = {column.title: _pictures(cases, column, cells, shown, store) for column in columns if _is_set(column)}
    page = environment.get_template("page.html.j2").render(
        title="Detectors without labels, series by series",
        sentences=[_sentence(column, entries) for column in columns],
        columns=columns,
        rows=_rows(columns, entries, cells),
        best={
            column.key: max((e.mean for (_, k), e in entries.items() if k == column.key), default=0)
            for column in columns
        },
        sections=sections,
        seeds=seeds,
        width=WIDTH,
        left=_LEFT,
    )
    path.write_text(page, encoding="utf-8")


def _is_set(column: Column) -> bool:
    return column.key in {name for name, _ in column.names}


def _sentence(column: Column, entries: dict[tuple[str, str], Entry]) -> str:
    ours, peer = entries.get((OURS, column.key)), best_peer(entries, column.key)
    parts = []
    if ours is not None:
        goal = "" if column.target is None else f" (target {column.target:.2f})"
        parts.append(f"rl-tsad {ours.mean:.3f}, 95 % interval {ours.low:.3f} to {ours.high:.3f}{goal}")
    if peer is not None:
        parts.append(f"best peer here {PEERS[peer[0]].title} ({PEERS[peer[0]].group}) {peer[1]:.3f}")
    if column.best_published is not None:
        parts.append(f"best published column {column.best_published[0]} {column.best_published[1]:.3f}")
    return f"{column.title}: {'; '.join(parts)}."


def _rows(
    columns: Sequence[Column], entries: dict[tuple[str, str], Entry], cells: Sequence[Cell]
) -> list[dict[str, Any]]:
    rows = []
    for method in (name for name in PEERS if any(cell.method == name for cell in cells)):
        own = [cell for cell in cells if cell.method == method]
        fit, score = costs_of(own)
        found = {column.key: entries.get((method, column.key)) for column in columns}
        peer = PEERS[method]
        rows.append({"title": peer.title, "group": peer.group, "entries": found, "fit": fit, "score": score})
    return rows


def _shown(columns: Sequence[Column], entries: dict[tuple[str, str], Entry]) -> list[str]:
    """Choose whose scores are drawn: ours, and the two best peers of each column that differ in their mean."""
    chosen = [method for method in PEERS if PEERS[method].group == OURS]
    for column in columns:
        means = {method: entry.mean for (method, key), entry in entries.items() if key == column.key}
        peers = sorted((method for method in means if PEERS[method].group != OURS), key=lambda each: -means[each])
        distinct = {round(means[method], 9): method for method in reversed(peers)}
        chosen += sorted(distinct.values(), key=lambda each: -means[each])[:_STRIPS]
    return [method for method in PEERS if method in chosen]


def _pictures(
    cases: Sequence[Case], column: Column, cells: Sequence[Cell], shown: Sequence[str], store: Store
) -> list[Picture]:
    pictures = []
    for case in (case for case in cases if (case.set, case.name) in column.names):
        first = {cell.method: cell for cell in cells if (cell.set, cell.series, cell.seed) == (case.set, case.name, 0)}
        scores: dict[bytes, tuple[str, float, Float32, bool]] = {}
        for method in (method for method in shown if method in first):
            score = store.score(first[method])
            strip = (PEERS[method].title, first[method].vus_pr, score, PEERS[method].group == OURS)
            scores.setdefault(score.tobytes(), strip)  # on one column some methods are one
        pictures.append(draw(case, list(scores.values())))
    return pictures
