"""How a rehearsal lies in a folder: plain arrays, memory-mapped when they are opened."""

from __future__ import annotations

import json
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from rl_tsad.detector.judge import Judgement
from rl_tsad.detector.rehearse import Rehearsal
from rl_tsad.errors import CheckpointError

_JUDGED = tuple(each.name for each in fields(Judgement) if each.name != "feature_names")


def save_rehearsal(rehearsal: Rehearsal, folder: Path) -> None:
    """Write the entries' arrays one after the other, and how many windows each has; of no entries only that.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     save_rehearsal(Rehearsal((), ()), Path(parent) / "rehearsal")
        ...     len(load_rehearsal(Path(parent) / "rehearsal").truth)
        0
    """
    folder.mkdir(parents=True)
    entries = rehearsal.judgements
    if entries:
        np.save(folder / "truth.npy", np.concatenate(rehearsal.truth))
        for name in _JUDGED:
            np.save(folder / f"{name}.npy", np.concatenate([getattr(each, name) for each in entries]))
    facts = {
        "counts": [len(each) for each in entries],
        "feature_names": list(entries[0].feature_names) if entries else [],
    }
    (folder / "facts.json").write_text(json.dumps(facts, indent=1))


def load_rehearsal(folder: Path) -> Rehearsal:
    """Open a stored rehearsal; its arrays are memory-mapped.

    Raises:
        CheckpointError: when a file is missing or damaged.
    """
    try:
        facts = json.loads((folder / "facts.json").read_text())
        bounds, names = np.cumsum([0, *facts["counts"]]).tolist(), tuple(facts["feature_names"])
        wanted = (*_JUDGED, "truth") if facts["counts"] else ()
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in wanted}
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{folder}: expected the arrays of a rehearsal, got {error}; delete the foundation's folder "
            f"{folder.parent} and train again"
        ) from error
    rows = [slice(low, high) for low, high in pairwise(bounds)]
    judgements = [Judgement(feature_names=names, **{name: arrays[name][row] for name in _JUDGED}) for row in rows]
    return Rehearsal(tuple(judgements), tuple(arrays["truth"][row] for row in rows))
