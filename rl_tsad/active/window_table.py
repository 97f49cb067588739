"""Which windows does a graph hold? Their keys as numbers, 12 bytes a window, found by bisection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rl_tsad.errors import DataError
from rl_tsad.types import Int64, Keys, parse_key, window_key

_BITS = 40  # points in a series; leaves 2^23 series


@dataclass(frozen=True)
class WindowTable:
    """The keys of N windows of equal length, without the text of each.

    Attributes:
        names: S names of series.
        series: (N,) int32, the series of each window, a place in ``names``.
        starts: (N,) int64, first point of each window.
        length: points per window.
    """

    names: tuple[str, ...]
    series: NDArray[np.int32]
    starts: Int64
    length: int

    @classmethod
    def of(cls, keys: Keys | Sequence[str]) -> WindowTable:
        """Read window keys.

        Raises:
            DataError: when the keys are not distinct or their windows differ in length.

        Example:
            >>> table = WindowTable.of(["b:0:8", "a:4:8"])
            >>> table.key(1), table.rows(["a:4:8", "a:4:9", "c:0:8"]).tolist()
            ('a:4:8', [1, -1, -1])
        """
        parts = [parse_key(key) for key in np.asarray(keys, dtype=np.str_).tolist()]
        names = list(dict.fromkeys(name for name, _, _ in parts))
        place = {name: number for number, name in enumerate(names)}
        lengths = {length for _, _, length in parts}
        if len(lengths) > 1:
            raise DataError(f"expected windows of one length in a graph, got {sorted(lengths)}; cut all alike")
        table = cls(
            tuple(names),
            np.array([place[name] for name, _, _ in parts], dtype=np.int32),
            np.array([start for _, start, _ in parts], dtype=np.int64),
            lengths.pop() if lengths else 0,
        )
        if len(distinct := np.unique(table._codes)) < len(table):
            raise DataError(f"expected distinct windows, got {len(table)} keys of {len(distinct)} windows; drop copies")
        return table

    def __len__(self) -> int:
        return len(self.starts)

    def key(self, row: int) -> str:
        """Name the window in a row."""
        return window_key(self.names[int(self.series[row])], int(self.starts[row]), self.length)

    def keys(self, rows: Int64 | None = None) -> Keys:
        """Name the windows in some rows, or in all: (M,) text."""
        chosen = range(len(self)) if rows is None else rows.tolist()
        return np.array([self.key(row) for row in chosen], dtype=np.str_)

    def rows(self, keys: Sequence[str] | Keys) -> Int64:
        """Find windows by key: (M,) int64 rows; -1 where the table does not hold one."""
        parts = [parse_key(key) for key in np.asarray(keys, dtype=np.str_).tolist()]
        if not parts or not len(self):
            return np.full(len(parts), -1, dtype=np.int64)
        place = {name: number for number, name in enumerate(self.names)}
        wanted = np.array([(place.get(name, -1) << _BITS) | start for name, start, _ in parts], dtype=np.int64)
        fits = np.array([name in place and length == self.length for name, _, length in parts])
        order, codes = self._sorted
        at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(fits & (codes[at] == wanted), at if order is None else order[at], -1).astype(np.int64)

    def rows_of_series(self, name: str) -> Int64:
        """Give the rows of one series in time order."""
        rows = np.flatnonzero(self.series == self.names.index(name)) if name in self.names else np.empty(0, np.int64)
        return rows[np.argsort(self.starts[rows], kind="stable")].astype(np.int64)

    def joined(self, later: WindowTable) -> WindowTable:
        """Put the windows of another table behind these.

        Raises:
            DataError: when both hold a window, or their windows differ in length.

        Example:
            >>> both = WindowTable.of(["a:0:8"]).joined(WindowTable.of(["b:0:8", "a:8:8"]))
            >>> both.keys().tolist()
            ['a:0:8', 'b:0:8', 'a:8:8']
        """
        if len(self) and len(later) and self.length != later.length:
            raise DataError(f"expected windows of length {self.length}, got {later.length}; cut all alike")
        names = tuple(dict.fromkeys([*self.names, *later.names]))
        moved = np.array([names.index(name) for name in later.names] or [0], dtype=np.int32)
        table = WindowTable(
            names,
            np.concatenate([self.series, moved[later.series]]),
            np.concatenate([self.starts, later.starts]),
            self.length or later.length,
        )
        if (known := self.rows(later.keys()) >= 0).any():
            raise DataError(
                f"expected windows that the graph does not hold, got {later.key(int(np.argmax(known)))!r} again; "
                "insert new ones only"
            )
        return table

    @property
    def _codes(self) -> Int64:
        return np.asarray((self.series.astype(np.int64) << _BITS) | self.starts, dtype=np.int64)

    @cached_property
    def _sorted(self) -> tuple[Int64 | None, Int64]:
        """The order of the codes, and the codes in it; no order where they increase already."""
        codes = self._codes
        if (np.diff(codes) > 0).all():
            return None, codes
        order = np.argsort(codes, kind="stable")
        return order, codes[order]
