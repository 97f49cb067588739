import json
import re
import shutil
import sys

import numpy as np
import pytest

from rl_tsad.errors import ConfigError, SilentModelError
from rl_tsad.language.asking import read_reply
from rl_tsad.language.backend import Message, writer
from rl_tsad.language.local_model import load_local_model
from rl_tsad.language.prompt import Verdict
from rl_tsad.language_config import LanguageConfig

pytestmark = pytest.mark.slow
QUESTION = (Message("system", "You judge."), Message("user", "How severe is a spike?"))


def opened(folder):
    return writer(LanguageConfig(backend="local", model=str(folder), device="cpu"))


def changed(folder, to, **settings):
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**config, **settings}))
    return to


def test_a_random_model_still_writes_json_of_the_form(tiny_writer):
    model = opened(tiny_writer)
    assert model.name.startswith("tiny-writer@")
    replies = [model.complete(QUESTION, Verdict, most_tokens=800) for _ in range(2)]
    verdict = read_reply(replies[0], Verdict)
    assert 0 <= verdict.severity <= 1
    assert replies[0] == replies[1]
    assert replies[0].whole
    assert replies[0].tokens_in > 10
    assert replies[0].tokens_out > 10


def test_the_chat_template_is_respected_and_one_without_system_turns_gets_it_before_the_question(tiny_writer, tmp_path):
    folder = tmp_path / "strict"
    shutil.copytree(tiny_writer, folder)
    template = (folder / "chat_template.jinja").read_text()
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + template
    (folder / "chat_template.jinja").write_text(strict)
    texts = {}
    for name, model in (("usual", opened(tiny_writer)), ("strict", opened(folder))):
        texts[name] = model._tokenizer.decode(model._written(QUESTION)["input_ids"][0])
    assert texts["usual"] == (
        "<|turn|>system\nYou judge.<|end|>\n<|turn|>user\nHow severe is a spike?<|end|>\n<|turn|>assistant\n"
    )
    assert texts["strict"] == "<|turn|>user\nYou judge.\n\nHow severe is a spike?<|end|>\n<|turn|>assistant\n"


def test_a_model_without_chat_template_reads_plain_turns(tiny_writer, tmp_path):
    folder = tmp_path / "plain"
    shutil.copytree(tiny_writer, folder)
    (folder / "chat_template.jinja").unlink()
    model = opened(folder)
    said = model._tokenizer.decode(model._written(QUESTION)["input_ids"][0])
    assert said == "system: You judge.\n\nuser: How severe is a spike?\n\nassistant:"


def test_a_reply_that_is_cut_off_says_so(tiny_writer):
    assert not opened(tiny_writer).complete(QUESTION, Verdict, most_tokens=5).whole


def test_a_question_longer_than_the_model_reads_is_refused(tiny_writer, tmp_path):
    model = opened(changed(tiny_writer, tmp_path / "short", max_position_embeddings=64))
    with pytest.raises(SilentModelError, match=r"at most 44 tokens for short@.*; lower language"):
        model.complete(QUESTION, Verdict, most_tokens=20)


def test_it_embeds_too(tiny_writer):
    vectors = opened(tiny_writer).embed(["a spike", "a drift", "a spike"])
    assert vectors.shape == (3, 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1])
    assert np.array_equal(vectors[0], vectors[2])


def test_what_is_no_model_is_explained(tmp_path):
    with pytest.raises(ConfigError, match=r"got no folder; correct language\.model"):
        opened(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"expected a causal language model .* got: .*correct language\.model"):
        opened(tmp_path)
    with pytest.raises(ConfigError, match="expected the name of a language model, got none"):
        writer(LanguageConfig(backend="local"))


def test_a_missing_extra_is_named(tiny_writer, monkeypatch):
    load_local_model.cache_clear()
    monkeypatch.setitem(sys.modules, "llguidance.hf", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'rl-tsad[local]'")):
        opened(tiny_writer)


def test_torn_weights_and_an_encoder_are_explained(tiny_writer, tiny_model, tmp_path):
    torn = tmp_path / "torn"
    shutil.copytree(tiny_writer, torn)
    weights = torn / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    for folder in (torn, tiny_model):
        with pytest.raises(ConfigError, match="expected a causal language model"):
            opened(folder)


def test_a_pickle_is_never_read(tiny_writer, tmp_path):
    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(tiny_writer, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="expected a causal language model"):
        opened(folder)
