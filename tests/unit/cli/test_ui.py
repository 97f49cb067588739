import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rl_tsad.cli.app import app
from rl_tsad.errors import WorkspaceError
from rl_tsad.services.workspace import create_workspace

pytestmark = pytest.mark.slow


def call(root: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> tuple[str, list[str]]:
    started: list[str] = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.extend(words))
    result = CliRunner().invoke(app, ["--workspace", str(root), "ui", "--port", str(port)])
    if isinstance(result.exception, WorkspaceError):
        raise result.exception
    return result.output, started


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    create_workspace(tmp_path / "w").close()
    return tmp_path / "w"


def behind_a_proxy(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RL_TSAD_ACCESS__MODE", "proxy")
    monkeypatch.setenv("RL_TSAD_ACCESS__ADDRESS", address)


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1")]
)
def test_the_address_of_the_settings_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    behind_a_proxy(monkeypatch, address)
    port = free_port(address)
    output, started = call(root, monkeypatch, port)
    assert f"http://{said}:{port} " in output
    assert started[-2:] == ["--port", str(port)]


def test_the_names_under_which_others_reach_it_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behind_a_proxy(monkeypatch, "127.0.0.1")
    monkeypatch.setenv("RL_TSAD_ACCESS__HOSTS", '["desk.example.org"]')
    assert "under the name desk.example.org" in call(root, monkeypatch, free_port("127.0.0.1"))[0]


def test_a_port_is_tried_at_the_address_of_the_settings(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behind_a_proxy(monkeypatch, "127.0.0.2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))
        taken.listen()
        with pytest.raises(WorkspaceError, match=r"of 127\.0\.0\.2 to be free"):
            call(root, monkeypatch, taken.getsockname()[1])


def test_an_address_of_another_machine_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behind_a_proxy(monkeypatch, "192.0.2.1")
    with pytest.raises(WorkspaceError, match=r"192\.0\.2\.1"):
        call(root, monkeypatch, 8501)
