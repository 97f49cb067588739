"""How severe does each window sound to the language model, and what did it cost to know?

Kept beside the foundation, so that neither another model nor another budget costs a new detector::

    foundations/<digest>/severities/<digest>/  severity.npy  apart.npy  heard.npz  rows.npy  ledger.json
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from db.records import ModelVersion
from rl_tsad.config import RehearsalConfig
from rl_tsad.data.habits import NOTED
from rl_tsad.data.heard import Heard, load_heard, save_heard
from rl_tsad.data.windows import make_windows, window_truth
from rl_tsad.detector.rehearse import fit_cost, write_copies
from rl_tsad.errors import CheckpointError, WorkspaceError
from rl_tsad.language.asked import Plan, Told, as_targets, asked_severities, plan_questions
from rl_tsad.language.asking import cost_of, read_reply
from rl_tsad.language.backend import Embedder, Message, embedder, writer, writes
from rl_tsad.language.cache import Replies, Spent
from rl_tsad.language.calibration import calibrate, fit_calibration
from rl_tsad.language.describe import QUIET
from rl_tsad.language.prompt import VERSION, Verdict
from rl_tsad.language.server_model import checked_address, is_here
from rl_tsad.language.severity import habit_of, severities
from rl_tsad.language_config import LanguageConfig
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_seed
from rl_tsad.services.drafts import draft_folder, publish_folder
from rl_tsad.services.foundation import Foundation
from rl_tsad.services.pools import split_windows
from rl_tsad.services.publishing import HEARD
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.types import Float32, Int8, Int64, Targets

_FORMAT = 3
_COPIES, _MOST_COPIED = 32, 65_536


@dataclass(frozen=True)
class Sounding:
    """How severe windows sound.

    Attributes:
        severity: (N,) float32 in [0, 1], in the foundation's order; 0 where an operator's note excuses a window.
        ledger: what asking cost and brought (:class:`rl_tsad.language.asking.Ledger`); empty where nobody was asked.
        apart: (N,) float32, the same by what was said at least two windows' lengths away; None where nobody was asked.
        heard: what was said of the windows asked about; None where nobody was asked.
        rows: (M,) int64, which windows that are, in the foundation's order; None where nobody was asked.
        name: names the folder where it is kept.
    """

    severity: Float32
    ledger: Mapping[str, Any]
    apart: Float32 | None = None
    heard: Heard | None = None
    rows: Int64 | None = None
    name: str = ""


def check_language(config: LanguageConfig) -> None:
    """Open the language model of the settings, so that a missing one shows before hours of work.

    Raises:
        ConfigError: when it cannot be opened. A server is not called.
    """
    _open(config)


def sound(workspace: Workspace, foundation: Foundation, *, progress: Progress = no_progress) -> Sounding:
    """Give the severities of all windows: those kept, if the settings and the data are as they were; asked for, if not.

    What a silent server left open is asked for anew the next time; the cache gives what is known already.

    Raises:
        ConfigError: when the language model cannot be opened.
        CheckpointError: when what is kept is damaged.
    """
    model = _open(workspace.settings.language)
    folder = _folder(foundation, workspace.settings.language, model)
    known = _kept(folder)
    if known is not None and not known.ledger.get("silent"):
        return known
    found = _severity(workspace, foundation, model, progress)
    severity = found.severity * (1 - np.concatenate([one.excused for one in foundation.judgements]))
    found = replace(found, severity=severity.astype(np.float32), name=folder.name)
    with draft_folder(folder.parent) as draft:
        new = draft / "new"
        new.mkdir()
        np.save(new / "severity.npy", found.severity)
        if found.heard is not None and found.apart is not None and found.rows is not None:
            np.save(new / "apart.npy", found.apart)
            np.save(new / "rows.npy", found.rows)
            save_heard(found.heard, new / HEARD)
        (new / "ledger.json").write_text(json.dumps(found.ledger, indent=1))
        if folder.exists():
            folder.replace(draft / "old")
        publish_folder(new, folder)
    return found


def ledger_of(workspace: Workspace, version: ModelVersion) -> Mapping[str, Any]:
    """Give what asking the language model for a version cost and brought; empty where nobody was asked."""
    foundation = workspace.foundations / str(version.config["foundation"])
    known = _kept(foundation / "severities" / str(version.config.get("severities") or "none"))
    return known.ledger if known else {}


def spent_in_all(workspace: Workspace) -> Spent:
    """Give what was spent on language models in a workspace, interrupted trainings and calls under way included."""
    if workspace.language_cache is None or not workspace.language_cache.exists():
        return Spent()
    with Replies.opened(workspace.language_cache) as replies:
        return replies.spent_in_all()


def copies_to_learn_from(config: RehearsalConfig) -> RehearsalConfig:
    """Ask for as many copies as severities can be calibrated on in seconds; few would tell accidents of few events."""
    return replace(config, copies=_COPIES, most=_MOST_COPIED)


def with_severity(foundation: Foundation, sounding: Sounding) -> Foundation:
    """Let the belief see what a language model that was asked says, in the place of the rule's severity.

    Where nobody was asked the foundation stays as it is: there the rule was the better feature (``benchmarks/
    potentials.py``).
    """
    if sounding.apart is None:
        return foundation
    column, judgements = NOTED.index("severity"), []
    for judgement, rows in zip(foundation.judgements, foundation.rows_by_series().values(), strict=True):
        notes = judgement.notes.copy()
        notes[:, column] = sounding.apart[rows]
        judgements.append(replace(judgement, notes=notes))
    return replace(foundation, judgements=tuple(judgements))


def plan(workspace: Workspace, *, progress: Progress = no_progress) -> Plan:
    """Choose what the language model would be asked about the stored series, and ask nothing.

    Raises:
        WorkspaceError: when there is no series yet.
    """
    config, told = workspace.settings.language, []
    series = [load_series(workspace, record) for record in list_series(workspace)]
    if not series:
        raise WorkspaceError("expected at least one series in the workspace, got none; run: rl-tsad ingest PATH")
    windows = [make_windows(one, workspace.settings.window) for one in series]
    pools = {its.series: its for its in split_windows(series, windows, workspace.settings).pool}
    for one, its in zip(series, windows, strict=True):
        starts = pools[one.name].starts if one.name in pools else np.empty(0, np.int64)
        told.append(Told(one, its, np.isin(its.starts, starts)))
    return plan_questions(told, config, values=shows_values(config), progress=progress)


def try_language(config: LanguageConfig) -> tuple[str, str, float]:
    """Ask the language model one small question about made-up readings; the cache plays no part.

    Returns:
        Its name, what came of it in words, and the seconds that it took.

    Raises:
        ConfigError: when it cannot be opened.
        LanguageError: when it does not answer, or not in the form that was asked for.
    """
    if not writes(config):
        model, started = embedder(config), time.perf_counter()
        width = model.embed([QUIET]).shape[1]
        return model.name, f"embeds a sentence as {width} numbers", time.perf_counter() - started
    asked, started = writer(config), time.perf_counter()
    question = (
        Message("system", 'Reply with a JSON object and nothing else: {"reason": "...", "severity": 0 to 1}.'),
        Message("user", "What stands out: Extreme spike in flow, late in the window. How severe is that?"),
    )
    reply = asked.complete(question, Verdict, most_tokens=config.asking.reply_tokens)
    verdict = read_reply(reply, Verdict)
    price = Spent(1, reply.tokens_in, reply.tokens_out)
    told = (
        f"severity {verdict.severity:.2f} for an extreme spike; {price.tokens_in} tokens read, {price.tokens_out} "
        f"written, cost {cost_of(price, config.asking):.4g}"
    )
    return asked.name, told, time.perf_counter() - started


def shows_values(config: LanguageConfig) -> bool:
    """Tell whether readings are shown to the language model: by default only to one on this machine.

    Example:
        >>> shows_values(LanguageConfig(backend="server", url="https://api.example.com/v1"))
        False
    """
    if config.values != "auto":
        return config.values == "send"
    return config.backend == "local" or is_here(checked_address(config.url))


def metrics_of(ledger: Mapping[str, Any]) -> dict[str, float]:
    """Give what asking cost and brought as metrics to be logged with a version.

    Example:
        >>> metrics_of({})
        {}
    """
    if not ledger:
        return {}
    parts = {f"language/{name}": float(value) for name, value in ledger["total"].items()}
    others = ("questions", "answered", "hits", "money", "seconds")
    return parts | {f"language/{name}": float(ledger[name]) for name in others}


def taught(foundation: Foundation, sounding: Sounding, targets: Targets, weight: float) -> Targets:
    """Let what the language model said teach beside people's answers, if the settings want it."""
    if sounding.heard is None or sounding.rows is None or not weight:
        return targets
    return as_targets(foundation.keys[sounding.rows], sounding.heard.severity, targets, weight=weight)


