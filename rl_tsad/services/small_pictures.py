"""Windows as they are drawn small, many beside each other: which points, when, and a few points a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db import series, versions
from rl_tsad.active.extent import Extent
from rl_tsad.services.marking import spans_between, stride_of
from rl_tsad.services.points import View, view
from rl_tsad.services.refusals import in_words
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import parse_key

_BUDGET = 60_000
"""Points of all channels and windows together: a reply stays below a megabyte."""


@dataclass(frozen=True)
class SmallPicture:
    """A window as it is drawn small.

    Attributes:
        key: which.
        series: its name.
        span: the points [low, high) that it decides, its last ones.
        at: time of the first of these: datetime64 in UTC, or int64 sample number.
        points: what is drawn: all of the window, the points before the span too.
    """

    key: str
    series: str
    span: Extent
    at: Any
    points: View


def take_pictures(ws: Workspace, keys: Sequence[str], *, width: int) -> list[SmallPicture]:
    """Take pictures of windows, in the order of their keys; windows that are not there are left out.

    Args:
        ws: the workspace.
        keys: which windows, each once.
        width: points a channel at most; fewer where windows and channels are many.

    Raises:
        DataError: when a text is no window key.
        WorkspaceError: when the store or the arrays cannot be read.
    """
    wanted = {key: parse_key(key) for key in keys}
    with in_words(), ws.store.read() as session:
        stride = stride_of(ws, versions.current(session))
        records = {name: series.get(session, name) for name in {name for name, _, _ in wanted.values()}}
    found = []
    for key, (name, start, length) in wanted.items():
        record = records[name]
        if record is None or length < 1 or start + length > record.rows:
            continue
        most = max(4, min(width, _BUDGET // (len(wanted) * len(record.channels))))
        low, high = spans_between(np.array([start]), length, min(stride, length), record.rows)[0].tolist()
        at, points = load_series(ws, record).times[low], view(ws, record, start, start + length, width=most)
        found.append(SmallPicture(key, name, (low, high), at, points))
    return found
