from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from rl_tsad.data.published import is_tsb
from rl_tsad.data.readers import Reading, ReadOptions, read_path
from rl_tsad.data.telemanom import telemanom_ranges
from rl_tsad.errors import DataError


def truth_of(reading: Reading) -> list[int]:
    assert reading.series.truth is not None
    return [int(value) for value in reading.series.truth]


def test_the_tsb_ad_form(tmp_path: Path) -> None:
    path = tmp_path / "144_SMAP_id_1_Sensor_tr_2_1st_3.csv"
    path.write_text("value,command,Label\n1,0,0\n2,0,0\n9,1,1\n3,0,0\n")
    reading = next(read_path(path))
    assert reading.understanding.format == "TSB-AD"
    assert reading.understanding.train_points == 2
    assert reading.series.channels == ("value", "command")
    assert truth_of(reading) == [0, 0, 1, 0]
    assert not reading.series.has_clock
    assert is_tsb(Path("x_tr_100.csv"))


@pytest.fixture
def nab(tmp_path: Path) -> Path:
    group = tmp_path / "data" / "realAds"
    group.mkdir(parents=True)
    lines = [f"2014-03-09 0{hour}:00:00,{hour}" for hour in (1, 2, 3, 3, 4, 5)]
    (group / "ads.csv").write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    (group / "unlisted.csv").write_text("timestamp,value\n2014-03-09,1\n2014-03-10,2\n")
    (tmp_path / "labels").mkdir()
    windows = {"realAds/ads.csv": [["2014-03-09 03:00:00.000000", "2014-03-09 04:00:00.000000"]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    return tmp_path


def test_nab_keeps_all_points_and_both_ends_of_a_window(nab: Path) -> None:
    ads, unlisted = read_path(nab)
    assert ads.series.length == 6
    assert truth_of(ads) == [0, 0, 1, 1, 1, 0]
    assert unlisted.series.truth is None
    assert (ads.series.name, ads.understanding.format) == ("ads", "NAB")


def test_repeated_times_in_nab_advance_by_a_millisecond(nab: Path) -> None:
    ads = next(read_path(nab))
    assert (np.diff(ads.series.times).astype("timedelta64[ms]") > np.timedelta64(0, "ms")).all()
    assert any("did not advance" in note for note in ads.understanding.notes)


def test_a_single_nab_file_brings_its_truth(nab: Path) -> None:
    (reading,) = read_path(nab / "data" / "realAds" / "ads.csv")
    assert truth_of(reading) == [0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"realAds/ads.csv": [["soon", "later"]]}', '{"realAds/ads.csv": [["2014"]]}']
)
def test_damaged_nab_windows_are_refused(nab: Path, text: str) -> None:
    (nab / "labels" / "combined_windows.json").write_text(text)
    with pytest.raises(DataError, match=r"combined_windows\.json"):
        list(read_path(nab))


@pytest.fixture
def skab(tmp_path: Path) -> Path:
    for group, stems in (("valve1", (0, 2, 10)), ("anomaly-free", ("anomaly-free",))):
        (tmp_path / group).mkdir()
        labelled = group == "valve1"
        for stem in stems:
            text = "datetime;Flow" + (";anomaly;changepoint" if labelled else "") + "\n"
            text += "".join(
                f"2020-03-09 10:14:3{i};{i}.5" + (f";{i % 2}.0;1.0" if labelled else "") + "\n" for i in range(4)
            )
            (tmp_path / group / f"{stem}.csv").write_text(text)
    return tmp_path


def test_skab_names_truth_and_order(skab: Path) -> None:
    readings = list(read_path(skab))
    assert [r.series.name for r in readings] == ["anomaly-free", "valve1-0", "valve1-2", "valve1-10"]
    assert truth_of(readings[0]) == [0, 0, 0, 0]
    assert truth_of(readings[1]) == [0, 1, 0, 1]
    assert readings[1].series.channels == ("Flow",)
    assert {r.understanding.format for r in readings} == {"SKAB"}


@pytest.fixture
def smap(tmp_path: Path) -> Path:
    (tmp_path / "test").mkdir()
    np.save(tmp_path / "test" / "P-1.npy", np.arange(20, dtype=np.float64).reshape(10, 2))
    np.save(tmp_path / "test" / "P-2.npy", np.zeros((10, 2), np.float32))
    lines = ['P-1,SMAP,"[[2, 4], [8, 8]]",x,10', 'P-2,SMAP,"[[0, 1]]",x,10', 'P-2,SMAP,"[[5, 9]]",x,10']
    text = "chan_id,spacecraft,anomaly_sequences,class,num_values\n" + "\n".join(lines) + "\n"
    (tmp_path / "labeled_anomalies.csv").write_text(text)
    return tmp_path


def test_smap_ranges_include_both_ends_and_the_first_line_counts(smap: Path) -> None:
    first, second = read_path(smap)
    assert truth_of(first) == [0, 0, 1, 1, 1, 0, 0, 0, 1, 0]
    assert truth_of(second) == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert first.series.channels == ("value", "command 1")
    assert first.series.values.dtype == np.float32
    assert next(read_path(smap / "test" / "P-2.npy")).series.truth is not None


def test_pickled_arrays_are_refused(smap: Path) -> None:
    np.save(smap / "test" / "P-1.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"P-1\.npy: expected a NumPy array of numbers without pickled objects"):
        list(read_path(smap))


@pytest.mark.parametrize(
    "line", ['../../etc,SMAP,"[[1, 2]]"', 'P-1,SMAP,"[[5, 2]]"', "P-1,SMAP,__import__('os')", "P-1"]
)
def test_bad_range_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labeled_anomalies.csv"
    path.write_text(f"chan_id,spacecraft,anomaly_sequences\n{line}\n")
    with pytest.raises(DataError, match=r"labeled_anomalies\.csv, line 2: expected a channel"):
        telemanom_ranges(path)


def test_ranges_beyond_the_array_are_refused(smap: Path) -> None:
    np.save(smap / "test" / "P-1.npy", np.zeros((5, 2), np.float32))
    with pytest.raises(DataError, match="expected anomalies inside its 5 rows, got 8 to 8"):
        list(read_path(smap))


def test_any_other_folder_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "north").mkdir()
    (tmp_path / ".hidden").mkdir()
    for place in ("b.csv", "north/a.csv", "north/b.csv", ".hidden/c.csv"):
        (tmp_path / place).write_text("time,x\n2024-01-01,1\n2024-01-02,2\n")
    (tmp_path / "readme.txt").write_text("no table")
    assert [reading.series.name for reading in read_path(tmp_path)] == ["b", "a", "north-b"]


def test_equal_names_in_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for place in ("a/b.csv", "a-b.csv", "a/a-b.csv"):
        (tmp_path / place).write_text("time,x\n2024-01-01,1\n2024-01-02,2\n")
    (tmp_path / "b.csv").write_text("time,x\n2024-01-01,1\n2024-01-02,2\n")
    with pytest.raises(DataError, match="expected a name of its own for every series"):
        list(read_path(tmp_path))


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected CSV or Parquet files, got none"):
        list(read_path(tmp_path))
    with pytest.raises(DataError, match="expected a file or folder, got nothing there"):
        read_path(tmp_path / "absent.csv")
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"expected \.csv, \.parquet or \.npy"):
        read_path(tmp_path / "photo.jpg")
    with pytest.raises(DataError, match="leave --name away"):
        read_path(tmp_path, ReadOptions(name="x"))
    np.save(tmp_path / "loose.npy", np.zeros(3))
    with pytest.raises(DataError, match="expected an array in a SMAP/MSL folder"):
        read_path(tmp_path / "loose.npy")