def sentence_of(ledger: Mapping[str, Any]) -> str:
    """Say what asking cost and brought.

    Example:
        >>> total = {"calls": 51, "tokens_in": 9000, "tokens_out": 800, "unusable": 0}
        >>> told = sentence_of({"questions": 50, "hits": 11, "answered": 49, "silent": 0, "spent": {"calls": 40},
        ...                     "total": total, "money": 0.02, "seconds": 3.4, "stopped": "", "trouble": ""})
        >>> told.split("; ")
        ['49 of 50 questions answered (11 from the cache, 40 calls in 3 s)', 'in all 51 calls, 9800 tokens, cost 0.02']
    """
    total, unusable = ledger["total"], ledger["total"]["unusable"]
    text = (
        f"{ledger['answered']} of {ledger['questions']} questions answered ({ledger['hits']} from the cache, "
        f"{ledger['spent']['calls']} calls in {ledger['seconds']:.0f} s); in all {total['calls']} calls, "
        f"{total['tokens_in'] + total['tokens_out']} tokens, cost {ledger['money']:.4g}"
    )
    text += f", {unusable} {'reply' if unusable == 1 else 'replies'} unusable" if unusable else ""
    text += f", {ledger['silent']} without a reply" if ledger["silent"] else ""
    text += f"; ended early: {ledger['stopped']}" if ledger["stopped"] else ""
    return text + (f"; last trouble: {ledger['trouble']}" if ledger["trouble"] else "")


