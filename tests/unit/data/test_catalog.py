from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rl_tsad.data.catalog import DATASETS, Dataset, fetch, fetch_dataset
from rl_tsad.errors import DataError

FILES = {"data/group/a.csv": b"timestamp,value\n1,2\n", "data/group/b.csv": b"timestamp,value\n3,4\n"}
LABELS = {"group/a.csv": [["1", "2"]], "group/b.csv": []}


def entries_sum(entries: object) -> str:
    text = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    return "entries:" + hashlib.sha256(text.encode()).hexdigest()


def tiny(url: str = "http://127.0.0.1:9") -> Dataset:
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in FILES.items()}
    return Dataset("tiny", "Tiny", url, "MIT", "Nobody", {**sums, "labels/windows.json": entries_sum(LABELS)})


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    root = tmp_path / "publisher"
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "labels").mkdir()
    (root / "labels" / "windows.json").write_text(json.dumps({**LABELS, "group/more.csv": []}, indent=4))
    return root


class Counting(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def publisher(shelf: Path) -> Iterator[str]:
    Counting.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, directory=str(shelf)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_files_come_from_the_publisher_checked(publisher: str, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = fetch_dataset(tiny(publisher), tmp_path / "here", progress=lambda *step: seen.append(step))
    assert folder == tmp_path / "here" / "tiny"
    assert (folder / "data/group/a.csv").read_bytes() == FILES["data/group/a.csv"]
    assert seen[-1] == ("fetch/tiny", 3, 3)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["tiny"]


def test_a_second_fetch_asks_nobody(publisher: str, tmp_path: Path) -> None:
    fetch_dataset(tiny(publisher), tmp_path / "here")
    before = len(Counting.asked)
    assert fetch_dataset(tiny(publisher), tmp_path / "here").is_dir()
    assert len(Counting.asked) == before == 3


def test_an_interrupted_fetch_goes_on_where_it_stopped(publisher: str, shelf: Path, tmp_path: Path) -> None:
    held_back = (shelf / "labels" / "windows.json").rename(shelf / "later")
    with pytest.raises(DataError, match="expected the publisher's file, got no answer"):
        fetch_dataset(tiny(publisher), tmp_path / "here")
    assert not (tmp_path / "here" / "tiny").exists()
    held_back.rename(shelf / "labels" / "windows.json")
    before = len(Counting.asked)
    fetch_dataset(tiny(publisher), tmp_path / "here")
    assert Counting.asked[before:] == ["/labels/windows.json"]


def test_a_changed_file_is_refused_and_not_kept(publisher: str, shelf: Path, tmp_path: Path) -> None:
    (shelf / "data/group/b.csv").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"data/group/b\.csv from http.*known SHA-256 sum, got another"):
        fetch_dataset(tiny(publisher), tmp_path / "here")
    assert not list((tmp_path / "here").rglob("b.csv"))


def test_changed_entries_of_a_label_file_are_refused(shelf: Path, tmp_path: Path) -> None:
    (shelf / "labels" / "windows.json").write_text(json.dumps({**LABELS, "group/b.csv": [["5", "6"]]}))
    with pytest.raises(DataError, match=r"labels/windows\.json"):
        fetch_dataset(tiny(), tmp_path / "here", source=shelf)


def test_a_local_copy_is_taken_and_checked(shelf: Path, tmp_path: Path) -> None:
    folder = fetch_dataset(tiny(), tmp_path / "here", source=shelf)
    assert (folder / "labels" / "windows.json").is_file()
    shelf.rename(tmp_path / "tiny")
    assert fetch_dataset(tiny(), tmp_path / "there", source=tmp_path).is_dir()


def test_an_incomplete_local_copy_names_the_file(shelf: Path, tmp_path: Path) -> None:
    (shelf / "data/group/b.csv").unlink()
    with pytest.raises(DataError, match=r"expected data/group/b\.csv in it"):
        fetch_dataset(tiny(), tmp_path / "here", source=shelf)


def test_a_damaged_folder_is_named_and_left_alone(shelf: Path, tmp_path: Path) -> None:
    folder = fetch_dataset(tiny(), tmp_path / "here", source=shelf)
    (folder / "data/group/a.csv").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"a\.csv: expected the publisher's file, got another or none"):
        fetch_dataset(tiny(), tmp_path / "here", source=shelf)
    assert (folder / "data/group/a.csv").read_bytes() == b"damaged"


@pytest.mark.parametrize("path", ["../up.csv", "/etc/passwd", "a/../../b", "a\\..\\b", ""])
def test_paths_cannot_lead_out_of_the_folder(path: str) -> None:
    with pytest.raises(DataError, match="expected a path inside its folder"):
        Dataset("tiny", "", "", "", "", {path: "0"})


def test_the_catalog_is_complete() -> None:
    assert set(DATASETS) == {"nab", "skab", "smap", "adbench"}
    for dataset in DATASETS.values():
        assert dataset.licence
        assert dataset.citation
        assert all(dataset.address(path).startswith("https://") for path in dataset.files)
    assert [len(dataset.files) for dataset in DATASETS.values()] == [31, 17, 41, 22]


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one of nab, skab, smap, adbench"):
        fetch("yahoo", tmp_path)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", list(DATASETS))
def test_the_published_copies_have_the_known_sums(tmp_path: Path, name: str) -> None:
    if "RL_TSAD_DATA" not in os.environ:
        pytest.skip("RL_TSAD_DATA does not name a folder with the published data sets")
    assert fetch(name, tmp_path, source=Path(os.environ["RL_TSAD_DATA"])).name == name
