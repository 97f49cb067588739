from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rl_tsad.data.readers import Reading, ReadOptions, read_path
from rl_tsad.errors import DataError


def read(folder: Path, text: str | bytes, **options: object) -> Reading:
    path = folder / "pump.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return next(read_path(path, ReadOptions(**options)))  # type: ignore[arg-type]


def rows(header: str, *lines: str) -> str:
    return "\n".join((header, *lines)) + "\n"


PLAIN = rows("time,flow", "2024-01-01T00:00,1.5", "2024-01-01T00:05,2.5", "2024-01-01T00:10,3.5")


def test_a_plain_file_becomes_a_series(tmp_path: Path) -> None:
    reading = read(tmp_path, PLAIN)
    series, understood = reading.series, reading.understanding
    assert series.name == "pump"
    assert series.values.dtype == np.float32
    assert series.values.ravel().tolist() == [1.5, 2.5, 3.5]
    assert series.channels == ("flow",)
    assert series.truth is None
    assert series.times[1] == np.datetime64("2024-01-01T00:05")
    assert (understood.rows, understood.median_step, understood.timezone) == (3, 300.0, None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_sniffed(tmp_path: Path, delimiter: str) -> None:
    reading = read(tmp_path, PLAIN.replace(",", delimiter))
    assert reading.understanding.delimiter == delimiter
    assert reading.series.values.ravel().tolist() == [1.5, 2.5, 3.5]


def test_decimal_commas_behind_semicolons(tmp_path: Path) -> None:
    reading = read(
        tmp_path, rows("Zeitpunkt_time;Durchfluss;Druck", "01.02.2024 00:00;1,5;10", "01.02.2024 00:05;-2,25;11")
    )
    assert reading.series.values.tolist() == [[1.5, 10], [-2.25, 11]]
    assert reading.series.times[0] == np.datetime64("2024-02-01")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["900,5", "2.085,23", "1.234.567"], [900.5, 2085.23, 1234567]),
        (["900.5", "1,234.56", "2,000"], [900.5, 1234.56, 2000]),
        (["900,5", "1 234,5", "-2\u00a0000"], [900.5, 1234.5, -2000]),
        (["1.234", "2.500", "12"], [1.234, 2.5, 12]),
        (["1,234", "0,5", "2,345"], [1.234, 0.5, 2.345]),
    ],
)
def test_thousands_separators(tmp_path: Path, cells: list[str], values: list[float]) -> None:
    text = rows("time;Druck", *(f"2024-01-0{day};{cell}" for day, cell in enumerate(cells, 1)))
    reading = read(tmp_path, text)
    np.testing.assert_array_equal(reading.series.values.ravel(), np.array(values, dtype=np.float32))
    said = any("thousands" in note for note in reading.understanding.notes)
    assert said == (max(values) > 1000)


def test_thousands_in_a_comma_file_and_beside_decimal_points(tmp_path: Path) -> None:
    quoted = read(tmp_path, rows("time,x", '2024-01-01,"1,234.5"', "2024-01-02,7"))
    assert quoted.series.values.ravel().tolist() == [1234.5, 7]
    beside = read(tmp_path, rows("time;x;y", "2024-01-01;1,234;0.5", "2024-01-02;950;1.5"))
    assert beside.series.values.tolist() == [[1234, 0.5], [950, 1.5]]
    mixed = read(tmp_path, rows("time;x;y", "2024-01-01;1,5;0.5", "2024-01-02;950;1.25"))
    assert mixed.series.values.tolist() == [[1.5, 0.5], [950, 1.25]]


