"""Which windows may be asked and answered, and which are kept for the test? Said by the settings, also before training.

"No leaks": what is kept for the test stays unseen, whichever way answers come in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from db.records import SeriesRecord
from rl_tsad.config import Settings
from rl_tsad.data.annotations.grid import Grid
from rl_tsad.data.splits import Split, past_future, unseen
from rl_tsad.data.windows import make_windows
from rl_tsad.seeding import derive_seed
from rl_tsad.services.workspace import Workspace, load_series
from rl_tsad.types import Bool, Series, Windows


def split_windows(series: Sequence[Series], windows: Sequence[Windows], settings: Settings) -> Split:
    """Cut the windows into pool and test as the settings say."""
    config = settings.split
    if config.protocol == "unseen":
        seed = derive_seed(settings.seed, "split")
        return unseen(series, windows, fraction=config.pool_fraction, seed=seed)
    return past_future(windows, {one.name: one.length for one in series}, config)


def pooled_windows(ws: Workspace, records: Sequence[SeriesRecord]) -> dict[str, Bool]:
    """Tell for each series which windows (N,) of its grid are in the pool of the next training.

    All are where nothing is kept for a test, as by default; so are all of none where a series is shorter than a window.

    Args:
        ws: the workspace.
        records: all of its series.

    Raises:
        DataError: when the settings' split cannot be made of these series.
        WorkspaceError: when arrays cannot be read.
    """
    config, window = ws.settings.split, ws.settings.window
    counts = {one.name: Grid(one.rows, window.length, window.stride).count for one in records}
    if config.protocol == "past_future" and config.pool_fraction >= 1:
        return {name: np.ones(count, dtype=np.bool_) for name, count in counts.items()}
    series = [load_series(ws, one) for one in records if counts[one.name]]
    found = {name: np.zeros(count, dtype=np.bool_) for name, count in counts.items()}
    if series:
        for its in split_windows(series, [make_windows(one, window) for one in series], ws.settings).pool:
            found[its.series][its.starts // window.stride] = True
    return found
