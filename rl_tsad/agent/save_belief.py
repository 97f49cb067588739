"""How a belief is kept: scikit-learn's estimators by skops, which loads no code, and the rest as JSON."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from rl_tsad.agent.belief import Belief, Committee
from rl_tsad.errors import CheckpointError

_FILE, _FACTS = "committee.skops", "belief.json"
_TRUSTED = ("sklearn.tree._tree.Tree",)
"""Types beyond those that skops trusts itself: a tree's arrays. A damaged one could crash, so the digest goes first."""


def save_belief(belief: Belief, folder: Path) -> None:
    """Write a belief into a folder that exists or is made."""
    folder.mkdir(parents=True, exist_ok=True)
    one = belief.committee
    skops.io.dump([*one.forests, one.linear, one.members], folder / _FILE)
    facts = {
        "centers": belief.centers.tolist(),
        "spreads": belief.spreads.tolist(),
        "trust": belief.trust,
        "digest": _digest(folder / _FILE),
    }
    (folder / _FACTS).write_text(json.dumps(facts, indent=1))


def load_belief(folder: Path) -> Belief:
    """Read a belief back.

    Raises:
        CheckpointError: when a file is missing, damaged, or holds other types than a committee's.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / _FACTS).read_text())
        if facts["digest"] != _digest(folder / _FILE):
            raise ValueError(f"{_FILE} with another content than was written")
        first, second, linear, members = skops.io.load(folder / _FILE, trusted=list(_TRUSTED))
        centers, spreads = (np.array(facts[name], dtype=np.float64) for name in ("centers", "spreads"))
        return Belief(Committee((first, second), linear, members), centers, spreads, float(facts["trust"]))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{folder}: expected a belief, got {error}; train again") from error


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
