"""Where everything of one labeling project lies: one folder with settings, store, arrays, models and reports.

::

    rl-tsad.toml           settings, written once
    store.db               facts in rows (unless a database URL is set)
    series/<digest>/       values.npy, times.npy, truth.npy (only where known)
    foundations/<digest>/  detector, judgements, rehearsal, severities, graph: what rounds share
    models/<version id>/   one model version
    cache/                 what language models have already read
    reports/
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from db import series as series_rows
from db.records import ModelVersion, SeriesRecord
from db.store import Store
from rl_tsad.config import Settings
from rl_tsad.data.role_agreement import exogenous_mask
from rl_tsad.errors import WorkspaceError
from rl_tsad.settings import load_settings, settings_text
from rl_tsad.types import Series

SETTINGS_FILE = "rl-tsad.toml"


@dataclass(frozen=True)
class Workspace:
    """An opened workspace; close it, or use it in a ``with`` block.

    Attributes:
        root: the folder.
        settings: what the file, the environment and the flags say together.
        store: the rows.
    """

    root: Path
    settings: Settings = field(repr=False)
    store: Store

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the database connections back."""
        self.store.close()

    def series_folder(self, name: str) -> Path:
        """Folder of one series' arrays, named by its id.

        Raises:
            WorkspaceError: when there is no series of this name.
        """
        with self.store.read() as session:
            record = series_rows.get(session, name)
        if record is None:
            raise WorkspaceError(f"expected a series {name!r} in {self.root}, got none; run `rl-tsad ingest` first")
        return self.root / record.path

    def model_folder(self, version: ModelVersion | int) -> Path:
        """Folder of one model version."""
        return self.root / "models" / str(version.id if isinstance(version, ModelVersion) else version)

    @property
    def foundations(self) -> Path:
        """Folder of what retraining rounds share."""
        return self.root / "foundations"

    @property
    def language_cache(self) -> Path | None:
        """File of texts that a language model has already read; None where caching is off."""
        return self.root / "cache" / "language.db" if self.settings.language.cache else None

    @property
    def reports(self) -> Path:
        """Folder of reports."""
        return self.root / "reports"


def create_workspace(root: Path, settings: Settings | None = None) -> Workspace:
    """Make a workspace folder; an existing one is opened unchanged.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with create_workspace(Path(folder) / "w") as ws:
        ...         sorted(path.name for path in ws.root.iterdir() if path.suffix in {"", ".toml"})
        ['models', 'reports', 'rl-tsad.toml', 'series']
    """
    settings_file = root / SETTINGS_FILE
    if not settings_file.exists():
        if root.exists() and {path.name for path in root.iterdir()} - {_draft_of(settings_file).name}:
            raise WorkspaceError(
                f"expected a new or empty folder for the workspace, got {root} with other files; choose another one"
            )
        root.mkdir(parents=True, exist_ok=True)
        write_text(settings_file, settings_text(settings or load_settings()))  # first: whoever is killed can go on
    for name in ("series", "models", "reports"):
        (root / name).mkdir(exist_ok=True)
    return open_workspace(root)


def open_workspace(root: Path, **flags: Any) -> Workspace:
    """Open an existing workspace and bring its store to this version's schema.

    Args:
        root: the folder.
        flags: settings that win over file and environment (see :func:`rl_tsad.settings.load_settings`).

    Raises:
        WorkspaceError: when the folder is no workspace.
        ConfigError: when its settings are not understood.
    """
    root = root.resolve()
    if not (root / SETTINGS_FILE).is_file():
        raise WorkspaceError(
            f"expected a workspace (a folder with {SETTINGS_FILE}), got {root}; run: rl-tsad --workspace {root} init"
        )
    settings = load_settings(root / SETTINGS_FILE, **flags)
    return Workspace(root, settings, Store.open(settings.database or f"sqlite:///{root / 'store.db'}"))


def list_series(ws: Workspace) -> list[SeriesRecord]:
    """Give the recorded series, by name."""
    with ws.store.read() as session:
        return sorted(series_rows.all(session), key=lambda record: record.name)


def load_series(ws: Workspace, record: SeriesRecord, *, truth: bool = False) -> Series:
    """Open a series' arrays without reading them (memory-mapped, read-only).

    Args:
        ws: the workspace.
        record: which series.
        truth: whether to bring the known truth; only simulation and evaluation may ask for it.

    Raises:
        WorkspaceError: when an array file is missing or damaged.
    """
    folder = ws.root / record.path
    try:
        values, times = _mapped(folder, "values"), _mapped(folder, "times")
        known = _mapped(folder, "truth") if truth and record.has_truth else None
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"expected the arrays of series {record.name!r} in {folder}, got: {error}; ingest the series again"
        ) from error
    exogenous = exogenous_mask(record.channels, record.exogenous)
    return Series(record.name, values, times, record.channels, known, record.timezone, exogenous)


def _mapped(folder: Path, name: str) -> Any:
    file = folder / f"{name}.npy"
    found = file.stat()
    return _opened(file, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=256)
def _opened(file: Path, state: tuple[int, int, int]) -> Any:
    """Open an array once for as long as its file stays as it is, as a plain view of its memory map."""
    del state
    return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


def write_series(folder: Path, series: Series) -> None:
    """Write a series' arrays so that the folder is there whole or not at all."""
    arrays: dict[str, Any] = {"values": series.values, "times": series.times}
    if series.truth is not None:
        arrays["truth"] = series.truth
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        for name, array in arrays.items():
            with (draft / f"{name}.npy").open("wb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        draft.replace(folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it is there whole or not at all, also after a power cut."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    draft = _draft_of(path)
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.draft")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