def _open(config: LanguageConfig) -> Embedder | None:
    """Open the language model of the settings, if they name one. A server is not called."""
    if writes(config):
        return writer(config)
    return embedder(config) if config.backend == "embedded" else None


def _severity(workspace: Workspace, foundation: Foundation, model: Embedder | None, progress: Progress) -> Sounding:
    config, cache = workspace.settings.language, workspace.language_cache
    if writes(config):
        told = _told(workspace, foundation)
        asked = plan_questions(told, config, values=shows_values(config), progress=progress)
        (found, apart, heard), rows, ledger = asked_severities(
            asked,
            writer(config),
            config,
            purpose=f"{foundation.folder.name}/{_purpose(config, model)}",
            cache=cache,
            progress=progress,
        )
        return Sounding(found, ledger.facts(), apart, heard, rows)
    told, judged = _told(workspace, foundation), []
    for done, one in enumerate(told, 1):
        judged.append(severities(one.series, one.windows, config, usual=one.usual, cache=cache))
        progress("severities in words", done, len(told))
    if config.backend == "off":
        return Sounding(np.concatenate(judged), {})
    line = fit_calibration(*_of_copies(workspace, told))
    return Sounding(calibrate(np.concatenate(judged), line), {})


def _of_copies(workspace: Workspace, told: Sequence[Told]) -> tuple[Float32, Int8]:
    """Judge copies of the pool into which anomalies are written, as the detector's rehearsal does; give their truth."""
    settings, cache = workspace.settings, workspace.language_cache
    config = copies_to_learn_from(settings.detector.rehearsal)
    pooled = [one for one in told if one.pool.any()]
    count, kept = fit_cost([one.usual for one in pooled], config)
    seed = derive_seed(settings.seed, "severity")
    judged, truth = [np.empty(0, np.float32)], [np.empty(0, np.int8)]
    for one, its in zip(pooled, kept, strict=True):
        if not len(its):
            continue
        usual = habit_of(one.series, one.usual)
        for changed, laid in write_copies(one.series, its, config, copies=count, seed=seed):
            judged.append(severities(changed, laid, settings.language, habit=usual, cache=cache))
            truth.append(window_truth(changed, laid))
    return np.concatenate(judged), np.concatenate(truth)


def _told(workspace: Workspace, foundation: Foundation) -> list[Told]:
    pool, found = foundation.pool, []
    for name, rows in foundation.rows_by_series().items():
        series = foundation.series_as_judged(workspace, name)
        found.append(Told(series, make_windows(series, workspace.settings.window), pool[rows]))
    return found


def _folder(foundation: Foundation, config: LanguageConfig, model: Embedder | None) -> Path:
    """Where severities are kept: by the model and its weights, what it is told, and how much may be asked."""
    limits = (config.asking.calls, config.asking.tokens, config.asking.money, config.asking.reply_tokens)
    facts = [_FORMAT, _purpose(config, model), limits, (config.asking.price_in, config.asking.price_out)]
    return foundation.folder / "severities" / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _kept(folder: Path) -> Sounding | None:
    if not folder.exists():
        return None
    try:
        kept = np.load(folder / "severity.npy", mmap_mode="r", allow_pickle=False)
        ledger = json.loads((folder / "ledger.json").read_text())
        if not ledger:
            return Sounding(kept, ledger, name=folder.name)
        apart = np.load(folder / "apart.npy", mmap_mode="r", allow_pickle=False)
        rows = np.load(folder / "rows.npy", allow_pickle=False)
        return Sounding(kept, ledger, apart, load_heard(folder / HEARD), rows, folder.name)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"expected severities in {folder}, got {error}; delete that folder and train again"
        ) from error


def _purpose(config: LanguageConfig, model: Embedder | None) -> str:
    """Name what is paid for: the model and what it is told, but not the limits, which may be raised later."""
    shown = shows_values(config) if writes(config) else None
    facts = [VERSION, config.backend, model.name if model else None, shown, config.about, config.notes]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
