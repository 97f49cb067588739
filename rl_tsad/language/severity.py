"""How bad does a window sound? A number in [0, 1] for the agent's potential."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rl_tsad.data.habits import Habit, Notes, learn_habit, severity_of, take_notes
from rl_tsad.data.scaling import fit_scale
from rl_tsad.language.backend import Embedder, embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.describe import QUIET, sentences
from rl_tsad.language_config import LanguageConfig
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Bool, Float32, Series, Windows

_TEMPERATURE = 0.02
_BATCH = 2048
_WHERE = ("one channel", "two channels", "many channels")
_LIKE: tuple[tuple[float, str, str], ...] = (
    (0.0, "Slight", "spike,dip,oscillation,stuck reading"),
    (
        0.25,
        "Slight",
        "upward drift,downward drift,upward level shift,downward level shift,repeated spikes,repeated dips",
    ),
    (0.25, "Clear", "upward drift,downward drift"),
    (0.5, "Clear", "upward level shift,downward level shift,spike,dip,repeated spikes,oscillation,stuck reading"),
    (0.5, "Strong", "upward drift,downward drift"),
    (0.75, "Strong", "repeated spikes,repeated dips,spike,dip,oscillation,upward level shift,downward level shift"),
    (0.75, "Strong", "stuck reading"),
    (0.95, "Extreme", "spike,dip,repeated spikes,repeated dips,upward level shift,downward level shift"),
    (0.95, "Extreme", "oscillation,upward drift,downward drift"),
)


def rubric() -> dict[float, list[str]]:
    """Give the sentences that stand for each severity (rubric of Golchin et al., arXiv 2601.02511, in our words).

    Example:
        >>> [(level, examples[0]) for level, examples in rubric().items()][:2]
        [(0.0, 'Normal behaviour, the readings move as usual.'), (0.25, 'Slight upward drift in one channel.')]
    """
    examples: dict[float, list[str]] = {0.0: [QUIET]}
    for level, strength, nouns in _LIKE:
        said = [f"{strength} {noun} in {where}." for noun in nouns.split(",") for where in _WHERE]
        examples.setdefault(level, []).extend(said)
    return examples


def severities(
    series: Series,
    windows: Windows,
    config: LanguageConfig,
    *,
    usual: Windows | None = None,
    habit: Habit | None = None,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> Float32:
    """Judge every window of a series by the configured backend, by what its targets do given all other channels.

    Scale and usual behaviour come from the points that the usual windows cover, and from nothing else.

    Args:
        series: where the windows lie.
        windows: what to judge.
        config: ``embedded`` asks a sentence model, ``statistics`` a rule on the same facts, ``off`` gives zeros.
        usual: windows of the series that show what is usual, such as its pool; those that are judged when omitted.
        habit: what is usual, where it is known already.
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
    habit = habit or habit_of(series, windows if usual is None or not len(usual) else usual)
    notes = _notes(windows, habit, progress)
    if config.backend == "statistics":
        return np.concatenate([severity_of(some) for some in notes])
    model = CachedEmbedder(embedder(config), cache if config.cache else None, progress)
    written = [sentences(some, None) for some in notes]
    distinct = list(dict.fromkeys(text for texts, _ in written for text in texts))
    judged = dict(zip(distinct, severity(distinct, model).tolist(), strict=True))
    parts = [np.array([judged[text] for text in texts], dtype=np.float32)[which] for texts, which in written]
    return np.concatenate(parts)


def severity(texts: Sequence[str], model: Embedder) -> Float32:
    """Judge sentences by their likeness to the sentences of the rubric.

    The likeness to a level is the largest cosine to one of its sentences; a softmax at temperature .02 over the five
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
    likeness = np.stack([(vectors @ model.embed(examples).T).max(axis=1) for examples in rubric().values()], axis=1)
    weights = np.exp((likeness - likeness.max(axis=1, keepdims=True)) / _TEMPERATURE)
    levels = np.array(list(rubric()))
    judged = np.asarray((weights @ levels) / weights.sum(axis=1), dtype=np.float32)
    where = {text: row for row, text in enumerate(distinct)}
    return judged[[where[text] for text in texts]]


def habit_of(series: Series, usual: Windows) -> Habit:
    """Learn scale and usual behaviour of a series from the points that the given windows cover."""
    scale = fit_scale(series.values[_covered(series, usual)])
    return learn_habit(usual.values, scale, series.targets)


def _notes(windows: Windows, habit: Habit, progress: Progress) -> list[Notes]:
    """Take notes in batches, so that memory does not grow with the number of windows."""
    notes = []
    for low in range(0, len(windows), _BATCH):
        some = windows.values[low : low + _BATCH]
        notes.append(take_notes(some, habit))
        progress("language/describe", low + len(some), len(windows))
    return notes


def _covered(series: Series, windows: Windows) -> Bool:
    """(T,) whether a point lies in any of the windows."""
    change = np.zeros(series.length + 1, dtype=np.int64)
    np.add.at(change, windows.starts, 1)
    np.add.at(change, windows.starts + windows.length, -1)
    return np.cumsum(change)[:-1] > 0
