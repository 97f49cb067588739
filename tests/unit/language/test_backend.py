import subprocess
import sys

import numpy as np
import pytest

from rl_tsad.errors import ConfigError
from rl_tsad.language.backend import embedder
from rl_tsad.language.cache import CachedEmbedder
from rl_tsad.language.sentence_model import load_sentence_model
from rl_tsad.language_config import LanguageConfig


class Counting:
    """An embedder that counts what it is asked."""

    def __init__(self, name="counting"):
        self.name, self.seen = name, []

    def embed(self, texts):
        self.seen += texts
        return np.array([[len(text), sum(map(ord, text))] for text in texts], np.float32).reshape(-1, 2)


def test_any_folder_serves_as_a_sentence_model(tiny_model):
    model = embedder(LanguageConfig(model=str(tiny_model)))
    vectors = model.embed(["a spike.", "a drift.", "a spike."])
    assert vectors.shape == (3, 16)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1])
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1])
    assert model.name.startswith("tiny@")


def test_a_vector_never_depends_on_its_neighbours(tiny_model):
    model = embedder(LanguageConfig(model=str(tiny_model)))
    alone = model.embed(["a drift in a pump."])[0]
    among = model.embed(["x", "a drift in a pump.", "a much longer sentence than all of the others, by far."])[1]
    assert np.array_equal(alone, among)


def test_changed_weights_change_the_name(tiny_model, tmp_path):
    import shutil

    from transformers import AutoModel

    other = tmp_path / "tiny"
    shutil.copytree(tiny_model, other)
    network = AutoModel.from_pretrained(other)
    network.embeddings.word_embeddings.weight.data += 1
    network.save_pretrained(other)
    names = {embedder(LanguageConfig(model=str(folder))).name for folder in (tiny_model, other)}
    assert len(names) == 2


def test_loading_leaves_the_terminal_alone(tiny_model, capfd):
    from transformers.utils import logging

    before = logging.get_verbosity()
    load_sentence_model.cache_clear()
    embedder(LanguageConfig(model=str(tiny_model)))
    out, err = capfd.readouterr()
    assert out + err == ""
    assert logging.get_verbosity() == before


def test_an_empty_folder_is_explained(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a sentence model .* got: .*correct language\.model"):
        embedder(LanguageConfig(model=str(tmp_path)))


@pytest.mark.slow
def test_importing_the_room_loads_no_model_library():
    code = "import sys, rl_tsad.language.severity; print({'torch', 'transformers'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.slow
def test_an_unknown_hub_model_is_explained_offline():
    code = (
        "from rl_tsad.language_config import LanguageConfig\n"
        "from rl_tsad.errors import ConfigError\n"
        "from rl_tsad.language.backend import embedder\n"
        "try:\n    embedder(LanguageConfig(model='nobody/no-such-model'))\n"
        "except ConfigError as error:\n    print('fetch the model while online' in str(error))\n"
    )
    env = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin", "HOME": "/tmp"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert out.stdout.strip() == "True"


def test_nothing_is_embedded_twice_not_even_by_the_next_process(tmp_path):
    first, second = Counting(), Counting()
    wanted = CachedEmbedder(first, tmp_path / "cache.db").embed(["a", "bb", "a"])
    again = CachedEmbedder(second, tmp_path / "cache.db").embed(["bb", "a", "ccc"])
    assert first.seen == ["a", "bb"]
    assert second.seen == ["ccc"]
    assert np.array_equal(again[:2], wanted[[1, 0]])


def test_two_models_never_share_vectors(tmp_path):
    one, other = Counting("one"), Counting("other")
    CachedEmbedder(one, tmp_path / "cache.db").embed(["a"])
    CachedEmbedder(other, tmp_path / "cache.db").embed(["a"])
    assert other.seen == ["a"]


def test_the_cache_does_not_store_the_text(tmp_path):
    CachedEmbedder(Counting(), tmp_path / "cache.db").embed(["planted secret"])
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"planted secret" not in stored


def test_an_interrupted_run_keeps_what_it_had(tmp_path):
    class Failing(Counting):
        def embed(self, texts):
            if "69" in texts:
                raise KeyboardInterrupt
            return super().embed(texts)

    texts = [str(number) for number in range(100)]
    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(Failing(), tmp_path / "cache.db").embed(texts)
    after = Counting()
    CachedEmbedder(after, tmp_path / "cache.db").embed(texts)
    assert after.seen == texts[64:]


EMBED_MANY = """
import sys, pathlib, numpy as np
from rl_tsad.language.cache import CachedEmbedder

class Plain:
    name = "counting"
    def embed(self, texts):
        return np.array([[len(text), sum(map(ord, text))] for text in texts], np.float32).reshape(-1, 2)

CachedEmbedder(Plain(), pathlib.Path(sys.argv[1])).embed([str(number) for number in range(200)])
"""


@pytest.mark.slow
def test_processes_share_one_file(tmp_path):
    command = [sys.executable, "-c", EMBED_MANY, str(tmp_path / "cache.db")]
    workers = [subprocess.Popen(command) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    after = Counting()
    CachedEmbedder(after, tmp_path / "cache.db").embed([str(number) for number in range(200)])
    assert after.seen == []
