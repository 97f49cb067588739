"""What the standing answers say of the windows that nobody answered, kept up to date answer by answer."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import numpy as np
from sqlalchemy.orm import Session

from db import labels, reviews, spreads, versions, vetoes
from db.records import Label, ModelVersion
from db.spread_records import NewSpread
from rl_tsad.active.graph_files import load_graph
from rl_tsad.active.propagate import FREE, Change, Spreading
from rl_tsad.config import ActiveConfig
from rl_tsad.services.refusals import in_words
from rl_tsad.services.settling import settle_queue
from rl_tsad.services.standing import VALUES, flows_of, trust_of
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import ANOMALY, NORMAL, UNKNOWN, Float32, Int8, Int64

_LOG = logging.getLogger(__name__)
_UNDOABLE = 50
"""Answers that are taken back to the last bit; older ones to within epsilon."""
_AT_ONCE = 200
"""Of more new answers, as after an import, all are spread at once instead of one by one."""
_LATE = 64
"""Rows of the history that are looked at again: a transaction may end after one that began later."""


@dataclass(frozen=True)
class Step:
    """What an answer, or taking one back, changed.

    Attributes:
        label_id: its first row.
        touched: (M,) int64, windows whose reach changed.
        before, after: (M,) int8, what they were settled as.
        checked: windows of the answer itself that stood settled; agreed: those of them that were right.
    """

    label_id: int
    touched: Int64
    before: Int8
    after: Int8
    checked: int = 0
    agreed: int = 0

    @property
    def settled(self) -> Int64:
        """Windows that it settled, as something new."""
        return np.asarray(self.touched[(self.after != UNKNOWN) & (self.after != self.before)], dtype=np.int64)

    def count(self, label: int) -> int:
        """Windows that it settled as normal or anomalous."""
        return int(((self.after == label) & (self.after != self.before)).sum())


class Live:
    """Answers spread over the graph of one model version, as this process knows them; use it under its lock.

    Attributes:
        version: the model version.
        state: how far the answers reach.
        trust: from which confidence on a label counts.
        decided: (N,) int8, what each window is settled as; -1 for none and where a person answered.
        changed: windows about which something else may be said than when the queue was last settled; None: any.
        lock: held by whoever looks or changes.
    """

    def __init__(self, version: ModelVersion, folder: Path, config: ActiveConfig) -> None:
        graph = load_graph(folder)
        self.version, self.graph, self.config = version, graph, config
        self.state = Spreading(graph, alpha=config.alpha)
        self.trust = trust_of(version, config)
        self.decided: Int8 = np.full(len(graph), UNKNOWN, dtype=np.int8)
        self.changed: set[str] | None = None
        self.lock = RLock()
        self._seen_label = self._seen_veto = -1
        self._done: set[int] = set()
        self._recent: deque[tuple[int, Change]] = deque(maxlen=_UNDOABLE)

    def catch_up(self, session: Session) -> list[Step]:
        """Bring in what the store holds and this process has not seen; the first time all at once, without steps."""
        if self._seen_label < 0:
            self._begin(session)
            return []
        groups = self._fresh_groups(session)
        if len(groups) > _AT_ONCE:
            self.state, self._recent = Spreading(self.graph, alpha=self.config.alpha), deque(maxlen=_UNDOABLE)
            self._begin(session)
            return []
        steps = self._take_all(session, groups)
        newest = vetoes.last_id(session)
        if newest > self._seen_veto:  # a session that began earlier sees less
            changed = vetoes.since(session, self._seen_veto)
            its = {row.key for label_id in changed for row in labels.answer_rows(session, label_id)}
            its |= {str(key) for key in vetoes.keys_of(session, changed)}
            self._apply(flows_of(session, self.graph.windows, its), its)
            self._seen_veto = newest
        return steps

    def what_if(self, rows: Int64, flow: Int8) -> tuple[Step, Float32]:
        """Say what would change if answers were given (0, 1), or (-1) were not there; everything is as before then.

        Returns:
            The step, and (M,) how sure the answers would be of each window that it touches.
        """
        own = self.state.flow[rows]
        given, freed = (flow != FREE) & (flow != own), (flow == FREE) & (own != FREE)
        changes = [self.state.free(rows[freed])] if freed.any() else []
        changes += [self.state.clamp(rows[given], flow[given])] if given.any() else []
        touched = np.unique(np.concatenate([rows, *(change.rows for change in changes)])).astype(np.int64)
        after, confidence = self._settled(touched)
        for change in reversed(changes):
            self.state.restore(change)
        return Step(0, touched, self.decided[touched], after), confidence

    def confidence(self, rows: Int64) -> Float32:
        """(M,) how sure the answers are of windows."""
        return self.state.lean(rows, anomaly_doubt=self.config.anomaly_doubt)[1]

    def _begin(self, session: Session) -> None:
        """Spread all standing answers at once."""
        self._seen_label, self._seen_veto = labels.last_id(session), vetoes.last_id(session)
        self._done = set(labels.numbers_since(session, self._seen_label - _LATE))
        flows = flows_of(session, self.graph.windows)
        rows = np.array(sorted(flows), dtype=np.int64)
        self.state.clamp(rows, np.array([flows[row] for row in rows.tolist()], dtype=np.int64))
        self.decided, self.changed = self._settled(None)[0], None

    def _fresh_groups(self, session: Session) -> list[list[Label]]:
        """The rows that are new, an answer or an undoing each."""
        if self._done.issuperset(labels.numbers_since(session, self._seen_label - _LATE)):
            return []
        fresh = [row for row in labels.since(session, self._seen_label - _LATE) if row.id not in self._done]
        groups: dict[object, list[Label]] = {}
        for row in fresh:
            message = (row.client, row.sequence) if row.client is not None else (row.analyst, row.created_at)
            groups.setdefault((message, row.undoes is None), []).append(row)
        if fresh:
            self._seen_label = max(self._seen_label, fresh[-1].id)
            self._done = {one for one in self._done | {row.id for row in fresh} if one > self._seen_label - 4 * _LATE}
        return list(groups.values())

    def _take_all(self, session: Session, groups: Sequence[Sequence[Label]]) -> list[Step]:
        """Bring in several answers; what the store says of their windows is read once where none touches another's."""
        asked = {row.item_id for group in groups for row in group[:1] if row.item_id is not None}
        beside = reviews.windows_beside(session, asked) if asked else {}
        said = [group[0].undoes or group[0].id for group in groups]
        out = vetoes.by_answer(session, said)  # an answer's exceptions come and go with it
        keys = [
            {row.key for row in group} | beside.get(group[0].item_id or 0, set()) | out.get(number, set())
            for group, number in zip(groups, said, strict=True)
        ]
        every = set().union(*keys)
        is_apart = sum(map(len, keys)) == len(every) and all(group[0].undoes is None for group in groups)
        flows = flows_of(session, self.graph.windows, every) if is_apart and groups else None
        return [self._take(session, group, its, flows) for group, its in zip(groups, keys, strict=True)]

    def _take(
        self, session: Session, group: Sequence[Label], keys: Collection[str], flows: Mapping[int, int] | None
    ) -> Step:
        first = group[0]
        rows = self.graph.windows.rows([row.key for row in group])
        said = np.array([VALUES.get(row.answer, UNKNOWN) for row in group], dtype=np.int8)[rows >= 0]
        stood = self.decided[rows[rows >= 0]]
        known = (stood != UNKNOWN) & (said != UNKNOWN)
        flows = flows_of(session, self.graph.windows, keys) if flows is None else flows
        step = self._apply(flows, keys, label_id=first.id, undone=first.undoes)
        return Step(
            first.id, step.touched, step.before, step.after, int(known.sum()), int((stood == said)[known].sum())
        )

    def _apply(
        self, wanted: Mapping[int, int], keys: Collection[str], *, label_id: int = 0, undone: int | None = None
    ) -> Step:
        """Bring some windows to what the store says of them; the newest answer is taken back to the last bit."""
        rows = self.graph.windows.rows(sorted(keys))
        rows = np.unique(rows[rows >= 0])
        flow = np.array([wanted.get(row, FREE) for row in rows.tolist()], dtype=np.int8)
        touched = [rows]
        if undone is not None and self._recent and self._recent[-1][0] == undone:
            change = self._recent.pop()[1]
            self.state.restore(change)
            touched.append(change.rows)
        own = self.state.flow[rows]
        freed, given = (flow == FREE) & (own != FREE), (flow != FREE) & (flow != own)
        changes = [self.state.free(rows[freed])] if freed.any() else []
        changes += [self.state.clamp(rows[given], flow[given])] if given.any() else []
        touched += [change.rows for change in changes]
        self._recent.extend((label_id if len(changes) == 1 else 0, change) for change in changes)
        every = np.unique(np.concatenate(touched)).astype(np.int64)
        before, after = self.decided[every], self._settled(every)[0]
        self.decided[every] = after
        if self.changed is not None:
            self.changed |= {*keys, *map(self.graph.windows.key, every[before != after].tolist())}
        return Step(label_id, every, before, after)

    def _settled(self, rows: Int64 | None) -> tuple[Int8, Float32]:
        lean, confidence = self.state.lean(rows, anomaly_doubt=self.config.anomaly_doubt)
        settled = self.trust.counts(lean, confidence)
        settled[(self.state.flow if rows is None else self.state.flow[rows]) != FREE] = UNKNOWN
        return settled, confidence


