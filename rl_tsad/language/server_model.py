"""A language model behind an OpenAI-compatible server: vLLM, Ollama, llama.cpp, transformers serve, or a hosted one."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import weakref
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from pydantic import BaseModel

from rl_tsad.errors import ConfigError, SilentModelError
from rl_tsad.language.backend import Message, Reply
from rl_tsad.language_config import LanguageConfig
from rl_tsad.types import Float32

KEY = "RL_TSAD_API_KEY"
"""Environment variable that holds the server's key, if it wants one."""

_PLAIN = (
    "expected the plain address of a server in language.url, got one with a user, a password or a query; "
    f"give the key in the environment variable {KEY}"
)
_OPTIONAL = ("response_format", "temperature", "seed", "max_tokens")
_CODE = re.compile(r"[a-z0-9_.]{1,40}")
_CHATTY = ("openai", "httpx2", "httpcore2", "httpx", "httpcore")


class ServerModel:
    """A model at a server, asked through the ``openai`` client, which retries with exponential back-off and jitter.

    What a server does not know (JSON schemas, a seed, a temperature) is left out from the first call on that it
    refuses; the reply is checked all the same. Errors name the address and the state, never the key, the conversation
    or what the server says, which may repeat either.
    """

    def __init__(self, model: str, address: str, client: Any) -> None:
        self._model, self._address, self._client = model, address, client
        self._refused: frozenset[str] = frozenset()

    @classmethod
    def open(cls, model: str, config: LanguageConfig) -> ServerModel:
        """Make a client; the server is not called yet.

        Raises:
            ConfigError: when the address is no http address, holds a password, would carry a key in the clear to
                another machine, or the extra ``server`` is not installed.
        """
        address = checked_address(config.url)
        key = os.environ.get(KEY, "").strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ConfigError(f"expected one line of letters and digits in {KEY}, got something else; set it anew")
        if key and urlsplit(address).scheme == "http" and not is_here(address):
            raise ConfigError(
                f"expected an https address for a server that is given a key, got {address}; "
                f"use https, or unset {KEY} if the server needs none"
            )
        try:
            import openai
        except ImportError as error:
            raise ConfigError(
                "expected the package openai, which talks to the server, got none; run: pip install 'rl-tsad[server]'"
            ) from error
        for name in _CHATTY:  # at debug level these write whole conversations to the log
            logger = logging.getLogger(name)
            logger.setLevel(max(logging.WARNING, logger.level))
        client = openai.OpenAI(
            api_key=key or "none",
            base_url=address,
            timeout=config.asking.timeout,
            max_retries=config.asking.retries,
            # what is for this machine goes through no proxy; what HTTP_PROXY and its like name is for the others
            http_client=openai.DefaultHttpxClient(trust_env=not is_here(address)),
        )
        opened = cls(model, address, client)
        weakref.finalize(opened, client.close)
        return opened

    def __repr__(self) -> str:
        return f"ServerModel({self.name!r})"

    @property
    def name(self) -> str:
        """The model's name and the server's address."""
        return f"{self._model} at {self._address}"

    def embed(self, texts: Sequence[str]) -> Float32:
        """Embed M texts as (M, D) float32 rows of length 1.

        Raises:
            SilentModelError: when the server does not.
        """
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        found = self._call(lambda: self._client.embeddings.create(model=self._model, input=list(texts)))
        rows = sorted(found.data, key=lambda one: int(one.index))
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def complete(self, messages: Sequence[Message], schema: type[BaseModel], *, most_tokens: int) -> Reply:
        """Reply with JSON of the given form.

        Raises:
            SilentModelError: when the server does not reply, after all retries.
        """
        said = [{"role": message.role, "content": message.text} for message in messages]
        found = self._call_without_what_it_refuses(said, _wishes(schema, most_tokens))
        choice = found.choices[0] if found.choices else None
        text = (choice.message.content or "") if choice else ""
        asked = sum(len(message.text) for message in messages)
        usage = found.usage
        return Reply(
            text,
            tokens_in=int(usage.prompt_tokens) if usage else asked // 3,
            tokens_out=int(usage.completion_tokens) if usage else len(text) // 3,
            whole=choice is not None and choice.finish_reason != "length",
        )

    def _call_without_what_it_refuses(self, said: list[dict[str, str]], wishes: Mapping[str, Any]) -> Any:
        import openai

        for _ in range(len(_OPTIONAL) + 1):
            refused = self._refused
            granted = {name: value for name, value in wishes.items() if name not in refused}
            if "max_tokens" in refused:
                granted["max_completion_tokens"] = wishes["max_tokens"]
            try:
                return self._call(
                    lambda granted=granted: self._client.chat.completions.create(
                        model=self._model, messages=said, stream=False, **granted
                    )
                )
            except SilentModelError as error:
                cause = error.__context__
                if not isinstance(cause, openai.BadRequestError | openai.UnprocessableEntityError):
                    raise
                disliked = {name for name in _OPTIONAL if name in granted and name in str(cause)}
                if not disliked:
                    raise
                self._refused |= disliked
        raise AssertionError("every wish can be refused once only")

    def _call(self, call: Any) -> Any:
        import openai

        try:
            return call()
        except openai.APIStatusError as error:
            code = str(error.code or error.type or "")
            shown = f"{error.status_code} ({code})" if _CODE.fullmatch(code) else str(error.status_code)
            raise SilentModelError(
                f"expected a reply of {self.name}, got status {shown}; {_advice(error.status_code)}"
            ) from None
        except openai.APITimeoutError:
            raise SilentModelError(
                f"expected a reply of {self.name} within the time that language.asking.timeout allows, got none; "
                "raise it, or see whether the server is overloaded",
                may_cost=True,
            ) from None
        except openai.APIConnectionError as error:
            kind = type(error.__cause__).__name__ if error.__cause__ else "no connection"
            raise SilentModelError(
                f"expected a reply of {self.name}, got {kind}; see whether the server runs and language.url is right",
                may_cost=kind != "ConnectError",
            ) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise SilentModelError(
                f"expected a reply of {self.name} in the form of an OpenAI-compatible server, got "
                f"{type(error).__name__}; see whether language.url is right (it often ends in /v1)"
            ) from None


