"""Answers out to files and in from files: all of a file or nothing of it, and the same file only once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from db import labels
from db.records import Answer, Label, NewLabel
from rl_tsad.config import WindowConfig
from rl_tsad.errors import DataError
from rl_tsad.services.workspace import Workspace, list_series, load_series, write_text
from rl_tsad.types import parse_key

COLUMNS = ("key", "answer", "from", "to", "analyst", "created_at")


def export_answers(workspace: Workspace, out: Path) -> int:
    """Write answers to a file: ``.csv`` the standing ones, ``.json`` the whole history, undone ones included.

    Returns:
        How many answers or events were written.

    Raises:
        DataError: when the file's ending is neither.
    """
    if out.suffix not in {".csv", ".json"}:
        raise DataError(f"expected --out to end in .csv or .json, got {out.name!r}; choose one of these")
    with workspace.store.read() as session:
        rows = labels.standing(session) if out.suffix == ".csv" else labels.history(session)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, _as_csv(workspace, rows) if out.suffix == ".csv" else _as_json(rows))
    return len(rows)


def import_answers(workspace: Workspace, path: Path, *, analyst: str, dry_run: bool = False) -> int:
    """Add answers from a file that :func:`export_answers` wrote, or any CSV with columns ``key`` and ``answer``.

    Args:
        workspace: whose windows are meant.
        path: ``.csv`` or ``.json``.
        analyst: who gave answers that name nobody.
        dry_run: only check.

    Returns:
        How many answers were (or would be) added; those already here are not counted.

    Raises:
        DataError: names file and line; nothing was added then.
    """
    rows = list(_read(path))
    lengths = {record.name: record.rows for record in list_series(workspace)}
    window = workspace.settings.window
    new = [_checked(path, line, row, lengths=lengths, window=window) for line, row in rows]
    with workspace.store.begin() as session:
        known = {(label.key, label.answer) for label in labels.standing(session)}
        fresh = [(one, row) for one, (_, row) in zip(new, rows, strict=True) if (one[0], one[1]) not in known]
        for (key, answer), row in [] if dry_run else fresh:
            labels.append(session, _new_label(key, answer, str(row.get("analyst") or analyst)))
    return len(fresh)


def _new_label(key: str, answer: Answer, analyst: str) -> NewLabel:
    series, start, length = parse_key(key)
    return NewLabel(key=key, series=series, start=start, length=length, answer=answer, analyst=analyst)


def _as_csv(workspace: Workspace, rows: list[Label]) -> str:
    """Write a row per answer; ``from`` and ``to`` are the first and the last point that it decides, in UTC."""
    times = {record.name: load_series(workspace, record).times for record in list_series(workspace)}
    stride = workspace.settings.window.stride
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        end = row.start + row.length
        span = times[row.series][[0 if row.start == 0 else end - stride, end - 1]]
        writer.writerow(
            [row.key, row.answer, *(_moment(point) for point in span), row.analyst, row.created_at.isoformat()]
        )
    return text.getvalue()


def _moment(point: np.generic) -> str:
    return f"{point.astype('datetime64[s]')}Z" if isinstance(point, np.datetime64) else str(point)


def _as_json(rows: list[Label]) -> str:
    events = [{**asdict(row), "created_at": row.created_at.isoformat()} for row in rows]
    return json.dumps({"format": "rl-tsad answers", "version": 1, "events": events}, indent=1) + "\n"


def _read(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line or event number, row) of the answers that stand at the end of the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a readable text file, got {error}; check the path") from error
    if path.suffix == ".json":
        yield from _standing_events(path, text)
        return
    reader = csv.DictReader(io.StringIO(text))
    if not {"key", "answer"} <= set(reader.fieldnames or ()):
        raise DataError(
            f"{path}, line 1: expected the columns key and answer, got {', '.join(reader.fieldnames or ['nothing'])}; "
            "see a file written by `rl-tsad labels export`"
        )
    for row in reader:
        yield reader.line_num, row


def _standing_events(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        events = json.loads(text)["events"]
        undone = {event["undoes"] for event in events if event.get("undoes") is not None}
        last = {event["key"]: number for number, event in enumerate(events) if _stands(event, undone)}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected JSON of `rl-tsad labels export`, got {error!r}; export again") from error
    for number in sorted(last.values()):
        yield number + 1, events[number]


def _stands(event: Mapping[str, Any], undone: set[int]) -> bool:
    return event["answer"] is not None and event["id"] not in undone


def _checked(
    path: Path, line: int, row: Mapping[str, Any], *, lengths: Mapping[str, int], window: WindowConfig
) -> tuple[str, Answer]:
    where = f"{path}, {'event' if path.suffix == '.json' else 'line'} {line}"
    try:
        series, start, length = parse_key(str(row["key"]))
    except DataError as error:
        raise DataError(f"{where}, column 'key': {error}") from error
    if series not in lengths:
        raise DataError(f"{where}: expected a series of this workspace, got {series!r}; ingest it first")
    if length != window.length or start + length > lengths[series]:
        raise DataError(
            f"{where}: expected a window of length {window.length} inside the {lengths[series]} points of {series!r}, "
            f"got {row['key']!r}; the file comes from a workspace with other window settings"
        )
    if start % window.stride:
        raise DataError(
            f"{where}: expected a window that starts at a multiple of {window.stride}, got {row['key']!r}; there is no "
            "such window"
        )
    if row["answer"] not in set(Answer):
        said = row["answer"]
        raise DataError(f"{where}, column 'answer': expected {', '.join(Answer)}, got {said!r}; mend that line")
    return str(row["key"]), Answer(str(row["answer"]))
