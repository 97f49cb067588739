"""A causal language model on this machine, held to a JSON schema while it writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from rl_tsad.errors import ConfigError, SilentModelError
from rl_tsad.language.backend import Message, Reply
from rl_tsad.language.weights import name_with_version, open_pretrained
from rl_tsad.types import Float32

_FALLBACK_LENGTH = 2048
"""Tokens that a model is trusted with where its settings do not say."""


@lru_cache(maxsize=1)
def load_local_model(model: str, device: Literal["auto", "cpu", "cuda"]) -> LocalModel:
    """Load tokenizer and weights from a folder or the hub, safetensors only, without running foreign code.

    On a GPU the weights are kept in the precision that they were saved in, on a CPU in float32.

    Raises:
        ConfigError: when the model is not there or cannot be read, there is no GPU where one is asked for, or the extra
            ``local`` is not installed.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("expected a GPU for language.device = 'cuda', got none; set it to 'auto' or 'cpu'")
    where = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    kind: Any = "auto" if where == "cuda" else torch.float32
    tokenizer, network = open_pretrained(
        model, "AutoTokenizer", "AutoModelForCausalLM", what="a causal language model", dtype=kind
    )
    grammar = _grammar(model, tokenizer, int(network.config.vocab_size))
    return LocalModel(name_with_version(model, network), tokenizer, network.to(where).eval(), grammar)


def _grammar(model: str, tokenizer: Any, words: int) -> Any:
    """Give the tokenizer as the library sees it that holds replies to a form."""
    try:
        from llguidance.hf import from_tokenizer
    except ImportError as error:
        raise ConfigError(
            "expected the package llguidance, which holds a local model to JSON, got none; "
            "run: pip install 'rl-tsad[local]'"
        ) from error
    try:
        return from_tokenizer(tokenizer, n_vocab=words)
    except ValueError as error:
        line = next(iter(str(error).splitlines()), "an error")[:200]
        raise ConfigError(
            f"expected a causal language model in {model!r}, got a tokenizer that cannot be held to JSON ({line}); "
            "correct language.model"
        ) from error


class LocalModel:
    """A causal transformer with its own chat template, decoded greedily under a grammar.

    The grammar is the reply's JSON schema (llguidance: at each step only tokens that can still lead to valid JSON are
    allowed), so a reply that came to an end is always of the form that was asked for. One reply is written at a time.
    """

    def __init__(self, name: str, tokenizer: Any, network: Any, grammar: Any) -> None:
        self._name, self._tokenizer, self._network, self._grammar = name, tokenizer, network, grammar
        self._one_at_a_time = threading.Lock()

    @property
    def name(self) -> str:
        """Folder or hub name and digest of what is in it."""
        return self._name

    def embed(self, texts: Sequence[str]) -> Float32:
        """Embed M texts as (M, D) float32 rows of length 1: the mean over the last layer's tokens."""
        import torch

        out = np.empty((len(texts), int(self._network.config.hidden_size)), dtype=np.float32)
        with torch.inference_mode(), self._one_at_a_time:
            for row, text in enumerate(texts):
                tokens = self._tokenizer(text, truncation=True, max_length=self._longest, return_tensors="pt")
                tokens = tokens.to(self._network.device)
                layers = self._network(**tokens, output_hidden_states=True).hidden_states
                mean = layers[-1][0].float().mean(dim=0)  # (D,)
                out[row] = torch.nn.functional.normalize(mean, dim=0).cpu().numpy()
        return out

    def complete(self, messages: Sequence[Message], schema: type[BaseModel], *, most_tokens: int) -> Reply:
        """Reply with JSON of the given form, greedily.

        Raises:
            SilentModelError: when the conversation and its reply are longer than the model reads.
        """
        import torch

        with torch.inference_mode(), self._one_at_a_time:
            asked = self._written(messages).to(self._network.device)
            before = int(asked["input_ids"].shape[1])
            if before + most_tokens > self._longest:
                raise SilentModelError(
                    f"expected a conversation of at most {self._longest - most_tokens} tokens for {self.name}, got "
                    f"{before}; lower language.asking.reply_tokens, set language.values to 'keep', or take a model "
                    "that reads more"
                )
            tokens = self._network.generate(
                **asked,
                max_new_tokens=most_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                logits_processor=[_Bound(self._grammar, schema, before)],
                pad_token_id=self._tokenizer.eos_token_id,
            )[0, before:]
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return Reply(text, before, len(tokens), whole=len(tokens) < most_tokens)

    @property
    def _longest(self) -> int:
        return int(getattr(self._network.config, "max_position_embeddings", None) or _FALLBACK_LENGTH)

    def _written(self, messages: Sequence[Message]) -> Any:
        """Write a conversation as the model's chat template says; as plain turns where it has none."""
        if self._tokenizer.chat_template is None:
            turns = [f"{message.role}: {message.text}" for message in messages]
            return self._tokenizer("\n\n".join([*turns, "assistant:"]), return_tensors="pt")
        from jinja2 import TemplateError

        said = [{"role": message.role, "content": message.text} for message in messages]
        form: dict[str, Any] = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}
        try:
            return self._tokenizer.apply_chat_template(said, **form)
        except TemplateError:  # some templates know no system turn
            return self._tokenizer.apply_chat_template(_without_system(said), **form)


def _without_system(said: list[dict[str, str]]) -> list[dict[str, str]]:
    """Put what the system says before the first question."""
    told = [turn["content"] for turn in said if turn["role"] == "system"]
    rest = [turn for turn in said if turn["role"] != "system"]
    return [{"role": "user", "content": "\n\n".join([*told, rest[0]["content"]])}, *rest[1:]]


class _Bound:
    """Allows only the tokens with which a reply can still become JSON of the form; called after every token."""

    def __init__(self, tokenizer: Any, schema: type[BaseModel], before: int) -> None:
        from llguidance import LLMatcher

        text = json.dumps(schema.model_json_schema())
        grammar = LLMatcher.grammar_from_json_schema(text, defaults={"whitespace_flexible": False})
        self._matcher, self._read = LLMatcher(tokenizer, grammar), before

    def __call__(self, tokens: Any, scores: Any) -> Any:
        import torch

        self._follow(tokens[0, self._read :].tolist())
        self._read = tokens.shape[1]
        allowed = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)
        allowed = allowed[: scores.shape[1]].to(scores.device)
        return scores.masked_fill(allowed == 0, float("-inf"))

    def _follow(self, tokens: Sequence[int]) -> None:
        if tokens and not self._matcher.consume_tokens(list(tokens)):
            raise SilentModelError(
                f"expected a reply that the grammar allows, got: {self._matcher.get_error()[:200]}; report this"
            )
