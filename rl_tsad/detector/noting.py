"""What happens in each window of a block, by size, and does an operator's note excuse it?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from rl_tsad.data.excuses import Excuse, excused
from rl_tsad.data.habits import NOTED, Habit, note_table, take_notes
from rl_tsad.data.heard import Heard, inherit, shapes
from rl_tsad.detector.blocks import Block
from rl_tsad.types import Float32, Series, spans_of

_AT_ONCE = 512  # windows, as each point lies in many of them
_SEVERITY = NOTED.index("severity")


def note_block(
    block: Block, habit: Habit, excuses: Sequence[Excuse], heard: Heard | None, series: Series
) -> tuple[Float32, Float32]:
    """Take notes of a block's windows.

    Args:
        block: N windows.
        habit: of their series.
        excuses: what operators say is normal.
        heard: what a language model said of windows, in the place of the rule's severity where they look alike.
        series: gives the channels' names and the time zone.

    Returns:
        (N, K) float32 as :func:`rl_tsad.data.habits.note_table` gives them, and (N,) float32, 1 where excused.
    """
    values, tables, free = block.windows.values, [], []
    decided = np.minimum(spans_of(block.windows, len(block.times))[:, 0], len(block.times) - 1)
    times = block.times[decided]
    for low in range(0, len(values), _AT_ONCE):
        rows = slice(low, low + _AT_ONCE)
        notes = take_notes(values[rows], habit)
        table = note_table(notes)
        if heard is not None:
            table[:, _SEVERITY] = inherit(heard, shapes(values[rows], notes, habit), table[:, _SEVERITY])
        tables.append(table)
        free.append(excused(excuses, notes, series.channels, times[rows], series.timezone))
    return np.concatenate(tables), np.concatenate(free).astype(np.float32)


def widen(free: Float32, reach: int) -> Float32:
    """Excuse (N,) windows beside excused ones too: a stop begins before all channels have followed.

    Example:
        >>> widen(np.array([0, 0, 1, 0, 0, 0], np.float32), 1).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    if not free.any():
        return free
    return np.asarray(maximum_filter1d(free, 2 * reach + 1, mode="nearest"), np.float32)
