"""Folders become visible whole or not at all: written as drafts, then renamed; drafts of the dead are swept away."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def draft_folder(parent: Path) -> Iterator[Path]:
    """Give a new hidden folder beside the final ones; whatever is still there afterwards is removed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with draft_folder(Path(folder)) as draft:
        ...         _ = (draft / "a").write_text("1")
        ...         publish_folder(draft, Path(folder) / "final")
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['final']
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep_drafts(parent)
    draft = parent / f".draft-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish_folder(draft: Path, target: Path) -> None:
    """Rename a finished draft; where another process was faster, its equal result stays.

    Raises:
        OSError: when the folder cannot be renamed and nothing is at the target.
    """
    try:
        draft.replace(target)
    except OSError:
        if not target.is_dir():
            raise


def share_folder(source: Path, target: Path) -> None:
    """Make a finished folder visible at a second place, without a second copy where the file system can."""
    if source.is_dir() and not target.exists():
        with draft_folder(target.parent) as draft:
            copy_linked(source, draft / "copy")
            publish_folder(draft / "copy", target)


def copy_linked(source: Path, target: Path) -> None:
    """Copy a folder of finished, never changing files by hard links where possible."""
    shutil.copytree(source, target, copy_function=_link)


def sweep_drafts(parent: Path) -> None:
    """Remove drafts whose process on this machine is gone (killed in the middle)."""
    for draft in parent.glob(f".draft-{socket.gethostname()}-*"):
        pid = draft.name.rsplit("-", 2)[1]
        if not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
            shutil.rmtree(draft, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
