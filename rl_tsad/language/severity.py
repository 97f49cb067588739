"""How bad does a window sound? A number in [0, 1] for the agent's potential."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rl_tsad.config import LanguageConfig
from rl_tsad.data.scaling import fit_scale
from rl_tsad.language.backend import Embedder, embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.describe import QUIET, sentences
from rl_tsad.language.facts import BOUNDS, Notes, Usual, measure, take_notes, usual_of
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Bool, Float32, Series, Windows

RUBRIC: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.0, (QUIET, "Normal behaviour.", "Slight oscillation in a channel.", "Slight spike, early in the window.")),
    (0.25, ("Slight upward drift in a channel.", "Clear downward drift in a channel.", "Slight level shift.")),
    (
        0.5,
        ("Clear upward level shift in a channel.", "Clear downward level shift, late.", "Stuck reading in a channel."),
    ),
    (0.75, ("Strong repeated spikes in a channel.", "Strong oscillation.", "Strong spike.")),
    (0.95, ("Extreme spike in many channels.", "Extreme level shift.", "Extreme repeated spikes.")),
)
"""Severity and sentences that sound like it (rubric of Golchin et al., arXiv 2601.02511, in our words)."""

_TEMPERATURE = 0.05
_KIND_WEIGHT = np.array([0.8, 0.9, 0.7, 0.9, 0.7], dtype=np.float32)
_LEVELS = (0.0, 0.35, 0.7, 0.95)
_BATCH = 2048
_LEARN_FROM = 4096


def severities(
    series: Series,
    windows: Windows,
    config: LanguageConfig,
    *,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> Float32:
    """Judge every window of a series by the configured backend.

    Scale and usual behaviour come from the points that the windows cover, and from nothing else.

    Args:
        series: where the windows lie.
        windows: what to judge.
        config: ``embedded`` asks a sentence model, ``statistics`` a rule on the same facts, ``off`` gives zeros.
        cache: SQLite file for embeddings; none is kept when omitted or when ``config.cache`` is off.
        progress: told of ``"language/describe"`` and ``"language/embed"``.

    Returns:
        (N,) float32 in [0, 1]; 0 normal, .25 drift, .5 mean shift, .75 sustained spikes, .95 extreme.

    Example:
        >>> from rl_tsad.types import slide
        >>> values = np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32)
        >>> values[300:310] += 30
        >>> s = Series("pump", values, np.arange(400), ("flow",))
        >>> w = slide(s, length=32, stride=8)
        >>> phi = severities(s, w, LanguageConfig(backend="statistics"))
        >>> int(w.starts[phi.argmax()]) in range(269, 310)
        True
    """
    if config.backend == "off" or not len(windows):
        return np.zeros(len(windows), dtype=np.float32)
    notes = _notes(series, windows, progress)
    if config.backend == "statistics":
        return np.concatenate([by_rule(some) for some in notes])
    model = CachedEmbedder(embedder(config), cache if config.cache else None, progress)
    written = [sentences(some, series.channels) for some in notes]
    distinct = list(dict.fromkeys(text for texts, _ in written for text in texts))
    judged = dict(zip(distinct, severity(distinct, model).tolist(), strict=True))
    parts = [np.array([judged[text] for text in texts], dtype=np.float32)[which] for texts, which in written]
    return np.concatenate(parts)


def severity(texts: Sequence[str], model: Embedder) -> Float32:
    """Judge sentences by their likeness to the sentences of the rubric.

    The likeness to a level is the largest cosine to one of its sentences; a softmax at temperature .05 over the five
    levels weighs their severities.

    Args:
        texts: M sentences as :func:`rl_tsad.language.describe.describe` writes them; equal ones are embedded once.
        model: who embeds.

    Returns:
        (M,) float32 in [0, 1].
    """
    if not texts:
        return np.zeros(0, dtype=np.float32)
    distinct = list(dict.fromkeys(texts))
    vectors = model.embed(distinct)
    likeness = np.stack([(vectors @ model.embed(examples).T).max(axis=1) for _, examples in RUBRIC], axis=1)
    weights = np.exp((likeness - likeness.max(axis=1, keepdims=True)) / _TEMPERATURE)
    levels = np.array([level for level, _ in RUBRIC])
    judged = np.asarray((weights @ levels) / weights.sum(axis=1), dtype=np.float32)
    where = {text: row for row, text in enumerate(distinct)}
    return judged[[where[text] for text in texts]]


def by_rule(notes: Notes) -> Float32:
    """Judge windows without a model: severity grows with how far the loudest behaviour exceeds the usual.

    Returns:
        (N,) float32 in [0, 1]; 0 where nothing stands out, at most .95, less for kinds that are often harmless.
    """
    strength = np.interp(notes.excess, BOUNDS, _LEVELS)
    return np.asarray(strength * _KIND_WEIGHT[notes.kind], dtype=np.float32)


def _notes(series: Series, windows: Windows, progress: Progress) -> list[Notes]:
    """Take notes in batches, so that memory does not grow with the number of windows."""
    scale = fit_scale(series.values[_covered(series, windows)])
    every = max(1, -(-len(windows) // _LEARN_FROM))
    usual: Usual = usual_of(measure(windows.values[::every], scale))
    notes = []
    for low in range(0, len(windows), _BATCH):
        some = windows.values[low : low + _BATCH]
        notes.append(take_notes(measure(some, scale), usual))
        progress("language/describe", low + len(some), len(windows))
    return notes


def _covered(series: Series, windows: Windows) -> Bool:
    """(T,) whether a point lies in any of the windows."""
    change = np.zeros(series.length + 1, dtype=np.int64)
    np.add.at(change, windows.starts, 1)
    np.add.at(change, windows.starts + windows.length, -1)
    return np.cumsum(change)[:-1] > 0