@contextmanager
def live_now(ws: Workspace, session: Session) -> Iterator[tuple[Live, list[Step]] | None]:
    """Lend the spreading of the current version, as :func:`live_of`."""
    with live_of(ws, session, versions.current(session)) as found:
        yield found


@contextmanager
def live_of(ws: Workspace, session: Session, version: ModelVersion | None) -> Iterator[tuple[Live, list[Step]] | None]:
    """Lend the spreading of a version, caught up, with the steps that brought it there; None without a graph.

    Raises:
        CheckpointError: when the version's graph is missing a file or damaged.
    """
    folder = None if version is None else ws.model_folder(version) / "graph"
    if version is None or folder is None or not folder.is_dir():
        yield None
        return
    live = _opened(version, folder, ws.settings.active)
    with live.lock:
        yield live, live.catch_up(session)


@contextmanager
def reading_live(ws: Workspace) -> Iterator[tuple[Session, Live | None]]:
    """Lend a reading session and the caught-up spreading of the current version.

    Raises:
        LabelingError: when something is missing.
        WorkspaceError: when the store does not answer.
        CheckpointError: when the version's graph cannot be read.
    """
    with in_words(), ws.store.read() as session, live_now(ws, session) as found:
        yield session, None if found is None else found[0]


def respread_quietly(ws: Workspace, label_id: int | None = None, keys: Sequence[str] = ()) -> int:
    """Do :func:`respread_each` for one answer, or for none.

    Returns:
        Windows that this answer settles; all windows settled when no answer is named.
    """
    reach, settled = respread_each(ws, {} if label_id is None else {label_id: keys})
    return settled if label_id is None else reach.get(label_id, 0)


