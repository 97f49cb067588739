"""What every retraining round shares: detector, judgements, rehearsal, graph; reused until the data change."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.records import ModelVersion, SeriesRecord
from rl_tsad import __version__
from rl_tsad.active.graph import Graph, build_graph
from rl_tsad.active.graph_files import FORMAT, load_graph, save_graph
from rl_tsad.config import Settings, WindowConfig
from rl_tsad.data.excuses import Excuse
from rl_tsad.data.role_agreement import exogenous_names
from rl_tsad.data.splits import Split
from rl_tsad.data.windows import make_windows
from rl_tsad.detector.apart import Apart, set_apart
from rl_tsad.detector.fit import fit_detector
from rl_tsad.detector.judge import Detector, Judgement
from rl_tsad.detector.rehearse import Rehearsal, rehearse
from rl_tsad.detector.save import load_detector, save_detector
from rl_tsad.errors import CheckpointError, WorkspaceError
from rl_tsad.language.domain_notes import meant_by
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_seed
from rl_tsad.services.drafts import draft_folder, publish_folder
from rl_tsad.services.excusing import read_excuses
from rl_tsad.services.pools import split_windows
from rl_tsad.services.rehearsals import load_rehearsal, save_rehearsal
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.settings import digest_facts
from rl_tsad.types import Bool, Int8, Int64, Keys, Series, Windows, spans_of

NEITHER, POOL, TEST = 0, 1, 2
_SECTIONS = ("window", "split", "detector")


@dataclass(frozen=True)
class Foundation:
    """All that is known of the windows before anybody answered.

    Attributes:
        folder: where it is kept.
        names: the series, in order.
        channels: their C channels.
        exogenous: names of the channels that only explained the others when the detector was trained.
        judgements: one per series, all windows of it in time order; those of the pool by who has not seen it.
        part: (N,) int8, 1 for windows of the pool, 2 for the test, 0 for the gap between them.
        spans: (N, 2) int64, the points [low, high) that each window decides.
        graph: over the features of the pool's windows.
        rehearsal: copies of the series' pools with written anomalies.
        said: operators' notes and how they were understood, a sentence each.
    """

    folder: Path
    names: tuple[str, ...]
    channels: tuple[str, ...]
    exogenous: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    part: Int8
    spans: Int64
    graph: Graph
    rehearsal: Rehearsal
    said: tuple[str, ...]

    @property
    def keys(self) -> Keys:
        """(N,) keys of all windows."""
        return np.concatenate([judgement.keys for judgement in self.judgements])

    @property
    def pool(self) -> Bool:
        """(N,) whether a window may be asked and trained on."""
        return np.asarray(self.part == POOL)

    def detector(self) -> Detector:
        """Load the detector that judged."""
        return load_detector(self.folder / "detector")

    def rows_by_series(self) -> dict[str, slice]:
        """Give each series' windows as a slice of the foundation's order."""
        bounds = np.cumsum([0, *(len(judgement.keys) for judgement in self.judgements)]).tolist()
        return {name: slice(low, high) for name, (low, high) in zip(self.names, pairwise(bounds), strict=True)}

    def series_as_judged(self, workspace: Workspace, name: str, *, truth: bool = False) -> Series:
        """Open a series as long as it was when the foundation was made; it may have grown since."""
        record = next(record for record in list_series(workspace) if record.name == name)
        series = load_series(workspace, record, truth=truth)
        length = int(self.spans[self.rows_by_series()[name]][-1, 1])
        known = None if series.truth is None else series.truth[:length]
        return replace(series, values=series.values[:length], times=series.times[:length], truth=known)

    def pool_judgements(self) -> tuple[Judgement, ...]:
        """Give the judgements of the pool's windows only, series without any left out."""
        return tuple(judgement.take(mask) for judgement, mask in _masked(self.judgements, self.part))

    @property
    def seen(self) -> tuple[Judgement, ...]:
        """Give what the detector says of the pool's windows, on which it learnt, as :meth:`pool_judgements` the others.

        Empty where those are by that detector already.

        Raises:
            CheckpointError: when a file is missing or damaged.
        """
        folder = self.folder / "seen"
        if not folder.exists():
            return ()
        pooled = self.pool_judgements()
        bounds = np.cumsum([0, *(len(one) for one in pooled)]).tolist()
        try:
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _VIEW}
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{folder}: expected the second view of the pool, got {error}; delete the folder {self.folder} and "
                "train again"
            ) from error
        rows = [slice(low, high) for low, high in pairwise(bounds)]
        return tuple(
            replace(one, **{name: arrays[name][own] for name in _VIEW}) for one, own in zip(pooled, rows, strict=True)
        )


