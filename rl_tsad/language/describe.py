"""A window in a sentence: coarse words, so that a hundred thousand windows share a few hundred sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl_tsad.data.facts import KINDS, SPIKE
from rl_tsad.data.habits import STRENGTHS, Habit, Notes, learn_habit, take_notes
from rl_tsad.data.scaling import Scale
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


def describe(
    values: Float32,
    scale: Scale,
    channels: Sequence[str],
    *,
    habit: Habit | None = None,
    targets: Int64 | None = None,
) -> list[str]:
    """Say in one sentence per window what happens, how strongly, in which channels and where.

    Args:
        values: (N, L, C) float32 windows of one series, in the file's units.
        scale: robust centre and spread of the C channels.
        channels: C names; at most two are mentioned.
        habit: what is ordinary for the series; learnt from the given windows when omitted.
        targets: (K,) positions of the channels that may be named; all when omitted, or those of the habit.

    Returns:
        N sentences. Numbers become words (slight, clear, strong, extreme), so equal situations read the same.

    Example:
        >>> values = np.random.default_rng(0).normal(size=(50, 32, 1)).astype(np.float32)
        >>> values[7, 20] += 40
        >>> texts = describe(values, Scale(np.zeros(1), np.ones(1)), ["flow"])
        >>> texts[7], texts[8]
        ('Extreme spike in flow, in the middle of the window.', 'Normal behaviour, the readings move as usual.')
    """
    texts, which = sentences(take_notes(values, habit or learn_habit(values, scale, targets)), channels)
    return [texts[place] for place in which]


def sentences(notes: Notes, channels: Sequence[str] | None) -> tuple[list[str], Int64]:
    """Write each distinct sentence once.

    Args:
        notes: of N windows.
        channels: C names, or None to leave channels unnamed, so that names do not sway a model.

    Returns:
        The distinct sentences, and for each window (N,) int64 which of them it is.

    Example:
        >>> still = np.zeros((3, 9, 1), np.float32)
        >>> sentences(take_notes(still, learn_habit(still, Scale(np.zeros(1), np.ones(1)))), ["flow"])[1].tolist()
        [0, 0, 0]
    """
    loud = notes.strength > 0
    timed = np.array(_TIMED)[notes.kind]
    repeated = notes.repeated & (notes.kind == SPIKE)
    third = np.where(timed & ~repeated, notes.third, -1)
    said = [notes.strength, notes.kind, notes.upward, third, repeated, notes.against, notes.many]
    named = [notes.channel, notes.second] if channels else [notes.channel * 0, np.minimum(notes.second, 0)]
    codes = np.stack(said + named, axis=1).astype(np.int64) * loud[:, None]
    distinct, which = np.unique(codes, axis=0, return_inverse=True)
    return [_sentence(code, channels) for code in distinct.tolist()], which.ravel().astype(np.int64)


def _sentence(code: Sequence[int], channels: Sequence[str] | None) -> str:
    strength, kind, upward, third, repeated, against, many, channel, second = code
    if not strength:
        return QUIET
    noun = _NOUNS[KINDS[kind]][0 if upward else 1]
    noun = f"repeated {noun}s" if repeated else noun
    where = _where(channels, channel, second, many) + (" against the other channels" if against else "")
    when = f", {_PLACES[third]}" if third >= 0 else ""
    return f"{STRENGTHS[strength].capitalize()} {noun} in {where}{when}."


def _where(channels: Sequence[str] | None, channel: int, second: int, many: int) -> str:
    if channels is None:
        return "many channels" if many else "two channels" if second >= 0 else "one channel"
    if many:
        return f"many channels, most of all {channels[channel]}"
    return f"{channels[channel]} and {channels[second]}" if second >= 0 else channels[channel]