@pytest.mark.parametrize("wrong", ["n/a?", "1,234.5", "12.34,5"])
def test_a_wrong_cell_among_decimal_commas_is_an_error(tmp_path: Path, wrong: str) -> None:
    lines = [f"2024-01-{day:02d};{day};{900 + day},5" for day in range(1, 20)]
    text = rows("time;n;Druck", *lines, f"2024-01-20;20;{wrong}")
    with pytest.raises(
        DataError, match=f"pump.csv, line 21, column 'Druck': expected a number, got '{re.escape(wrong)}'"
    ):
        read(tmp_path, text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_any_line_end(tmp_path: Path, end: str) -> None:
    reading = read(tmp_path, b"\xef\xbb\xbf" + PLAIN.replace("\n", end).encode())
    assert reading.understanding.time_column == "time"
    assert reading.series.length == 3


def test_latin_1_is_read_and_said(tmp_path: Path) -> None:
    reading = read(tmp_path, "time,Öldruck\n2024-01-01,1\n2024-01-02,2\n".encode("latin-1"))
    assert reading.series.channels == ("Öldruck",)
    assert any("Latin-1" in note for note in reading.understanding.notes)


@pytest.mark.parametrize(
    "name", ["timestamp", "Time", "DateTime", "date", "ts", "Time (UTC)", "start_time", "whatever", ""]
)
def test_a_time_column_of_any_name(tmp_path: Path, name: str) -> None:
    reading = read(tmp_path, PLAIN.replace("time", name, 1))
    assert reading.series.has_clock
    assert reading.series.channels == ("flow",)


def test_date_and_time_of_day_in_two_columns(tmp_path: Path) -> None:
    reading = read(tmp_path, rows("Date;Time;flow", "31.01.2024;23:55:00;1", "01.02.2024;00:00:00;2"))
    assert reading.series.times.tolist() == [1706745300 * 10**9, 1706745600 * 10**9]


@pytest.mark.parametrize("name", ["label", "Label", "is_anomaly", "anomaly", "truth", "Ground Truth", "outlier"])
def test_a_label_column_of_any_name(tmp_path: Path, name: str) -> None:
    reading = read(tmp_path, rows(f"time,flow,{name}", "2024-01-01,1,0", "2024-01-02,2,1"))
    assert reading.series.truth is not None
    assert reading.series.truth.tolist() == [0, 1]
    assert reading.understanding.label_column == name
    assert reading.understanding.anomalies == 1


@pytest.mark.parametrize(
    ("no", "yes"), [("0", "1"), ("0.0", "1.0"), ("false", "true"), ("False", "TRUE"), ("Normal", "Attack")]
)
def test_a_label_in_any_words(tmp_path: Path, no: str, yes: str) -> None:
    reading = read(tmp_path, rows("time,flow,label", f"2024-01-01,1,{no}", f"2024-01-02,2,{yes}"))
    assert reading.series.truth is not None
    assert reading.series.truth.tolist() == [0, 1]


def test_columns_may_be_named(tmp_path: Path) -> None:
    text = rows("a,b,c,d", "2024-01-01,1,5,0", "2024-01-02,2,6,1")
    reading = read(tmp_path, text, time="a", values=("c",), label="d", name="other")
    assert (reading.series.name, reading.series.channels) == ("other", ("c",))
    assert reading.series.truth is not None


def test_text_columns_and_counters_are_left_out_and_said(tmp_path: Path) -> None:
    reading = read(tmp_path, rows("index,time,site,flow", "0,2024-01-01,north,1", "1,2024-01-02,north,2"))
    assert reading.series.channels == ("flow",)
    assert len([note for note in reading.understanding.notes if "left out" in note]) == 2


def test_without_time_the_points_are_numbered(tmp_path: Path) -> None:
    reading = read(tmp_path, "flow\n3\n1\n2\n")
    assert reading.series.times.tolist() == [0, 1, 2]
    assert not reading.series.has_clock


def test_without_header_the_columns_get_names(tmp_path: Path) -> None:
    reading = read(tmp_path, "1.5,2\n3,4\n")
    assert reading.series.channels == ("column 1", "column 2")
    assert reading.series.values.tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "channels", "points"),
    [
        ("2024-01-01,1,normal\n2024-01-02,2,normal\n", ("column 2",), 2),
        ("time,101,102\n2024-01-01,1,2\n", ("101", "102"), 1),
    ],
)
def test_a_header_is_told_from_data(tmp_path: Path, text: str, channels: tuple[str, ...], points: int) -> None:
    reading = read(tmp_path, text)
    assert reading.series.channels == channels
    assert reading.series.length == points


