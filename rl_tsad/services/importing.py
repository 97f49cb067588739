"""Answers in from files: all of a file or nothing of it, the same file only once, nothing overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from db import details, labels, vetoes
from db.desk_records import AnswerDetail
from db.imports import append_all
from db.records import Answer, Label, NewLabel
from rl_tsad.data.annotations.forms import Form, form_of, read_annotations
from rl_tsad.data.annotations.grid import Grid, Group, Remark, rest_of, said_of_grid
from rl_tsad.data.annotations.names import Recordings
from rl_tsad.data.annotations.stretches import NORMAL, Annotations, by_series, merged
from rl_tsad.data.timestamps import check_zone
from rl_tsad.data.understanding import Place
from rl_tsad.errors import DataError
from rl_tsad.services.exchange import read_form
from rl_tsad.services.pools import pooled_windows
from rl_tsad.services.refusals import in_words
from rl_tsad.services.spreading import respread_quietly
from rl_tsad.services.window_files import read_windows
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.types import Bool, window_key


@dataclass(frozen=True)
class ImportOptions:
    """How a file of answers is read.

    Attributes:
        analyst: who gave answers that name nobody.
        form: format; told by the file's content when absent.
        rest: what is said of windows of the file's series of which it says nothing: ``unknown`` (nothing) or
            ``normal``, where nobody has answered.
        conflicts: what becomes of answers that differ from a standing one: ``replace`` (they come later and stand),
            ``keep`` (they are left out) or ``refuse`` (an error).
        timezone: zone of times that carry none; that of the series' own source when absent.
        series: which series is meant where the file names none.
        skip_unknown: whether names that are no series here are left out instead of refused.
        anomaly_words: further labels that mean an anomaly, such as kinds of faults.
        trust_names: whether answers keep the analyst whom the file names; all are ``analyst``'s when not.
    """

    analyst: str = "import"
    form: str | None = None
    rest: Literal["unknown", "normal"] = "unknown"
    conflicts: Literal["replace", "keep", "refuse"] = "replace"
    timezone: str | None = None
    series: str | None = None
    skip_unknown: bool = False
    anomaly_words: tuple[str, ...] = ()
    trust_names: bool = True


@dataclass(frozen=True)
class Conflict:
    """A window of which a file says something else than the answer that stands."""

    key: str
    standing: Answer
    analyst: str
    said: Answer


@dataclass(frozen=True)
class Imported:
    """What an import added, or would.

    Attributes:
        form: format of the file.
        counts: windows added by answer.
        answers: answers added; one may be about many windows, and can be taken back as a whole.
        known: windows of which the same stands already; they are not added again.
        conflicts: windows of which something else stood.
        strange: names in the file that are no series here and were left out.
        empty: stretches of the file that hold no point.
        unheard: stretches that label no window, as a normal one shorter than what a window decides.
        outside: windows of which the file speaks that are not in the pool (kept for the test, or between pool and
            test) and were left out.
        first_outside: the first place in the file that speaks of one.
    """

    form: Form
    counts: Mapping[Answer, int]
    answers: int
    known: int
    conflicts: tuple[Conflict, ...] = ()
    strange: tuple[str, ...] = ()
    empty: int = 0
    unheard: int = 0
    outside: int = 0
    first_outside: str = ""

    @property
    def added(self) -> int:
        """Windows added."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class _File:
    """A file's answers, before they meet what stands."""

    form: Form
    groups: Sequence[Group]
    place: Place
    rest: Sequence[Group] = ()
    strange: tuple[str, ...] = ()
    empty: int = 0
    unheard: int = 0
    outside: int = 0
    first_outside: str = ""


@dataclass
class _Answer:
    """The rows of one answer, and what came with it."""

    rows: list[NewLabel]
    remark: Remark | None


def import_answers(
    workspace: Workspace, path: Path, options: ImportOptions | None = None, *, dry_run: bool = False
) -> Imported:
    """Add the answers of a file in any format of ``docs/formats.md``, as answers of analysts.

    A stretch is one answer about the windows of the grid that it labels (see
    :func:`rl_tsad.data.annotations.grid.said_of_grid`), so it can be taken back as one. What stands already is not
    added again, and so the same file is kept once. As with every other way in, only windows of the pool are labelled:
    what is kept for the test stays unseen.

    Args:
        workspace: whose windows are meant.
        path: the file, folder or archive.
        options: how it is read.
        dry_run: only say what would be added.

    Raises:
        DataError: names file and line; nothing was added then.
        LabelingError: when the same file is being imported elsewhere.
        WorkspaceError: when the store does not answer.
    """
    options = options or ImportOptions()
    check_zone(options.timezone)
    form = form_of(path) if options.form is None else read_form(options.form)
    file = _read(workspace, path, form, options)
    client = f"import-{_digest(path)}"
    with in_words(), workspace.store.read() if dry_run else workspace.store.begin() as session:
        answers, report = _meet(workspace, session, file, options)
        if not dry_run and answers:
            firsts = append_all(session, [one.rows for one in answers], client)
            _keep_remarks(session, firsts, answers)
    if not dry_run and report.added:
        respread_quietly(workspace)
    return report


