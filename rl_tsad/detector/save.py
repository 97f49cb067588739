"""How a fitted detector reaches the disk and comes back with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from rl_tsad.config import MEMBERS, DetectorConfig
from rl_tsad.data.excuses import Excuse
from rl_tsad.data.facts import Usual
from rl_tsad.data.habits import Habit
from rl_tsad.data.scaling import Scale
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.bank import Bank
from rl_tsad.detector.calibrate import Tails
from rl_tsad.detector.checkpoint import fill_module, load_tensors, save_tensors
from rl_tsad.detector.features import FEATURES
from rl_tsad.detector.judge import Detector
from rl_tsad.detector.known import Known
from rl_tsad.detector.memory import Memory
from rl_tsad.detector.season import Clock
from rl_tsad.detector.solo import Solo
from rl_tsad.detector.streams import Profile
from rl_tsad.detector.subspace import Subspace
from rl_tsad.detector.texture import Texture
from rl_tsad.errors import CheckpointError

NAME = "detector"
_ARRAYS = tuple(field.name for field in fields(Profile) if field.name != "clock")
_PAIR = ("center", "spread")


def save_detector(detector: Detector, folder: Path) -> str:
    """Write ``detector.safetensors`` and ``detector.json``.

    Args:
        detector: fitted.
        folder: made when absent.

    Returns:
        The digest that :func:`load_detector` checks.
    """
    tensors: dict[str, Any] = {f"aster/{name}": value for name, value in detector.aster.state_dict().items()}
    tensors |= _tails_out("pooled/features", detector.features) | _tails_out("pooled/rules", detector.rules)
    for row, known in enumerate(detector.known.values()):
        tensors |= {f"series/{row}/{name}": getattr(known.profile, name) for name in _ARRAYS}
        tensors |= _tails_out(f"series/{row}/features", known.features)
        tensors |= _tails_out(f"series/{row}/rules", known.rules) | _bank_out(f"series/{row}", known.bank)
        tensors |= _habit_out(f"series/{row}/habit", known.habit) | {f"series/{row}/weights": known.weights}
    return save_tensors(folder, NAME, tensors, _facts(detector))


def load_detector(folder: Path, digest: str | None = None) -> Detector:
    """Read a detector back; it judges with the same bits.

    Args:
        folder: where :func:`save_detector` wrote.
        digest: what it returned; without it the files are checked against themselves only.

    Raises:
        CheckpointError: when a file is missing, truncated, changed, or made by another architecture.
    """
    tensors, facts = load_tensors(folder, NAME, digest)
    try:
        return _rebuild(tensors, facts)
    except (KeyError, TypeError, ValidationError) as error:
        raise CheckpointError(
            f"{folder / NAME}.json: expected a detector of this version of rl-tsad, got one that lacks or changes "
            f"{str(error).splitlines()[0]}; train again"
        ) from error


def _facts(detector: Detector) -> dict[str, Any]:
    return {
        "config": asdict(detector.config),
        "length": detector.length,
        "width": detector.width,
        "features": list(FEATURES),
        "members": list(MEMBERS),
        "series": [{"name": name, "clock": asdict(known.profile.clock)} for name, known in detector.known.items()],
        "excuses": [asdict(one) for one in detector.excuses],
        "history": {path: [float(value) for value in values] for path, values in detector.history.items()},
    }


def _rebuild(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> Detector:
    for what, here in (("features", FEATURES), ("members", MEMBERS)):
        if tuple(facts[what]) != here:
            raise CheckpointError(f"expected the {what} of this version, got {facts[what]}; train again")
    config = TypeAdapter(DetectorConfig).validate_python(facts["config"])
    length, width = int(facts["length"]), int(facts["width"])
    aster = Aster(length, width, config.aster)
    fill_module(aster, _under("aster/", tensors), "the detector's ASTER")
    known = {
        one["name"]: _known_in(_under(f"series/{row}/", tensors), Clock(**one["clock"]), config)
        for row, one in enumerate(facts["series"])
    }
    pooled = _under("pooled/", tensors)
    features, rules = _tails_in(_under("features/", pooled)), _tails_in(_under("rules/", pooled))
    excuses = TypeAdapter(tuple[Excuse, ...]).validate_python(facts["excuses"])
    return Detector(config, length, width, known, features, rules, aster.eval(), facts["history"], excuses)


def _known_in(tensors: Mapping[str, torch.Tensor], clock: Clock, config: DetectorConfig) -> Known:
    profile = Profile(clock=clock, **{name: tensors[name].numpy() for name in _ARRAYS})
    features, rules = _tails_in(_under("features/", tensors)), _tails_in(_under("rules/", tensors))
    habit = _habit_in(_under("habit/", tensors))
    return Known(profile, features, _bank_in(tensors, config), rules, tensors["weights"].numpy(), habit)


def _habit_out(path: str, habit: Habit) -> dict[str, Any]:
    pairs: dict[str, Scale | Usual] = {"scale": habit.scale, **({"rest": habit.rest} if habit.rest else {})}
    pairs |= {f"whole/{view}": one for view, one in enumerate(habit.whole)}
    pairs |= {f"now/{view}": one for view, one in enumerate(habit.now)}
    arrays = {f"{path}/{name}/{part}": getattr(one, part) for name, one in pairs.items() for part in _PAIR}
    arrays[f"{path}/targets"] = habit.targets
    return arrays if habit.others is None else {**arrays, f"{path}/others": habit.others}


def _habit_in(tensors: Mapping[str, torch.Tensor]) -> Habit:
    def pair(name: str) -> tuple[Any, Any]:
        return tensors[f"{name}/center"].numpy(), tensors[f"{name}/spread"].numpy()

    views = range(sum(name.startswith("whole/") for name in tensors) // len(_PAIR))
    return Habit(
        scale=Scale(*pair("scale")),
        others=tensors["others"].numpy() if "others" in tensors else None,
        rest=Scale(*pair("rest")) if "rest/center" in tensors else None,
        whole=tuple(Usual(*pair(f"whole/{view}")) for view in views),
        now=tuple(Usual(*pair(f"now/{view}")) for view in views),
        targets=tensors["targets"].numpy(),
    )


def _bank_out(path: str, bank: Bank) -> dict[str, Any]:
    """Name the bank's arrays: kind, place in its tuple, and of what is known of each target by itself its number."""
    result: dict[str, Any] = {}
    for kind in (each.name for each in fields(bank)):
        for place, one in enumerate(getattr(bank, kind)):
            result |= _rule_out(f"{path}/{kind}/{place}", one)
    return result


