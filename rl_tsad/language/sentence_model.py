"""The embedded language model: sentences in, vectors out, on any CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from pydantic import BaseModel

from rl_tsad.errors import ConfigError
from rl_tsad.language.backend import Message
from rl_tsad.language.weights import name_with_version, open_pretrained
from rl_tsad.types import Float32

_MOST_TOKENS = 128


@lru_cache(maxsize=1)
def load_sentence_model(model: str) -> SentenceModel:
    """Load a sentence model from a folder or the hub.

    Raises:
        ConfigError: when the model is not there or cannot be read.
    """
    tokenizer, network = open_pretrained(model, "AutoTokenizer", "AutoModel", what="a sentence model")
    return SentenceModel(name_with_version(model, network), tokenizer, network.eval())


class SentenceModel:
    """A transformer encoder with mean pooling over its tokens.

    Texts are run one by one: on a CPU that costs little for short texts, and a text's vector then never depends, not
    even in its last bit, on which other texts were asked for at the same time.
    """

    def __init__(self, name: str, tokenizer: Any, network: Any) -> None:
        self._name, self._tokenizer, self._network = name, tokenizer, network

    @property
    def name(self) -> str:
        """Folder or hub name and digest of what is in it."""
        return self._name

    def embed(self, texts: Sequence[str]) -> Float32:
        """Embed M texts as (M, D) float32 rows of length 1."""
        import torch

        width = int(self._network.config.hidden_size)
        out = np.empty((len(texts), width), dtype=np.float32)
        with torch.inference_mode():
            for row, text in enumerate(texts):
                tokens = self._tokenizer(text, truncation=True, max_length=_MOST_TOKENS, return_tensors="pt")
                hidden = self._network(**tokens).last_hidden_state[0]  # (tokens, D)
                mean = hidden.mean(dim=0)  # (D,)
                out[row] = torch.nn.functional.normalize(mean, dim=0).numpy()
        return out

    def complete(self, messages: Sequence[Message], schema: type[BaseModel], *, most_tokens: int) -> NoReturn:
        """Refuse: an encoder does not write.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"expected a language model that writes, got the sentence model {self.name}; "
            "set language.backend to 'local' or 'server'"
        )