def respread_each(ws: Workspace, told: Mapping[int, Sequence[str]]) -> tuple[dict[int, int], int]:
    """Spread what is new, record what it changed, and settle the queue.

    A failure is logged and never reaches the analyst, whose answers are kept already.

    Args:
        ws: the workspace.
        told: first row of each answer just given or taken back, and the windows that it is about.

    Returns:
        Windows that each of these answers settles, and all windows settled.
    """
    live = None
    try:
        with ws.store.begin() as session, live_now(ws, session) as found:
            if found is None:
                settle_queue(session, None, None)
                return {}, 0
            live, steps = found
            late = [label_id for label_id in told if label_id not in {step.label_id for step in steps}]
            steps = [*steps, *(_late_step(live, one, told[one]) for one in late)]  # somebody else caught up first
            spreads.add_all(session, [_as_row(live, step) for step in steps])
            some = None if live.changed is None or not told else live.changed.union(*told.values())
            settle_queue(session, live.graph.windows, live.decided, some)
            live.changed = set()
            return {step.label_id: len(step.settled) for step in steps}, int((live.decided != UNKNOWN).sum())
    except Exception:
        _LOG.exception("answers could not be spread; they are kept, and the next answer tries again")
        if live is not None:
            live.changed = None
        return {}, 0


def count_decided(ws: Workspace) -> int:
    """Count the windows that spreading settles at present; 0, and a line in the log, when it fails."""
    try:
        with ws.store.read() as session, live_now(ws, session) as found:
            return 0 if found is None else int((found[0].decided != UNKNOWN).sum())
    except Exception:
        _LOG.exception("answers could not be spread")
        return 0


def _late_step(live: Live, label_id: int, keys: Sequence[str]) -> Step:
    """Say what an answer settles that is spread already: what would be lost without it."""
    rows = live.graph.windows.rows(list(keys))
    rows = np.unique(rows[rows >= 0])
    rows = rows[np.isin(live.state.flow[rows], (NORMAL, ANOMALY))]
    gone, _ = live.what_if(rows, np.full(len(rows), FREE, dtype=np.int8))
    others = ~np.isin(gone.touched, rows)
    return Step(label_id, gone.touched[others], gone.after[others], gone.before[others])


def _as_row(live: Live, step: Step) -> NewSpread:
    floors = [floor if np.isfinite(floor) else None for floor in live.trust.floors]
    return NewSpread(
        label_id=step.label_id,
        version_id=live.version.id,
        graph=live.version.digest,
        epsilon=live.state.epsilon,
        floor_normal=floors[0],
        floor_anomaly=floors[1],
        touched=len(step.touched),
        normals=step.count(NORMAL),
        anomalies=step.count(ANOMALY),
        released=int(((step.before != UNKNOWN) & (step.after == UNKNOWN)).sum()),
        checked=step.checked,
        agreed=step.agreed,
    )


_OPEN: OrderedDict[tuple[str, str, str], Live] = OrderedDict()
_LOCK = RLock()


def _opened(version: ModelVersion, folder: Path, config: ActiveConfig) -> Live:
    """Open a version's spreading once a process: its files never change; the digest tells re-made workspaces apart."""
    name = (str(folder), version.digest, repr(config))
    with _LOCK:
        if name not in _OPEN:
            _OPEN[name] = Live(version, folder, config)
        _OPEN.move_to_end(name)
        while len(_OPEN) > 2:
            _OPEN.popitem(last=False)
        return _OPEN[name]
