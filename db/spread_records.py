"""The nouns of spreading: what answers changed in windows that nobody answered, and what people took out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class NewSpread:
    """What an answer, or taking one back, changed in windows that nobody answered.

    Attributes:
        label_id: the answer's first row.
        version_id: the model version whose graph it spread over.
        graph: digest of that version, graph included.
        epsilon: largest error of what reaches a window.
        floor_normal, floor_anomaly: confidence from which on a label counted; None where none did.
        touched: windows whose reach changed.
        normals, anomalies: windows that were settled by it, as they were.
        released: windows that no longer are.
        checked: the answer's own windows that stood settled before; agreed: those of them that were right.
    """

    label_id: int
    version_id: int
    graph: str
    epsilon: float
    floor_normal: float | None
    floor_anomaly: float | None
    touched: int
    normals: int
    anomalies: int
    released: int
    checked: int
    agreed: int


@dataclass(frozen=True)
class Spread(NewSpread):
    """A row of what answers changed."""

    id: int
    created_at: datetime


@dataclass(frozen=True)
class Veto:
    """What an answer (its first row) must not settle: the window ``key``, or (None) anything."""

    id: int
    label_id: int
    key: str | None
    analyst: str
    created_at: datetime