def test_the_preview_says_what_was_understood(tmp_path: Path) -> None:
    text = "\n".join(read(tmp_path, PLAIN.replace("2.5", "")).understanding.sentences())
    for part in (
        "CSV, separated by ','",
        "series 'pump'",
        "3 points of 1 channels: flow",
        "column 'time'",
        "step 300 s",
    ):
        assert part in text
    assert "truth: none" in text


def test_the_preview_names_decimal_commas_blanks_constants_and_too_few_points(tmp_path: Path) -> None:
    lines = [f"2024-01-{day:02d};{day},5;7" for day in (1, 2, 4)]
    reading = read(tmp_path, rows("Zeit;flow;state", *lines[:2], "2024-01-03;;7", lines[2]))
    text = "\n".join(reading.understanding.sentences())
    for part in (
        "separated by ';', decimal comma",
        "2 channels: flow, state",
        "missing cells interpolated: 1",
        "note: constant, so nothing to learn from: 'state'",
        "note: only 4 points: training needs at least one window (64 points",
    ):
        assert part in text


def test_many_channels_are_said_in_short(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(50)]
    text = rows(",".join(names), *(",".join(["1"] * 50) for _ in range(70)))
    sentences = read(tmp_path, text).understanding.sentences()
    assert max(map(len, sentences)) < 200 + len(str(tmp_path))
    assert any("and 45 more" in each for each in sentences)


def test_one_column_with_decimal_commas(tmp_path: Path) -> None:
    assert read(tmp_path, "flow\n1,5\n2,25\n").series.values.ravel().tolist() == [1.5, 2.25]


def test_equal_column_names_are_told_apart(tmp_path: Path) -> None:
    assert read(tmp_path, rows("time,x,x", "2024-01-01,1,2", "2024-01-02,3,4")).series.channels == ("x", "x (2)")


def test_a_trailing_delimiter_is_no_column(tmp_path: Path) -> None:
    reading = read(tmp_path, rows("time;x", "2024-01-01;1;", "2024-01-02;3;"))
    assert reading.series.values.ravel().tolist() == [1, 3]


def test_times_out_of_order_are_sorted_and_said(tmp_path: Path) -> None:
    reading = read(tmp_path, rows("time,x,label", "2024-01-03,3,1", "2024-01-01,1,0", "2024-01-02,2,0"))
    assert reading.series.values.ravel().tolist() == [1, 2, 3]
    assert reading.series.truth is not None
    assert reading.series.truth.tolist() == [0, 0, 1]
    assert any("sorted" in note for note in reading.understanding.notes)


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    times = [*range(0, 3000, 60), *range(90_000, 93_000, 60)]
    reading = read(tmp_path, rows("time,x", *(f"{1_700_000_000 + t},{t}" for t in times)))
    assert reading.series.length == len(times)
    assert reading.understanding.gaps == 1


def test_parquet_with_a_zone_and_an_index(tmp_path: Path) -> None:
    clock = pd.date_range("2024-07-01", periods=3, freq="h", tz="Europe/Berlin", name="when")
    pd.DataFrame({"flow": [1.0, 2.0, 3.0], "anomaly": [False, True, False]}, index=clock).to_parquet(
        tmp_path / "p.parquet"
    )
    series = next(read_path(tmp_path / "p.parquet")).series
    assert series.timezone == "Europe/Berlin"
    assert series.times[0] == np.datetime64("2024-06-30T22:00")
    assert series.truth is not None
    assert series.truth.tolist() == [0, 1, 0]


