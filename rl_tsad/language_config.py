"""Settings of the language model: which one, what it may be told, what it may cost."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from rl_tsad.setting_types import Count, Flag, Fraction

_STRICT = ConfigDict(extra="forbid")
_Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
_or_none = BeforeValidator(lambda value: None if value == "" else value)

Backend = Literal["embedded", "local", "server", "statistics", "off"]


@dataclass(frozen=True, config=_STRICT)
class AskingConfig:
    """What asking a language model that writes may cost, and how it is asked.

    A limit holds for a workspace's data and what the model is told of them, over interruptions and for all processes;
    with new data or words it starts anew. What is in the cache costs nothing.

    Attributes:
        calls: most questions, those asked once more included; tries that a busy server refused are not counted.
        tokens: most tokens, read and written; no limit when absent.
        money: most money, in the currency of the prices; no limit when absent.
        price_in: price of a million tokens that the model reads.
        price_out: price of a million tokens that the model writes.
        reply_tokens: most tokens of one reply.
        at_once: most calls under way at the same time; a local model answers one at a time.
        timeout: seconds until an unanswered call is given up.
        retries: how often a call is tried again, ever more slowly, when the server is busy, broken or silent.
    """

    calls: Count = 200
    tokens: Annotated[Count | None, _or_none] = None
    money: Annotated[_Amount | None, _or_none] = None
    price_in: _Amount = 0.0
    price_out: _Amount = 0.0
    reply_tokens: Count = 300
    at_once: Count = 4
    timeout: _Seconds = 60.0
    retries: Annotated[int, Field(ge=0)] = 4


@dataclass(frozen=True, config=_STRICT)
class LanguageConfig:
    """Where the severity potential comes from.

    Attributes:
        backend: ``embedded`` (MiniLM from its wheel), ``local`` (a causal language model on this machine), ``server``
            (any OpenAI-compatible server), ``statistics`` (a rule on the same facts) or ``off`` (all zero).
        model: folder or hub name of a sentence model that replaces the embedded one, or of the local causal model; the
            model's name at the server.
        url: address of the server, such as "http://127.0.0.1:8000/v1". Its key is taken from the environment variable
            RL_TSAD_API_KEY and from nowhere else.
        device: where a local model runs; auto takes a GPU where there is one.
        values: whether a language model is shown readings or only their description: send, keep, or auto, which sends
            them to what runs on this machine. Channel names and times are part of descriptions.
        about: what is recorded here and in which units, for a language model that writes, such as "cooling water of a
            pump: flow in m3/h, temp in degrees Celsius".
        teach: weight with which a sure reply teaches the belief as an answer of a person does; 0 for not at all. Worth
            it for a model that is right in nine of ten cases, as long as people have answered little; one that is right
            in three of four may harm (docs/language.md).
        cache: whether embeddings and replies are kept in the workspace.
        notes: what is normal here, a sentence each, such as ["maintenance stops are normal", "short dips in pressure
            are normal on Sundays"]; what a note excuses raises no alarm. `rl-tsad notes` shows how they are understood.
        asking: what asking may cost.
    """

    backend: Backend = "embedded"
    model: str | None = None
    url: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    values: Literal["auto", "send", "keep"] = "auto"
    about: str = ""
    teach: Fraction = 0.0
    cache: Flag = True
    notes: tuple[str, ...] = ()
    asking: AskingConfig = field(default_factory=AskingConfig)