def _rule_out(path: str, one: Memory | Subspace | Texture | Solo[Any]) -> dict[str, Any]:
    if isinstance(one, Texture):
        return {f"{path}/{name}": value.numpy() for name, value in one.tensors().items()}
    if isinstance(one, Solo):
        parts = (_rule_out(f"{path}/parts/{channel}", part) for channel, part in enumerate(one.parts))
        return _tails_out(path, one.tails) | {name: array for part in parts for name, array in part.items()}
    arrays = {name: getattr(one, name) for name in _arrays_of(type(one))}
    form = np.array([one.length, one.fold], np.int64)  # what a patch is
    return {f"{path}/{name}": array for name, array in {**arrays, "form": form}.items()}


def _arrays_of(made: type[Memory] | type[Subspace]) -> list[str]:
    return [each.name for each in fields(made) if each.name not in ("length", "fold")]


def _bank_in(tensors: Mapping[str, torch.Tensor], config: DetectorConfig) -> Bank:
    def read(kind: str, rule: Callable[[Mapping[str, torch.Tensor]], Any]) -> tuple[Any, ...]:
        return tuple(rule(parts) for parts in _entries(kind, tensors))

    memory, subspace, texture = (
        partial(_patches_in, Memory),
        partial(_patches_in, Subspace),
        partial(_texture_in, config),
    )
    return Bank(
        memories=read("memories", memory),
        subspaces=read("subspaces", partial(_solo_in, subspace)),
        textures=read("textures", texture),
        rest_memories=read("rest_memories", memory),
        rest_memory_solos=read("rest_memory_solos", partial(_solo_in, memory)),
        rest_subspaces=read("rest_subspaces", subspace),
        rest_subspace_solos=read("rest_subspace_solos", partial(_solo_in, subspace)),
        rest_textures=read("rest_textures", texture),
    )


def _solo_in(rule: Callable[[Mapping[str, torch.Tensor]], Any], tensors: Mapping[str, torch.Tensor]) -> Solo[Any]:
    return Solo(tuple(rule(parts) for parts in _entries("parts", tensors)), _tails_in(tensors))


def _patches_in(made: type[Memory] | type[Subspace], parts: Mapping[str, torch.Tensor]) -> Memory | Subspace:
    length, fold = (int(number) for number in parts["form"])
    arrays: dict[str, Any] = {name: parts[name].numpy() for name in _arrays_of(made)}
    return made(**arrays, length=length, fold=fold)


def _texture_in(config: DetectorConfig, parts: Mapping[str, torch.Tensor]) -> Texture:
    return Texture.from_tensors(parts, config.texture)


def _entries(kind: str, tensors: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """Give the tensors of each numbered part of a kind, in order."""
    own = _under(f"{kind}/", tensors)
    return [_under(f"{place}/", own) for place in range(len({name.split("/")[0] for name in own}))]


def _tails_out(path: str, tails: Tails) -> dict[str, np.ndarray[Any, Any]]:
    return {f"{path}/grid": tails.grid, f"{path}/excess": tails.excess}


def _tails_in(tensors: Mapping[str, torch.Tensor]) -> Tails:
    return Tails(tensors["grid"].numpy(), tensors["excess"].numpy())


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