BROKEN = [
    (rows("time,flow", "2024-01-01,1", "2024-01-02,n/a?"), ("line 3", "column 'flow'", "expected a number", "'n/a?'")),
    (rows("time,flow", "", "2024-01-01,1", "", "2024-01-02,x1"), ("line 5", "column 'flow'")),
    (rows("time,flow", '"2024-01-01",1', "2024-01-02,2", "yesterday,3"), ("line 4", "column 'time'", "yesterday")),
    (rows("time,flow", "2024-01-01,1", ",2"), ("line 3", "column 'time'", "empty cell")),
    (rows("time,flow", "2024-01-01,1", "2024-01-02,2,9"), ("line 3", "expected 2 fields", "got 3")),
    (rows("time,flow,label", "2024-01-01,1,0", "2024-01-02,2,maybe"), ("line 3", "column 'label'", "'maybe'")),
    (rows("time,flow,label", "2024-01-01,1,0", "2024-01-02,2,"), ("line 3", "column 'label'", "empty cell")),
    (
        rows("time,flow", "2024-01-01,1", "2024-01-02,2", "2024-01-02,3"),
        ("line 4", "column 'time'", "line 3", "--repeated"),
    ),
    (rows("time,flow", "01/02/2024,1", "01/02/2024,2"), ("line 2", "column 'time'", "ISO")),
    (rows("time,flow", "2024-01-01T00:00Z,1", "2024-01-01T00:05,2"), ("line 3", "offset")),
    (rows("time,flow", "1500-01-01,1", "1500-01-02,2"), ("line 2", "1678")),
    (rows("time,site", "2024-01-01,a", "2024-01-02,b"), ("at least one column of numbers",)),
    ("time,flow\n", ("expected data rows",)),
    ("", ("empty file",)),
    ("\n\n", ("empty file",)),
    (b"\x00\x01\x02", ("binary",)),
    (rows("time,flow", "2024-01-01,", "2024-01-02,"), ("at least one column of numbers",)),
    ('time,flow\n2024-01-01,"1\n2024-01-02,2\n', ("pump.csv",)),
]


@pytest.mark.parametrize(("text", "parts"), BROKEN)
def test_errors_name_file_line_and_column(tmp_path: Path, text: str | bytes, parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    for part in ("pump.csv", "; ", *parts):
        assert part in str(caught.value)


def test_errors_and_previews_of_a_folder_name_the_path_inside_it(tmp_path: Path) -> None:
    for place, text in (("north", PLAIN), ("south", PLAIN.replace("2.5", "x"))):
        (tmp_path / place).mkdir()
        (tmp_path / place / "pump.csv").write_text(text)
    readings = read_path(tmp_path)
    understood = next(readings).understanding
    assert understood.path == tmp_path / "north" / "pump.csv"
    assert understood.sentences()[0].startswith(str(understood.path))
    with pytest.raises(DataError, match=r"^south/pump\.csv, line 3, column 'flow': expected a number, got 'x'"):
        next(readings)


def test_errors_of_a_skab_folder_name_the_group(tmp_path: Path) -> None:
    (tmp_path / "valve1").mkdir()
    (tmp_path / "valve1" / "0.csv").write_text("datetime;x;anomaly\n2024-01-01;1;0\n2024-01-02;2;maybe\n")
    with pytest.raises(DataError, match=r"^valve1/0\.csv, line 3, column 'anomaly'"):
        list(read_path(tmp_path))


def test_an_absent_column_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a column 'pressure', got 'time', 'flow'"):
        read(tmp_path, PLAIN, values=("pressure",))


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "x" * 200, "a\nb"])
def test_names_cannot_lead_out_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "pump.csv").write_text(PLAIN)
    with pytest.raises(DataError, match="expected a series name"):
        next(read_path(tmp_path / "pump.csv", ReadOptions(name=name)))


@pytest.mark.slow
def test_a_million_points(tmp_path: Path) -> None:
    count = 1_000_000
    frame = pd.DataFrame({"time": pd.date_range("2020", periods=count, freq="min"), "x": np.arange(count) % 1000})
    frame.to_csv(tmp_path / "big.csv", index=False)
    reading = next(read_path(tmp_path / "big.csv"))
    assert reading.series.length == count
    assert reading.understanding.gaps == 0
