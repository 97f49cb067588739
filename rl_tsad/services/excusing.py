"""What do the operator's notes say is normal, for the series of this workspace?"""

from __future__ import annotations

from collections.abc import Sequence

from rl_tsad.data.excuses import Excuse
from rl_tsad.language.backend import embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.domain_notes import read_notes
from rl_tsad.services.workspace import Workspace, list_series, load_series
from rl_tsad.types import Series


def read_excuses(workspace: Workspace, series: Sequence[Series], notes: Sequence[str]) -> tuple[Excuse, ...]:
    """Read notes with the workspace's sentence model; the channels that they may name are the series' targets.

    Raises:
        ConfigError: when a note is not understood, or there is no sentence model.
    """
    if not notes:
        return ()
    config = workspace.settings.language
    channels = dict.fromkeys(one.channels[place] for one in series for place in one.targets.tolist())
    model = CachedEmbedder(embedder(config), workspace.language_cache if config.cache else None)
    return read_notes(notes, list(channels), model)


def understand(workspace: Workspace, notes: Sequence[str]) -> tuple[Excuse, ...]:
    """Read notes, or those of the settings where none are given, for the stored series.

    Raises:
        ConfigError: when a note is not understood, or there is no sentence model.
    """
    series = [load_series(workspace, record) for record in list_series(workspace)]
    return read_excuses(workspace, series, notes or workspace.settings.language.notes)
