"""Our own files of windows, read: the CSV of standing answers and the JSON of the whole history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from db.records import Answer
from rl_tsad.data.annotations.forms import Form
from rl_tsad.data.annotations.grid import Grid, Group, Remark
from rl_tsad.data.annotations.names import unguard
from rl_tsad.data.annotations.texts import load_texts
from rl_tsad.data.understanding import Place
from rl_tsad.errors import DataError
from rl_tsad.services.history_files import Event, place_in, standing_events
from rl_tsad.types import parse_key

_ANSWERS = frozenset(Answer)


def read_windows(path: Path, form: Form, grids: Mapping[str, Grid]) -> tuple[list[Group], Place]:
    """Read answers about windows: the standing ones of a CSV with columns ``key`` and ``answer``, or of a history.

    Args:
        path: the file.
        form: :attr:`Form.WINDOWS` or :attr:`Form.HISTORY`.
        grids: of the series, by name.

    Returns:
        An answer a group (of a CSV, a window a group), in the file's order, and the place of each row.

    Raises:
        DataError: names file and line.
    """
    if form == Form.HISTORY:
        place, answers = place_in(path), list(standing_events(path))
    else:
        table = load_texts(path, {"key": ("key",), "answer": ("answer",), "analyst": ("analyst",)}, ("analyst",))
        place = table.place
        answers = [(None, [(row, one)]) for row, one in enumerate(table.frame.to_dict("records"))]
    return [group for remark, rows in answers for group in _groups(rows, grids, place, remark)], place


def _groups(
    rows: Sequence[tuple[int, Event]], grids: Mapping[str, Grid], place: Place, remark: Remark | None
) -> Iterator[Group]:
    """Yield what one message says, for each of its answers the windows; the one that was asked about comes first."""
    found = [_checked(number, row, grids, place) for number, row in rows]
    number, row = rows[0]
    mark = row.get("mark_low"), row.get("mark_high")
    marked = (int(mark[0]), int(mark[1])) if isinstance(mark[0], int) and isinstance(mark[1], int) else None
    analyst = unguard(str(row.get("analyst") or "").strip())
    for series, answer in dict.fromkeys((series, answer) for series, _, answer in found):
        windows = np.array([one[1] for one in found if (one[0], one[2]) == (series, answer)], dtype=np.int64)
        yield Group(series, answer, windows, analyst, marked, number, remark)


def _checked(number: int, row: Event, grids: Mapping[str, Grid], place: Place) -> tuple[str, int, str]:
    """Give the series, the window's number in its grid and the answer.

    Raises:
        DataError: when there is no such window or no such answer.
    """
    key = unguard(str(row["key"]).strip())
    try:
        series, start, length = parse_key(key)
    except DataError as error:
        raise DataError(f"{place(number)}, column 'key': {error}") from error
    if series not in grids:
        raise DataError(f"{place(number)}: expected a series of this workspace, got {series!r}; ingest it first")
    grid = grids[series]
    if length != grid.length or start + length > grid.points:
        raise DataError(
            f"{place(number)}: expected a window of length {grid.length} inside the {grid.points} points of "
            f"{series!r}, got {key!r}; the file comes from a workspace with other window settings"
        )
    if start % grid.stride:
        raise DataError(
            f"{place(number)}: expected a window that starts at a multiple of {grid.stride}, got {key!r}; there is no "
            "such window"
        )
    if row["answer"] not in _ANSWERS:
        said = row["answer"]
        raise DataError(f"{place(number)}, column 'answer': expected {', '.join(Answer)}, got {said!r}; mend that line")
    return series, start // grid.stride, str(row["answer"])
