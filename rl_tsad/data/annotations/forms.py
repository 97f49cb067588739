"""In which format is a file of labels written? The one door for reading other tools' files."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from rl_tsad.data.annotations.interval_files import read_interval_csv, read_interval_json, read_nab
from rl_tsad.data.annotations.label_studio import read_tasks
from rl_tsad.data.annotations.names import Recordings
from rl_tsad.data.annotations.point_files import TRAINSET_COLUMNS, read_points, read_trainset, read_tsb_labels
from rl_tsad.data.annotations.stretches import Annotations
from rl_tsad.data.csv_form import sniff
from rl_tsad.data.published import is_tsb
from rl_tsad.errors import DataError

_LARGEST = 4 << 30
"""Bytes that the files of an archive may have together, unpacked."""


class Form(StrEnum):
    """Formats in which answers are written; see ``docs/formats.md``."""

    HISTORY = "json"
    WINDOWS = "csv"
    POINTS = "points"
    INTERVALS = "intervals"
    INTERVALS_JSON = "intervals-json"
    NAB = "nab"
    TSB_AD = "tsb-ad"
    TRAINSET = "trainset"
    LABEL_STUDIO = "label-studio"


ENDINGS = {
    Form.HISTORY: ".json",
    Form.INTERVALS_JSON: ".json",
    Form.NAB: ".json",
    Form.TSB_AD: ".zip",
    Form.LABEL_STUDIO: ".zip",
}
"""Endings of files by their format; ``.csv`` for all others."""


def form_of(path: Path) -> Form:
    r"""Tell the format of a file or folder by what is in it.

    Raises:
        DataError: when it is none of ours.

    Example:
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "a.csv")
        >>> _ = path.write_text("series,start,end\npump,1,2\n")
        >>> form_of(path).value
        'intervals'
        >>> folder.cleanup()
    """
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder, got nothing there; check the path")
    if path.is_dir() or path.suffix.lower() == ".zip":
        with unpacked(path) as files:
            return Form.LABEL_STUDIO if any(one.suffix == ".json" for one in files) else Form.TSB_AD
    if path.suffix.lower() == ".json":
        return _form_of_json(path, load_json(path))
    columns = {name.strip().lower() for name in sniff(path).columns}
    if is_tsb(path) and "label" in columns:
        return Form.TSB_AD
    if {"key", "answer"} <= columns:
        return Form.WINDOWS
    if set(TRAINSET_COLUMNS) <= columns:
        return Form.TRAINSET
    if columns & {"start", "from", "begin", "start_time"} and columns & {"end", "to", "stop", "end_time"}:
        return Form.INTERVALS
    if columns & {"time", "timestamp"} and columns & {"label", "answer"}:
        return Form.POINTS
    if "label" in columns:
        return Form.TSB_AD
    raise DataError(
        f"{path.name}, line 1: expected the columns of a format that is known, got {', '.join(sorted(columns))}; name "
        f"the format with --format ({', '.join(Form)}), or see docs/formats.md"
    )


def read_annotations(path: Path, form: Form, known: Recordings) -> Annotations:
    """Read labels in any format but our windows and our history.

    Args:
        path: a file; for TSB-AD also a folder or an archive of files, for Label Studio also an archive.
        form: its format.
        known: the series that it may speak of.

    Raises:
        DataError: names file and line of what cannot be read.
    """
    if form == Form.TSB_AD:
        with unpacked(path) as files:
            return read_tsb_labels([one for one in files if one.suffix.lower() == ".csv"], known)
    if form == Form.LABEL_STUDIO:
        with unpacked(path) as files:
            return _joined([read_tasks(one, load_json(one), known) for one in files if one.suffix == ".json"], path)
    if form in (Form.INTERVALS_JSON, Form.NAB) or (form == Form.INTERVALS and path.suffix.lower() == ".json"):
        content = load_json(path)
        wanted = _form_of_json(path, content)
        if wanted not in (Form.INTERVALS_JSON, Form.NAB):
            raise DataError(f"{path.name}: expected intervals, got the format {wanted}; leave --format out")
        return (read_nab if wanted == Form.NAB else read_interval_json)(path, content, known)
    readers = {Form.INTERVALS: read_interval_csv, Form.POINTS: read_points, Form.TRAINSET: read_trainset}
    return readers[form](path, known)


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: when it is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON in UTF-8, got: {error}; check the file or export it again") from error


@contextmanager
def unpacked(path: Path) -> Iterator[list[Path]]:
    """Give the files of a folder, of an archive (for as long as the block lasts), or a file alone; by name.

    Names inside an archive count for the name of the file only: nothing is written outside a folder of its own.

    Raises:
        DataError: when an archive is broken, or larger than what is read here.
    """
    if path.suffix.lower() != ".zip":
        yield sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [one for one in archive.infolist() if not one.is_dir()]
                if sum(one.file_size for one in members) > _LARGEST:
                    raise DataError(
                        f"{path}: expected at most {_LARGEST >> 30} GiB in the archive, got more; unpack it"
                    )
                for one in members:
                    Path(folder, PurePosixPath(one.filename).name).write_bytes(archive.read(one))
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:
            raise DataError(f"{path}: expected a zip archive, got: {error}; unpack it by hand") from error
        yield sorted(Path(folder).iterdir())


def _form_of_json(path: Path, content: Any) -> Form:
    if isinstance(content, dict) and "events" in content:
        return Form.HISTORY
    if isinstance(content, dict) and isinstance(content.get("intervals"), list):
        return Form.INTERVALS_JSON
    if isinstance(content, dict) and content and all(isinstance(one, list) for one in content.values()):
        return Form.NAB
    tasks = content if isinstance(content, list) else [content]
    if tasks and all(isinstance(one, dict) for one in tasks):
        return Form.INTERVALS_JSON if {"start", "end"} <= set(tasks[0]) else Form.LABEL_STUDIO
    raise DataError(
        f"{path.name}: expected JSON of `rl-tsad labels export`, of NAB's windows, of Label Studio or a list of "
        "intervals, got something else; see docs/formats.md"
    )


def _joined(parts: list[Annotations], path: Path) -> Annotations:
    if not parts:
        raise DataError(f"{path}: expected a JSON file of Label Studio's tasks, got none; export the project as JSON")
    return Annotations(
        tuple(one for part in parts for one in part.stretches),
        frozenset(name for part in parts for name in part.series),
        parts[0].place,
        tuple(name for part in parts for name in part.strange),
        sum(part.empty for part in parts),
    )
