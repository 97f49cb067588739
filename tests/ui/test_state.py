import pytest

from labeling_ui import state
from labeling_ui.state import Desk


def test_another_name_is_kept_on_one_line() -> None:
    assert state.rename(Desk("ada"), "  Grace \n Hopper ").analyst == "Grace Hopper"


@pytest.mark.parametrize("name", ["", "  ", "ada"])
def test_an_empty_or_equal_name_changes_nothing(name: str) -> None:
    desk = Desk("ada")
    assert state.rename(desk, name) is desk


def test_the_name_of_the_login_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert state.open_desk().analyst == "ada"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert state.open_desk().analyst == "analyst"
