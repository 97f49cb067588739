"""Whatever stands in a file, a reader gives a sound series or a DataError with a file name, never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_tsad.data.readers import ReadOptions, read_path
from rl_tsad.errors import DataError

cells = st.sampled_from(
    [
        *("", "0", "1", "1.5", "1,5", "-3e8", "nan", "NA", "inf", "1e400", "x", "true", "Normal", '"a,b"', '"', "0x10"),
        *(
            "2024-01-01",
            "2024-01-01T00:05:00Z",
            "2024-01-02 00:00",
            "01/02/2024",
            "31.12.2024 10:00",
            "12:30",
            "9999-01-01",
        ),
        *("1700000000", "1700000000000", "2024-10-27 02:30", "2024-03-31 02:30", "2024-01-01 00:00 Europe/Berlin"),
    ]
)
names = st.sampled_from(
    ["time", "timestamp", "date", "flow", "x", "label", "is_anomaly", "changepoint", "", "index", "ts"]
)
tables = st.tuples(
    st.lists(names, min_size=1, max_size=4),
    st.lists(st.lists(cells, min_size=0, max_size=5), max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
choices = st.builds(
    ReadOptions,
    timezone=st.sampled_from([None, "Europe/Berlin", "+02:00"]),
    nan=st.sampled_from(["interpolate", "drop", "refuse"]),
    repeated=st.sampled_from(["refuse", "first", "shift"]),
)


def check(content: bytes, options: ReadOptions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.csv")
        path.write_bytes(content)
        try:
            series = next(read_path(path, options)).series
        except DataError as error:
            assert "any.csv" in str(error) or "series 'any'" in str(error)  # noqa: PT017
            assert "expected" in str(error)  # noqa: PT017
            return
    assert np.isfinite(series.values).all()
    assert (np.diff(series.times.astype(np.int64)) > 0).all()
    assert series.truth is None or set(series.truth.tolist()) <= {0, 1}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(tables, choices)
def test_any_table(table: tuple[list[str], list[list[str]], str, str], options: ReadOptions) -> None:
    header, rows, delimiter, end = table
    check(end.join(delimiter.join(row) for row in (header, *rows)).encode(), options)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    check(content, ReadOptions())


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='0123456789.,;:-\n\r"ab \té', max_size=200))
def test_any_text(content: str) -> None:
    check(content.encode(), ReadOptions())