def _wishes(schema: type[BaseModel], most_tokens: int) -> dict[str, Any]:
    form = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
    return {
        "temperature": 0.0,
        "seed": 0,
        "max_tokens": most_tokens,
        "response_format": {"type": "json_schema", "json_schema": form},
    }


def _advice(status: int) -> str:
    if status in (401, 403):
        return f"set the environment variable {KEY} to a key of that server"
    if status == 404:
        return "see whether language.url (it often ends in /v1) and language.model are right"
    if status == 429:
        return "it is busy or its quota is spent: try later, or lower language.asking.at_once"
    return "see the server's own log" if status >= 500 else "see whether it is an OpenAI-compatible server"


def checked_address(url: str | None) -> str:
    """Check a server's address.

    Raises:
        ConfigError: when there is none, it is no http address, or it holds a user or a password.

    Example:
        >>> checked_address("http://127.0.0.1:8000/v1")
        'http://127.0.0.1:8000/v1'
    """
    if not url:
        raise ConfigError(
            "expected the address of a server, got none; set language.url, such as http://127.0.0.1:8000/v1"
        )
    if "@" in url:
        raise ConfigError(_PLAIN)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(
            f"expected an address such as http://127.0.0.1:8000/v1, got {url!r} ({error}); correct language.url"
        ) from None
    if parts.query or parts.fragment:
        raise ConfigError(_PLAIN)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"expected an address such as http://127.0.0.1:8000/v1, got {url!r}; correct language.url")
    return url


def is_here(address: str) -> bool:
    """Tell whether an address is on this machine.

    Example:
        >>> is_here("http://localhost:8000/v1"), is_here("http://[::1]:80"), is_here("https://api.example.com/v1")
        (True, True, False)
    """
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
