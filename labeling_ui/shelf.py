"""What was answered, and what do windows look like? Read from the workspace for the pages that show look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import labels, series, spreads, versions
from db.records import Answer, Label
from rl_tsad.services import look_alikes
from rl_tsad.services.marking import stride_of
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import parse_key


@dataclass(frozen=True)
class Shot:
    """A window as it is drawn small.

    Attributes:
        key: which.
        series: its name.
        values: (L, C) float32 in the source's units, the channels that are judged only.
        times: (L,) datetime64 in UTC or int64 sample numbers.
        timezone: zone of the source; None where it has none.
        judged: points at its end that are judged; the others are what the agent looks at. 0: all of it.
    """

    key: str
    series: str
    values: NDArray[np.float32]
    times: NDArray[Any]
    timezone: str | None
    judged: int = 0

    @property
    def first(self) -> int:
        """Place of the first point that an answer about it is about."""
        return len(self.times) - self.judged if self.judged else 0


@dataclass(frozen=True)
class Given:
    """An answer that stands.

    Attributes:
        label_id: its first row.
        answer: anomaly where it calls any window one.
        says: what it says of each of its windows, by key, the asked one first.
        settled: windows that it settled when it was given; None where that was not recorded.
    """

    label_id: int
    answer: Answer
    says: dict[str, Answer]
    settled: int | None = None

    @property
    def key(self) -> str:
        """The window that was asked."""
        return next(iter(self.says))


def answers(ws: Workspace, most: int) -> list[Given]:
    """List the standing answers, newest first."""
    seen: set[object] = set()
    found: list[list[Label]] = []
    with ws.store.read() as session:
        for row in sorted(labels.standing(session), key=lambda row: row.id, reverse=True):
            message = row.id if row.client is None else (row.client, row.sequence)
            if message not in seen and len(found) < most:
                seen.add(message)
                found.append(labels.answer_rows(session, row.id))
        recorded = spreads.of_labels(session, [rows[0].id for rows in found])
    settled = {one.label_id: one.normals + one.anomalies for one in reversed(recorded)}  # as when it was given
    return [_given(rows, settled) for rows in found]


def _given(rows: Sequence[Label], settled: dict[int, int]) -> Given:
    says = {row.key: row.answer for row in rows if row.answer is not None}
    answer = Answer.ANOMALY if Answer.ANOMALY in says.values() else next(iter(says.values()))
    return Given(rows[0].id, answer, says, settled.get(rows[0].id))


def shots(ws: Workspace, keys: Sequence[str]) -> dict[str, Shot]:
    """Take pictures of windows, with their times; windows that are not there are left out."""
    values = look_alikes.pictures(ws, keys)
    with ws.store.read() as session:
        records, version = {one.name: one for one in series.all(session)}, versions.current(session)
    stride = stride_of(ws, version)
    opened = {name: load_series(ws, records[name]) for name in {parse_key(key)[0] for key in values}}
    found = {}
    for key, picture in values.items():
        name, start, length = parse_key(key)
        record = records[name]
        targets = [place for place, channel in enumerate(record.channels) if channel not in record.exogenous]
        times = np.array(opened[name].times[start : start + length])
        end = 0 if start == 0 else min(stride, length)
        found[key] = Shot(key, name, picture[:, targets] if targets else picture, times, record.timezone, end)
    return found
