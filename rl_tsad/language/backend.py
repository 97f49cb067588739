"""The one door to language models: what each of them can be asked, and how one is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel

from rl_tsad.errors import ConfigError
from rl_tsad.language_config import LanguageConfig
from rl_tsad.types import Float32


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        text: what is said.
    """

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class Reply:
    """What a model wrote, unread.

    Attributes:
        text: the reply.
        tokens_in: tokens that the model read.
        tokens_out: tokens that it wrote.
        whole: whether it came to an end by itself, rather than at the most tokens.
    """

    text: str
    tokens_in: int
    tokens_out: int
    whole: bool = True


class Embedder(Protocol):
    """Whatever turns sentences into vectors.

    Attributes:
        name: names the model and its weights, so that vectors of two models are never mixed.
    """

    @property
    def name(self) -> str:
        """Model and version."""

    def embed(self, texts: Sequence[str]) -> Float32:
        """Embed M texts as (M, D) float32 rows of length 1, each independent of its neighbours."""


class LanguageModel(Embedder, Protocol):
    """An embedder that also writes. Calls from several threads are allowed."""

    def complete(self, messages: Sequence[Message], schema: type[BaseModel], *, most_tokens: int) -> Reply:
        """Reply to a conversation at temperature 0 with JSON of the given form.

        The form is asked for and, where the model can be held to it, enforced; whoever reads the reply checks it.

        Args:
            messages: the conversation, a question last.
            schema: the form; its JSON schema is what the model is told.
            most_tokens: most tokens of the reply.

        Raises:
            SilentModelError: when there is no reply.
            ConfigError: when this model cannot write at all.
        """


def embedder(config: LanguageConfig) -> Embedder:
    """Open the sentence model: the one that the settings name for ``embedded``, the one in its package for any other.

    A model is loaded once a process.

    Raises:
        ConfigError: when the model is not there or cannot be read. ``HF_HUB_OFFLINE`` is respected.

    Example:
        >>> embedder(LanguageConfig(model="/no/such/model"))
        Traceback (most recent call last):
        rl_tsad.errors.ConfigError: expected a sentence model in '/no/such/model', got no folder; correct language.model
    """
    from rl_tsad.language.sentence_model import load_sentence_model
    from rl_tsad.language.weights import embedded_folder

    named = config.model if config.backend == "embedded" else None
    return load_sentence_model(named or str(embedded_folder()))


def writer(config: LanguageConfig) -> LanguageModel:
    """Open the language model that writes.

    Raises:
        ConfigError: when the settings name none, or it is not there or cannot be read, or its extra is not installed.

    Example:
        >>> writer(LanguageConfig(backend="server", model="any"))
        Traceback (most recent call last):
        rl_tsad.errors.ConfigError: expected the address of a server, got none; set language.url, such as http://127.0.0.1:8000/v1
    """
    if config.backend == "local":
        from rl_tsad.language.local_model import load_local_model

        return load_local_model(_named(config), config.device)
    if config.backend == "server":
        from rl_tsad.language.server_model import ServerModel

        return ServerModel.open(_named(config), config)
    raise ConfigError(
        f"expected a language model that writes, got language.backend = {config.backend!r}; "
        "set it to 'local' or 'server'"
    )


def writes(config: LanguageConfig) -> bool:
    """Tell whether the settings name a language model that writes.

    Example:
        >>> writes(LanguageConfig()), writes(LanguageConfig(backend="local", model="models/qwen"))
        (False, True)
    """
    return config.backend in ("local", "server")


def _named(config: LanguageConfig) -> str:
    if not config.model:
        raise ConfigError(
            f"expected the name of a language model, got none for the backend {config.backend!r}; set language.model"
        )
    return config.model
