import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rl_tsad.services.drafts import copy_linked, draft_folder, publish_folder, share_folder, sweep_drafts


def fail_halfway(folder: Path) -> None:
    with draft_folder(folder) as draft:
        (draft / "part").write_text("1")
        raise RuntimeError("halfway")


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_dead_processes_are_swept_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".draft-{socket.gethostname()}-{ended.pid}-0"
    elsewhere = tmp_path / f".draft-other.host-{ended.pid}-0"
    for folder in (dead, elsewhere):
        folder.mkdir()
    with draft_folder(tmp_path) as draft:
        sweep_drafts(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {draft.name, elsewhere.name}


def test_the_faster_process_wins(tmp_path: Path) -> None:
    (tmp_path / "final").mkdir()
    (tmp_path / "final" / "a").write_text("first")
    with draft_folder(tmp_path) as draft:
        (draft / "a").write_text("second")
        publish_folder(draft, tmp_path / "final")
    assert (tmp_path / "final" / "a").read_text() == "first"


def test_sharing_takes_no_second_copy(tmp_path: Path) -> None:
    (tmp_path / "one" / "deep").mkdir(parents=True)
    (tmp_path / "one" / "deep" / "a").write_text("1")
    share_folder(tmp_path / "one", tmp_path / "there" / "two")
    assert (tmp_path / "there" / "two" / "deep" / "a").stat().st_ino == (tmp_path / "one" / "deep" / "a").stat().st_ino
    share_folder(tmp_path / "none", tmp_path / "there" / "three")
    assert not (tmp_path / "there" / "three").exists()
    copy_linked(tmp_path / "one", tmp_path / "four")
    assert (tmp_path / "four" / "deep" / "a").read_text() == "1"
