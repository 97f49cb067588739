"""A window in a sentence: coarse words, so that a hundred thousand windows share a few hundred sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl_tsad.data.scaling import Scale
from rl_tsad.language.facts import KINDS, SPIKE, STRENGTHS, Notes, Usual, measure, take_notes, usual_of
from rl_tsad.types import Float32, Int64

QUIET = "Normal behaviour, the readings move as usual."
_PLACES = ("early in the window", "in the middle of the window", "late in the window")
_TIMED = (True, True, False, False, False)
_NOUNS = {
    "spike": ("spike", "dip"),
    "shift": ("upward level shift", "downward level shift"),
    "drift": ("upward drift", "downward drift"),
    "oscillation": ("oscillation", "oscillation"),
    "stuck": ("stuck reading", "stuck reading"),
}


def describe(values: Float32, scale: Scale, channels: Sequence[str], *, usual: Usual | None = None) -> list[str]:
    """Say in one sentence per window what happens, how strongly, in which channels and where.

    Args:
        values: (N, L, C) float32 windows of one series, in the file's units.
        scale: robust centre and spread of the C channels.
        channels: C names; at most two are mentioned.
        usual: what windows of the series usually do; learnt from the given windows when omitted.

    Returns:
        N sentences. Numbers become words (slight, clear, strong, extreme), so equal situations read the same.

    Example:
        >>> values = np.random.default_rng(0).normal(size=(50, 32, 1)).astype(np.float32)
        >>> values[7, 20] += 40
        >>> texts = describe(values, Scale(np.zeros(1), np.ones(1)), ["flow"])
        >>> texts[7], texts[8]
        ('Extreme spike in flow, in the middle of the window.', 'Normal behaviour, the readings move as usual.')
    """
    facts = measure(values, scale)
    texts, which = sentences(take_notes(facts, usual or usual_of(facts)), channels)
    return [texts[place] for place in which]


def sentences(notes: Notes, channels: Sequence[str]) -> tuple[list[str], Int64]:
    """Write each distinct sentence once.

    Returns:
        The distinct sentences, and for each window (N,) int64 which of them it is.

    Example:
        >>> facts = measure(np.zeros((3, 9, 1), np.float32), Scale(np.zeros(1), np.ones(1)))
        >>> sentences(take_notes(facts, usual_of(facts)), ["flow"])[1].tolist()
        [0, 0, 0]
    """
    loud = notes.strength > 0
    timed = np.array(_TIMED)[notes.kind]
    repeated = notes.repeated & (notes.kind == SPIKE)
    third = np.where(timed & ~repeated, notes.third, -1)
    columns = [notes.strength, notes.kind, notes.upward, third, repeated, notes.channel, notes.second, notes.many]
    codes = np.stack(columns, axis=1).astype(np.int64) * loud[:, None]
    distinct, which = np.unique(codes, axis=0, return_inverse=True)
    return [_sentence(code, channels) for code in distinct.tolist()], which.ravel().astype(np.int64)


def _sentence(code: Sequence[int], channels: Sequence[str]) -> str:
    strength, kind, upward, third, repeated, channel, second, many = code
    if not strength:
        return QUIET
    noun = _NOUNS[KINDS[kind]][0 if upward else 1]
    noun = f"repeated {noun}s" if repeated else noun
    where = channels[channel]
    if many:
        where = f"many channels, most of all {where}"
    elif second >= 0:
        where = f"{where} and {channels[second]}"
    when = f", {_PLACES[third]}" if third >= 0 else ""
    return f"{STRENGTHS[strength].capitalize()} {noun} in {where}{when}."
