"""How the database is spoken to: URLs, drivers, pragmas, errors without passwords."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from db.errors import DriverMissingError, StoreError, UnavailableError
from db.records import NewVersion
from db.session import make_engine, read_url
from db.store import Store
from db.versions import add

SECRET = "hunter2"


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_means_psycopg(name: str) -> None:
    assert read_url(f"{name}://ann@host/labels").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "wrong", [f"postgresql:/ann:{SECRET}@host", f"{SECRET}", f"postgresql://ann:{SECRET}@host:port/x"]
)
def test_what_is_no_url_is_refused_without_repeating_it(wrong: str) -> None:
    with pytest.raises(StoreError, match="expected a database URL such as") as caught:
        read_url(wrong)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(StoreError, match=r"got 'nonsense'; use sqlite or postgresql"):
        make_engine(read_url("nonsense://host/name"))


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissingError, match=r"pip install 'rl-tsad\[postgres\]'"):
        Store.open(f"postgresql://ann:{SECRET}@host/labels")


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(UnavailableError, match="check that it runs") as caught:
        Store.open(f"postgresql://ann:{SECRET}@127.0.0.1:1/labels?connect_timeout=2")
    text_of_all = "".join(str(error) + repr(error) for error in (caught.value, caught.value.__cause__))
    assert SECRET not in text_of_all
    assert "127.0.0.1" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="nowhere for the store, which is not there; make it first"):
        Store.open(f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("time,value\n" * 200)
    with pytest.raises(UnavailableError, match="not a database"):
        Store.open(f"sqlite:///{path}")


def test_sqlite_keeps_what_it_acknowledges(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store, store.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 60_000}


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    engine = make_engine(read_url(f"postgresql://ann:{SECRET}@host/labels"))
    store = Store(engine.url, engine)
    assert SECRET not in repr(store) + str(store.url) + repr(store.url)
    assert "ann:***@host" in repr(store)
    store.close()


def test_a_store_works_again_after_closing(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.close()
    with store.begin() as session:
        assert add(session, NewVersion("abc")).id == 1
    store.close()


def test_folders_with_odd_names_work(tmp_path: Path) -> None:
    folder = tmp_path / "100 % Ümläut"
    folder.mkdir()
    with Store.open(f"sqlite:///{folder / 'store.db'}") as store, store.begin() as session:
        add(session, NewVersion("abc"))
    assert (folder / "store.db").exists()
