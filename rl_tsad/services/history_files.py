"""The whole history of answers in one JSON file: written with all that came with them, and read again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from db import details, labels, vetoes
from db.desk_records import AnswerDetail
from db.records import Label
from rl_tsad.data.annotations.forms import load_json
from rl_tsad.data.annotations.grid import Remark
from rl_tsad.data.understanding import Place, cell_error
from rl_tsad.errors import DataError
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace

VERSION = 2
"""2 brought ``marks``, ``fault``, ``comment``, ``seconds`` and ``exceptions``; files of 1 are read as well."""

LONGEST_FAULT, LONGEST_COMMENT, LONGEST_SECONDS = 200, 4000, 86_400.0

Event = Mapping[Any, Any]


def written_history(ws: Workspace) -> tuple[bytes, int]:
    """Write every row ever kept, an event a line; what came with an answer stands at its first row.

    Returns:
        The file, and how many rows it holds.

    Raises:
        WorkspaceError: when the store cannot be read.
    """
    with in_words(), ws.store.read() as session:
        rows, came = labels.history(session), details.every(session)
        spared: dict[int, list[str | None]] = {}
        for veto in vetoes.standing(session):
            spared.setdefault(veto.label_id, []).append(veto.key)
    head = f'{{"format": "rl-tsad answers", "version": {VERSION}, "events": ['
    lines = ",\n".join(_line(row, came.get(row.id), spared.get(row.id)) for row in rows)
    return f"{head}\n{lines}\n]}}\n".encode(), len(rows)


def _line(row: Label, came: AnswerDetail | None, spared: Sequence[str | None] | None) -> str:
    event = vars(row) | {"created_at": row.created_at.isoformat()}
    if came is not None:
        event |= {name: value for name, value in vars(came).items() if name != "label_id" and value not in (None, ())}
    return json.dumps(event | {"exceptions": spared} if spared else event)


def standing_events(path: Path) -> Iterator[tuple[Remark | None, Sequence[tuple[int, Event]]]]:
    """Yield the events that stand at the end of a file, those of one message together, and what came with them.

    Raises:
        DataError: when the file is no history, or says where something that came with an answer cannot be meant.
    """
    content = load_json(path)
    try:
        events = content["events"]
        undone = {event["undoes"] for event in events if event.get("undoes") is not None}
        stands = [event["answer"] is not None and event["id"] not in undone for event in events]
        last = {event["key"]: number for number, event in enumerate(events) if stands[number]}
        messages: dict[object, list[tuple[int, Event]]] = {}
        for number in sorted(last.values()):
            messages.setdefault(_message(number, events[number]), []).append((number, events[number]))
        # an answer's first window may have been answered again since; what came with it is the other windows' too
        told = {_message(n, event): n for n, event in enumerate(events) if stands[n] and not _TOLD.isdisjoint(event)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected JSON of `rl-tsad labels export`, got {error!r}; export again") from error
    for message, rows in messages.items():
        first = told.get(message)
        yield None if first is None else _remark(events[first], place_in(path)(first)), rows


_TOLD = {"marks", "fault", "comment", "seconds", "exceptions"}


def place_in(path: Path) -> Place:
    """Say where an event stands in a history."""
    return lambda row: f"{path.name}, event {row + 1}"


def _message(number: int, event: Event) -> object:
    sent = event.get("client"), event.get("sequence")
    return number if None in sent else (*sent, event.get("analyst"))


def _remark(event: Event, place: str) -> Remark:
    marks, seconds = event.get("marks") or (), event.get("seconds")
    exceptions = event.get("exceptions") or ()
    if not _is_list_of(marks, _is_mark):
        raise _wrong(place, "marks", "pairs of point numbers [low, high)", marks)
    if not _is_list_of(exceptions, lambda key: key is None or isinstance(key, str)):
        raise _wrong(place, "exceptions", "keys of windows", exceptions)
    is_time = isinstance(seconds, int | float) and math.isfinite(seconds) and 0 <= seconds <= LONGEST_SECONDS
    if seconds is not None and not is_time:
        raise _wrong(place, "seconds", f"a number from 0 to {LONGEST_SECONDS:.0f}", seconds)
    fault = _text(event, "fault", LONGEST_FAULT, place)
    comment = _text(event, "comment", LONGEST_COMMENT, place)
    return Remark(tuple((low, high) for low, high in marks), fault, comment, seconds, tuple(exceptions))


def _text(event: Event, name: str, longest: int, place: str) -> str | None:
    text = event.get(name)
    if text is not None and not (isinstance(text, str) and len(text) <= longest):
        raise _wrong(place, name, f"a text of at most {longest} letters", text)
    return text


def _is_list_of(value: Any, fits: Any) -> bool:
    return isinstance(value, list | tuple) and all(fits(one) for one in value)


def _is_mark(mark: Any) -> bool:
    return _is_list_of(mark, lambda end: type(end) is int) and len(mark) == 2 and 0 <= mark[0] < mark[1]


def _wrong(place: str, name: str, expected: str, got: Any) -> DataError:
    return cell_error(place, name, expected=expected, got=str(got)[:80], advice="mend it, or export again")
