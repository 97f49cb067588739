"""How an actor is kept: estimators by skops, which loads no code, a policy as safetensors, the rest as JSON."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from rl_tsad.agent.alarms import AlarmRule
from rl_tsad.agent.belief import Belief, Committee
from rl_tsad.agent.chain import POLICY, Actor
from rl_tsad.agent.control import Choice
from rl_tsad.agent.train import load_agent, save_agent
from rl_tsad.errors import CheckpointError, ConfigError

_FILE, _FACTS = "committee.skops", "belief.json"
ACTOR_FACTS = "actor.json"
"""File that says which rule there is, who acts, and why."""
_SCHEMA, _ADDRESS = "schema.json", re.compile(r"\d{9,}")
_TRUSTED = ("sklearn.tree._tree.Tree",)
"""Types beyond those that skops trusts itself: a tree's arrays. A damaged one could crash, so the digest goes first."""


def save_actor(actor: Actor, folder: Path) -> None:
    """Write an actor into a folder that exists or is made."""
    save_belief(actor.belief, folder)
    if actor.agent is not None:
        save_agent(actor.agent, folder / POLICY)
    facts = {"rule": actor.rule.facts(), "chosen": asdict(actor.chosen), "acts": asdict(actor.acts)}
    (folder / ACTOR_FACTS).write_text(json.dumps(facts, indent=1))


def load_actor(folder: Path) -> Actor:
    """Read an actor back.

    Raises:
        CheckpointError: when a file is missing or damaged.
    """
    belief = load_belief(folder)
    try:
        facts: dict[str, Any] = json.loads((folder / ACTOR_FACTS).read_text())
        rule, chosen, acts = AlarmRule(**facts["rule"]), Choice(**facts["chosen"]), Choice(**facts["acts"])
    except (OSError, KeyError, TypeError, ValueError, ConfigError) as error:
        raise CheckpointError(f"{folder}: expected who acts, got {error}; train again") from error
    return Actor(belief, rule, load_agent(folder / POLICY) if acts.name == POLICY else None, chosen, acts)


def save_belief(belief: Belief, folder: Path) -> None:
    """Write a belief into a folder that exists or is made."""
    folder.mkdir(parents=True, exist_ok=True)
    one = belief.committee
    (folder / _FILE).write_bytes(_settled(skops.io.dumps([*one.forests, one.linear, one.members])))
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


def _settled(archive: bytes) -> bytes:
    """Name objects by their order: skops names them by their address, so that no two files would be equal."""
    kept, made = zipfile.ZipFile(io.BytesIO(archive)), io.BytesIO()
    schema = kept.read(_SCHEMA).decode()
    places = {name: str(place) for place, name in enumerate(dict.fromkeys(_ADDRESS.findall(schema)))}

    def placed(found: re.Match[str]) -> str:
        return places.get(found[0], found[0])

    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
        for new, name in sorted((re.sub(_ADDRESS, placed, name), name) for name in kept.namelist()):
            content = re.sub(_ADDRESS, placed, schema).encode() if name == _SCHEMA else kept.read(name)
            written.writestr(zipfile.ZipInfo(new), content)
    return made.getvalue()


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
