"""How do texts become numbers, whatever their decimal sign and thousands separator?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rl_tsad.types import Float64, Int64

_SPACES = " '\u2019\u00a0\u202f"
_SEPARATORS = {".": "," + _SPACES, ",": "." + _SPACES}
"""What may part thousands, by decimal sign."""


@dataclass(frozen=True)
class Numbers:
    """Cells read as numbers.

    Attributes:
        values: (T,) float64, NaN where a cell is missing or wrong.
        wrong: (K,) int64 rows of the cells that are no number.
        grouped: row of the first cell with a thousands separator; None where there is none.
    """

    values: Float64
    wrong: Int64
    grouped: int | None = None


def read_numerals(cells: pd.Series[Any], decimal: str = ".") -> Numbers:
    """Read texts as numbers in the one notation that fits most cells; the file's own decimal sign goes first.

    Example:
        >>> read_numerals(pd.Series(["900,5", "2.085,23"]), ",").values.tolist()
        [900.5, 2085.23]
        >>> read_numerals(pd.Series(["1,234", "1,234.56", "x"])).wrong.tolist()
        [2]
    """
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return Numbers(cells.to_numpy(dtype=np.float64, na_value=np.nan), np.empty(0, dtype=np.int64))
    best: Numbers | None = None
    for attempt in _attempts(cells, decimal):
        if best is None or len(attempt.wrong) < len(best.wrong):
            best = attempt
        if len(best.wrong) == 0:
            break
    assert best is not None
    return best


def is_grouped(cell: str, decimal: str) -> bool:
    """Whether a text is a number with thousands separators, the same one throughout.

    Example:
        >>> is_grouped("1.234.567,8", ","), is_grouped("0.123", ","), is_grouped("1,234.5", ".")
        (True, False, True)
    """
    return re.match(_grouping(decimal), cell.strip()) is not None


def _attempts(cells: pd.Series[Any], decimal: str) -> Iterator[Numbers]:
    if decimal == ",":
        yield _read(cells, ",")
    yield _counted(cells, pd.to_numeric(cells, errors="coerce"))
    yield _read(cells, ".")
    if decimal != ",":
        yield _read(cells, ",")


def _read(cells: pd.Series[Any], decimal: str) -> Numbers:
    text = cells.astype(str).str.strip()
    grouped = text.str.match(_grouping(decimal)).to_numpy(dtype=bool)
    text = text.where(~grouped, text.str.replace(f"[{_SEPARATORS[decimal]}]", "", regex=True))
    if decimal == ",":
        text = text.where(~text.str.contains(".", regex=False), "x").str.replace(",", ".", regex=False)
    rows = np.flatnonzero(grouped)
    return _counted(cells, pd.to_numeric(text, errors="coerce"), int(rows[0]) if len(rows) else None)


def _counted(cells: pd.Series[Any], numbers: pd.Series[Any], grouped: int | None = None) -> Numbers:
    known = cells.notna().to_numpy()
    values = np.where(known, numbers.to_numpy(dtype=np.float64, na_value=np.nan), np.nan)
    return Numbers(values, np.flatnonzero(np.isnan(values) & known), grouped)


def _grouping(decimal: str) -> str:
    return rf"^[+-]?[1-9]\d{{0,2}}([{_SEPARATORS[decimal]}])\d{{3}}(?:\1\d{{3}})*(?:[{decimal}]\d*)?$"
