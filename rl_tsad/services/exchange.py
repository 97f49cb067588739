"""Answers out to files, in our formats and other tools' (see ``docs/formats.md``)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from db import labels
from db.records import Label, SeriesRecord
from rl_tsad.data.annotations.forms import ENDINGS, Form
from rl_tsad.data.annotations.grid import Grid
from rl_tsad.data.annotations.interval_files import write_interval_csv, write_interval_json, write_nab
from rl_tsad.data.annotations.label_studio import write_labeling_config, write_tasks
from rl_tsad.data.annotations.moments import write_times
from rl_tsad.data.annotations.names import guard
from rl_tsad.data.annotations.point_files import write_points, write_trainset, write_tsb
from rl_tsad.data.annotations.stretches import Stretch, by_series
from rl_tsad.data.annotations.texts import groups_of
from rl_tsad.errors import DataError
from rl_tsad.services.history_files import written_history
from rl_tsad.services.refusals import in_words
from rl_tsad.services.standing_stretches import standing_stretches
from rl_tsad.services.workspace import Workspace, list_series, load_series, write_bytes
from rl_tsad.types import Series

COLUMNS = ("key", "answer", "from", "to", "analyst", "created_at")
NAMES = {form: f"answers-{form}" for form in Form} | {Form.HISTORY: "answers", Form.WINDOWS: "answers"}


def exported(workspace: Workspace, form: Form | str) -> tuple[str, bytes]:
    r"""Write the answers into memory, as for a download.

    Args:
        workspace: whose answers.
        form: the format: ``json`` (the whole history), ``csv`` (the standing answers, a window a row), ``points``,
            ``intervals``, ``intervals-json``, ``nab``, ``tsb-ad``, ``trainset`` or ``label-studio``.

    Returns:
        A name for the file, and what is in it; several files come as a zip archive.

    Raises:
        DataError: when there is no such format.
        WorkspaceError: when the store or the arrays cannot be read.

    Example:
        >>> import tempfile
        >>> from rl_tsad.services.workspace import create_workspace
        >>> with tempfile.TemporaryDirectory() as folder, create_workspace(Path(folder) / "w") as ws:
        ...     exported(ws, "intervals")
        ('answers-intervals.csv', b'series,start,end,label,analyst\n')
    """
    return _written(workspace, form)[:2]


def export_answers(workspace: Workspace, out: Path, form: Form | str | None = None) -> int:
    """Write answers to a file that is there whole or not at all.

    Args:
        workspace: whose answers.
        out: the file.
        form: the format, as for :func:`exported`; when omitted, ``.csv`` gets the standing answers and ``.json`` the
            whole history, undone ones included.

    Returns:
        How many answers or events were written: rows of the history, windows, or stretches.

    Raises:
        DataError: when the format is not told and the file's ending does not tell it, or does not fit.
    """
    chosen = _chosen(out, form)
    _, content, count = _written(workspace, chosen)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, content)
    return count


def _chosen(out: Path, form: Form | str | None) -> Form:
    ending = out.suffix.lower()
    if form is None:
        own = {".csv": Form.WINDOWS, ".json": Form.HISTORY}
        if ending not in own:
            raise DataError(
                f"expected --out to end in .csv or .json, got {out.name!r}; choose one of these, or name the format "
                f"with --format: {', '.join(Form)}"
            )
        return own[ending]
    chosen = Form.INTERVALS_JSON if form == Form.INTERVALS and ending == ".json" else read_form(form)
    wanted = ENDINGS.get(chosen, ".csv")
    if ending != wanted:
        raise DataError(f"expected --out to end in {wanted} for the format {chosen}, got {out.name!r}; rename it")
    return chosen


def read_form(name: str) -> Form:
    """Read the name of a format.

    Raises:
        DataError: when there is no such format.
    """
    if name not in list(Form):
        raise DataError(f"expected a format ({', '.join(Form)}), got {name!r}; see docs/formats.md")
    return Form(name)


def _written(ws: Workspace, form: Form | str) -> tuple[str, bytes, int]:
    chosen = read_form(form)
    name = NAMES[chosen] + ENDINGS.get(chosen, ".csv")
    if chosen == Form.HISTORY:
        return name, *written_history(ws)
    records = {one.name: one for one in list_series(ws)}
    with in_words(), ws.store.read() as session:
        rows = labels.standing(session) if chosen == Form.WINDOWS else []
        stretches = [] if chosen == Form.WINDOWS else standing_stretches(ws, session, records)
    series = {each: load_series(ws, record) for each, record in records.items()}
    if chosen == Form.WINDOWS:
        return name, _as_csv(ws, rows, records, series).encode(), len(rows)
    return name, _of_stretches(ws, chosen, stretches, series), len(stretches)


def _of_stretches(ws: Workspace, form: Form, stretches: list[Stretch], series: Mapping[str, Series]) -> bytes:
    lists = {Form.INTERVALS: write_interval_csv, Form.INTERVALS_JSON: write_interval_json, Form.NAB: write_nab}
    if form in lists:
        return lists[form](stretches, series).encode()
    found = by_series(stretches, series)
    if form == Form.TSB_AD:
        train = {name: int(one.length * ws.settings.split.pool_fraction) for name, one in series.items()}
        return _zipped(write_tsb(found, series, train))
    if form == Form.LABEL_STUDIO:
        return _zipped(_label_studio(found, series))
    return (write_points if form == Form.POINTS else write_trainset)(found, series).encode()


def _label_studio(found: Mapping[str, list[Stretch]], series: Mapping[str, Series]) -> dict[str, str]:
    """Write tasks and configuration, once for each set of channels: a project of Label Studio has one configuration."""
    kinds: dict[tuple[object, ...], dict[str, Series]] = {}
    for name, one in series.items():
        kinds.setdefault((one.channels, one.has_clock), {})[name] = one
    files = {}
    for number, same in enumerate(kinds.values(), 1):
        more = f"-{number}" if len(kinds) > 1 else ""
        files[f"tasks{more}.json"] = write_tasks(found, same)
        files[f"labeling-config{more}.xml"] = write_labeling_config(next(iter(same.values())))
    return files


def _zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _as_csv(ws: Workspace, rows: list[Label], records: Mapping[str, SeriesRecord], series: Mapping[str, Series]) -> str:
    """Write a row per answer; ``from`` and ``to`` are the first and the last point that it decides, in UTC."""
    stride = ws.settings.window.stride
    spans = [Grid(records[row.series].rows, row.length, stride).span(row.start) for row in rows]
    moments: list[list[object]] = [[] for _ in rows]
    for name, which in groups_of(pd.Series([row.series for row in rows], dtype=object)):
        ends = np.array([(spans[row][0], spans[row][1] - 1) for row in which.tolist()], dtype=np.int64)
        written = write_times(np.asarray(series[name].times[ends.reshape(-1)])).reshape(-1, 2).tolist()
        for row, pair in zip(which.tolist(), written, strict=True):
            moments[row] = pair
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, pair in zip(rows, moments, strict=True):
        writer.writerow([guard(row.key), row.answer, *pair, guard(row.analyst), row.created_at.isoformat()])
    return text.getvalue()
