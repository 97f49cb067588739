"""What a setting may be: the types of :mod:`rl_tsad.config`, each with the check that goes with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _true_or_false(value: Any) -> Any:
    text = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None
    if isinstance(value, bool) or text is not None:
        return value if text is None else text
    raise PydanticCustomError("flag", "expected true or false")


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        known = ", ".join(get_args(Member))
        raise PydanticCustomError("members", "expected one or more of {known}, each once", {"known": known})
    return names


Flag = Annotated[bool, BeforeValidator(_true_or_false)]
"""True or false, no number; as text where flags and the environment know nothing else."""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
PatchLength = Literal[8, 16, 32, 64, 128, 256]
StreamRule = Literal["decay", "spend", "quantile"]
Rule = Literal["mixed", "margin", "top", "diverse", "gain", StreamRule]
"""How questions are picked."""
Generators = Literal["latent", "shuffle", "jitter", "frequency", "trend", "swap", "program"]
Member = Literal[
    "robust",
    "neighbours",
    "memory",
    "rest_memory",
    "subspace",
    "rest_subspace",
    "texture",
    "rest_texture",
    "spectral",
    "roughness",
    "vae",
    "aster",
]
Members = Annotated[tuple[Member, ...], AfterValidator(_each_once)]