def window_of(version: ModelVersion) -> WindowConfig:
    """Give the window settings that a version was trained with; the workspace's may have changed since."""
    return WindowConfig(**version.config["window"])


def prepare(workspace: Workspace, *, progress: Progress = no_progress) -> Foundation:
    """Load the foundation of this workspace's data and settings, or make it.

    Raises:
        WorkspaceError: when there is no series yet, or the series differ in their channels' number.
    """
    records = list_series(workspace)
    _check_series(records)
    if (known := prepared(workspace)) is not None:
        return known
    folder = workspace.foundations / foundation_digest(records, workspace.settings)
    _make(workspace, records, folder, progress)
    return load_foundation(folder)


def prepared(workspace: Workspace) -> Foundation | None:
    """Load the foundation of this workspace's data and settings, if it was ever made."""
    folder = workspace.foundations / foundation_digest(list_series(workspace), workspace.settings)
    return load_foundation(folder) if (folder / "facts.json").exists() else None


def foundation_digest(records: Sequence[SeriesRecord], settings: Settings) -> str:
    """Name a foundation by what it depends on: data, roles of channels, the settings of its rooms, seed, version."""
    facts = digest_facts(settings)
    parts = {name: facts[name] for name in _SECTIONS}
    language = settings.language
    read_by = language.model if language.notes and language.backend == "embedded" else None
    parts["notes"] = [language.notes, read_by]
    graph = {"neighbours": settings.active.neighbours, "mutual": settings.active.mutual, "format": FORMAT}
    content = [
        __version__,
        settings.seed,
        parts,
        graph,
        sorted((one.name, one.digest, one.exogenous) for one in records),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def load_foundation(folder: Path) -> Foundation:
    """Open a stored foundation; its arrays are memory-mapped.

    Raises:
        CheckpointError: when a file is missing or damaged.
    """
    try:
        facts = json.loads((folder / "facts.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{folder}: expected the arrays of a foundation, got {error}; delete the folder and train again"
        ) from error
    bounds = np.cumsum([0, *facts["counts"]])
    names = tuple(facts["feature_names"])
    judgements = tuple(_judgement(arrays, slice(low, high), names) for low, high in pairwise(bounds))
    return Foundation(
        folder=folder,
        names=tuple(facts["series"]),
        channels=tuple(facts["channels"]),
        exogenous=tuple(facts.get("exogenous", ())),
        judgements=judgements,
        part=arrays["part"],
        spans=arrays["spans"],
        graph=load_graph(folder / "graph"),
        rehearsal=load_rehearsal(folder / "rehearsal"),
        said=tuple(facts["said"]),
    )


_JUDGED = ("keys", "features", "members", "prior", "vae_error", "aster", "embedding", "notes", "excused")
_ARRAYS = (*_JUDGED, "part", "spans")
_VIEW = ("features", "members", "prior", "vae_error", "aster")  # of the second view; the rest is as in the first


def _judgement(arrays: dict[str, Any], rows: slice, names: tuple[str, ...]) -> Judgement:
    parts = {name: arrays[name][rows] for name in _JUDGED}
    return Judgement(feature_names=names, **parts)


def _check_series(records: Sequence[SeriesRecord]) -> None:
    if not records:
        raise WorkspaceError("expected at least one series in the workspace, got none; run: rl-tsad ingest PATH")
    widths = {len(record.channels): record.name for record in records}
    if len(widths) > 1:
        shown = ", ".join(f"{name!r} has {width}" for width, name in sorted(widths.items()))
        raise WorkspaceError(
            f"expected series with equally many channels in one workspace, got {shown}; use a workspace for each kind"
        )


def _make(workspace: Workspace, records: Sequence[SeriesRecord], folder: Path, progress: Progress) -> None:
    settings = workspace.settings
    series = [load_series(workspace, record) for record in records]
    windows = [make_windows(one, settings.window) for one in series]
    split = split_windows(series, windows, settings)
    search = folder.with_suffix(".search")  # outlives a process that is killed: the search for look-alikes goes on
    with draft_folder(folder.parent) as draft:
        excuses = read_excuses(workspace, series, settings.language.notes)
        judge = _fit(series, split, settings, excuses, progress)
        save_detector(judge.detector, draft / "detector")
        judgements = _judge_all(judge, series, windows, progress)
        if judge.stretches:
            _save_seen(judge.seen, _pooled(series, split), split.pool, draft / "seen", progress)
        save_rehearsal(_rehearse(judge, series, split, settings, progress), draft / "rehearsal")
        part = _parts([judgement.keys for judgement in judgements], split)
        spans = np.concatenate([spans_of(its, one.length) for one, its in zip(series, windows, strict=True)])
        _write(draft, series, judgements, {"part": part, "spans": spans}, excuses)
        pooled = [judgement.take(mask) for judgement, mask in _masked(judgements, part)]
        graph = build_graph(
            np.concatenate([one.features for one in pooled]),
            np.concatenate([one.keys for one in pooled]),
            neighbours=settings.active.neighbours,
            mutual=settings.active.mutual,
            keep=search,
            progress=progress,
        )
        save_graph(graph, draft / "graph")
        publish_folder(draft, folder)
        shutil.rmtree(search, ignore_errors=True)


def _fit(
    series: Sequence[Series], split: Split, settings: Settings, excuses: tuple[Excuse, ...], progress: Progress
) -> Apart:
    """Fit the detector; where the pool's future is judged the pool is judged without having been seen, as that is."""
    seed, pooled = derive_seed(settings.seed, "detector"), _pooled(series, split)
    detector = fit_detector(pooled, split.pool, settings.detector, seed=seed, progress=progress)
    detector = replace(detector, excuses=excuses)
    if settings.split.protocol == "unseen":  # series that nobody knows are judged by their own statistics, seen too
        return Apart(detector, detector, {})
    return set_apart(detector, pooled, split.pool, seed=seed, progress=progress)


def _judge_all(
    judge: Apart, series: Sequence[Series], windows: Sequence[Windows], progress: Progress
) -> list[Judgement]:
    judgements = []
    for done, (one, its) in enumerate(zip(series, windows, strict=True), 1):
        judgements.append(judge.judge(one, its))
        progress("judging windows", done, len(series))
    return judgements


def _save_seen(
    detector: Detector, series: Sequence[Series], pool: Sequence[Windows], folder: Path, progress: Progress
) -> None:
    folder.mkdir()
    parts = []
    for done, (one, its) in enumerate(zip(series, pool, strict=True), 1):
        parts.append(detector.judge(one, its))
        progress("judging the pool as it was seen", done, len(series))
    for name in _VIEW:
        np.save(folder / f"{name}.npy", np.concatenate([getattr(part, name) for part in parts]))


def _rehearse(
    judge: Apart, series: Sequence[Series], split: Split, settings: Settings, progress: Progress
) -> Rehearsal:
    seed = derive_seed(settings.seed, "rehearsal")
    config = settings.detector.rehearsal
    return rehearse(judge.judges, _pooled(series, split), split.pool, config, seed=seed, progress=progress)


def _pooled(series: Sequence[Series], split: Split) -> list[Series]:
    by_name = {one.name: one for one in series}
    return [by_name[windows.series] for windows in split.pool]


def _parts(keys: Sequence[Keys], split: Split) -> Int8:
    pool = {key for windows in split.pool for key in windows.keys.tolist()}
    test = {key for windows in split.test for key in windows.keys.tolist()}
    every = np.concatenate(keys).tolist()
    return np.array([POOL if key in pool else TEST if key in test else NEITHER for key in every], dtype=np.int8)


def _masked(judgements: Sequence[Judgement], part: Int8) -> list[tuple[Judgement, Bool]]:
    bounds = np.cumsum([0, *(len(judgement.keys) for judgement in judgements)])
    masks = [part[low:high] == POOL for low, high in pairwise(bounds)]
    return [(judgement, mask) for judgement, mask in zip(judgements, masks, strict=True) if mask.any()]


def _write(
    draft: Path,
    series: Sequence[Series],
    judgements: Sequence[Judgement],
    others: dict[str, NDArray[Any]],
    excuses: Sequence[Excuse],
) -> None:
    for name in _JUDGED:
        np.save(draft / f"{name}.npy", np.concatenate([getattr(judgement, name) for judgement in judgements]))
    for name, array in others.items():
        np.save(draft / f"{name}.npy", array)
    facts = {
        "series": [one.name for one in series],
        "channels": list(series[0].channels),
        "exogenous": sorted({name for one in series for name in exogenous_names(one)}),
        "counts": [len(judgement.keys) for judgement in judgements],
        "feature_names": list(judgements[0].feature_names),
        "said": [f"{one.note!r} excuses: {meant_by(one)}" for one in excuses],
    }
    (draft / "facts.json").write_text(json.dumps(facts, indent=1))