def _read(ws: Workspace, path: Path, form: Form, options: ImportOptions) -> _File:
    records = list_series(ws)
    grids = {one.name: _grid(ws, one.rows) for one in records}
    pools = pooled_windows(ws, records)
    if form in (Form.HISTORY, Form.WINDOWS):
        groups, place = read_windows(path, form, grids)
        return _within(_File(form, groups, place), {one.series for one in groups}, pools, options)
    series = {one.name: load_series(ws, one) for one in records}
    known = Recordings(series, options.timezone, options.series, options.skip_unknown, options.anomaly_words)
    said = read_annotations(path, form, known)
    _check_grids(said, grids, path)
    found = by_series(said.stretches, said.series)
    groups = [group for name in sorted(found) for group in said_of_grid(found[name], grids[name])]
    heard = {(one.series, one.row) for one in groups}
    unheard = sum((one.series, one.row) not in heard for one in merged(said.stretches))
    whole = _File(form, groups, said.place, (), said.strange, said.empty, unheard)
    return _within(whole, said.series, pools, options)


def _within(file: _File, series: Iterable[str], pools: Mapping[str, Bool], options: ImportOptions) -> _File:
    """Leave out what a file says of windows outside of the pool, and say the rest of its series' pool."""
    rest = _rest(file.groups, series, pools, options)
    if all(its.all() for its in pools.values()):
        return replace(file, rest=rest)
    cut = [replace(one, windows=one.windows[pools[one.series][one.windows]]) for one in file.groups]
    pairs = list(zip(file.groups, cut, strict=True))
    first = next((file.place(one.row) for one, its in pairs if len(its.windows) < len(one.windows)), "")
    return replace(
        file,
        groups=[one for one in cut if len(one.windows)],
        rest=rest,
        outside=sum(len(one.windows) - len(its.windows) for one, its in pairs),
        first_outside=first,
    )


def _rest(
    groups: Iterable[Group], series: Iterable[str], pools: Mapping[str, Bool], options: ImportOptions
) -> list[Group]:
    if options.rest != "normal":
        return []
    silent = {name: pools[name].copy() for name in sorted(series)}
    for one in groups:
        silent[one.series][one.windows] = False
    return [group for name, free in silent.items() for group in rest_of(name, NORMAL, free)]


def _grid(ws: Workspace, points: int) -> Grid:
    return Grid(points, ws.settings.window.length, ws.settings.window.stride)


def _check_grids(said: Annotations, grids: Mapping[str, Grid], path: Path) -> None:
    short = sorted(name for name in said.series if not grids[name].count)
    if short:
        raise DataError(
            f"{path}: expected series of at least one window ({grids[short[0]].length} points), got "
            f"{grids[short[0]].points} points of {short[0]!r}; choose a smaller window.length in rl-tsad.toml"
        )


def _meet(ws: Workspace, session: Session, file: _File, options: ImportOptions) -> tuple[list[_Answer], Imported]:
    """Leave out what stands already, and find what contradicts it; silence in the file contradicts nothing."""
    standing = {label.key: label for label in labels.standing(session)}
    answers: dict[object, _Answer] = {}
    conflicts, told, known = [], dict[str, Answer](), 0
    counts = dict.fromkeys(Answer, 0)
    for number, group in enumerate([*file.groups, *file.rest]):
        for new in _labels(ws, group, options):
            old, before = standing.get(new.key), told.get(new.key)
            if before == new.answer or (old is not None and before is None and old.answer == new.answer):
                known += 1
                continue
            if old is not None and group.row < 0:
                continue
            if old is not None and before is None:
                conflicts.append(_conflict(old, new, file.place(group.row) if options.conflicts == "refuse" else None))
            if old is None or options.conflicts == "replace":
                own = number if group.row < 0 else (group.row, group.series)
                answers.setdefault(own, _Answer([], group.remark)).rows.append(new)
                told[new.key] = new.answer
                counts[new.answer] += 1
    kept = list(answers.values())
    same = {name: getattr(file, name) for name in ("form", "strange", "empty", "unheard", "outside", "first_outside")}
    return kept, Imported(counts=counts, answers=len(kept), known=known, conflicts=tuple(conflicts), **same)


def _keep_remarks(session: Session, firsts: Sequence[int], answers: Sequence[_Answer]) -> None:
    """Keep what came with answers, at their first rows."""
    came = [(first, one, one.remark) for first, one in zip(firsts, answers, strict=True) if one.remark is not None]
    details.add_all(
        session, [AnswerDetail(first, one.marks, one.fault, one.comment, one.seconds) for first, _, one in came]
    )
    for first, answer, remark in came:
        if remark.exceptions:
            vetoes.add(session, first, remark.exceptions, answer.rows[0].analyst)


def _labels(ws: Workspace, group: Group, options: ImportOptions) -> Iterable[NewLabel]:
    window = ws.settings.window
    low, high = group.mark or (None, None)
    analyst = (options.trust_names and group.analyst) or options.analyst
    answer, length, series = Answer(group.answer), window.length, group.series
    for start in (group.windows * window.stride).tolist():
        key = window_key(series, start, length)
        yield NewLabel(key, series, start, length, answer, analyst, mark_low=low, mark_high=high)


def _conflict(old: Label, new: NewLabel, place: str | None) -> Conflict:
    stands = old.answer or Answer.UNSURE
    if place is not None:
        raise DataError(
            f"{place}: expected what stands of {new.key}, {stands} by {old.analyst}, got {new.answer}; choose with "
            "--conflicts which one is to stand (replace or keep)"
        )
    return Conflict(new.key, stands, old.analyst, new.answer)


def _digest(path: Path) -> str:
    """Name a file or a folder by its content."""
    total = hashlib.sha256()
    for one in sorted(path.iterdir()) if path.is_dir() else [path]:
        if one.is_file():
            with one.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