@pytest.fixture
def published() -> Path:
    if "RL_TSAD_DATA" not in os.environ:
        pytest.skip("RL_TSAD_DATA does not name a folder with the published data sets")
    return Path(os.environ["RL_TSAD_DATA"])


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "series", "points", "anomalies"),
    [("nab", 30, 146_911, 13_866), ("skab", 17, 27_565, 6_309), ("smap", 20, 165_368, 16_452)],
)
def test_the_published_data_sets(published: Path, name: str, series: int, points: int, anomalies: int) -> None:
    readings = list(read_path(published / name))
    assert len(readings) == len({reading.series.name for reading in readings}) == series
    assert sum(reading.series.length for reading in readings) == points
    assert sum(reading.understanding.anomalies for reading in readings) == anomalies
    assert all((np.diff(reading.series.times.astype(np.int64)) > 0).all() for reading in readings)
    assert all(reading.understanding.filled == reading.understanding.dropped == 0 for reading in readings)


@pytest.mark.data
def test_the_taxi_series_has_five_windows_with_both_ends(published: Path) -> None:
    path = published / "nab" / "data" / "realKnownCause" / "nyc_taxi.csv"
    truth = np.array(truth_of(next(read_path(path))))
    starts = np.flatnonzero(np.diff(np.concatenate([[0], truth])) == 1)
    assert len(starts) == 5
    assert truth.sum() == 1035
