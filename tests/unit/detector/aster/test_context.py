import time

import numpy as np
import pytest
import torch

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.context import PatchContext
from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.aster.score import judge_aster
from rl_tsad.detector.aster.train import train_aster
from rl_tsad.detector.checkpoint import fill_module
from rl_tsad.detector.track import Track
from rl_tsad.errors import ConfigError

QUIET = lambda path, value: None  # noqa: E731


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Tiny randomly initialised models, written and read as any other."""
    from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, GPT2Config, GPT2Model

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
    made = {
        "bert": BertModel(BertConfig(vocab_size=50, **sizes)),
        "gpt2": GPT2Model(GPT2Config(vocab_size=50, n_positions=64, n_embd=16, n_layer=4, n_head=2)),
        "distilbert": DistilBertModel(DistilBertConfig(vocab_size=50, n_layers=4, n_heads=2, dim=16, hidden_dim=32)),
    }
    folder = tmp_path_factory.mktemp("models")
    for name, network in made.items():
        network.save_pretrained(folder / name)
    return {name: str(folder / name) for name in made}


def config(model, context):
    return AsterConfig(width=8, heads=2, depth=1, batch=16, steps=3, context=context, context_model=model)


def track(points=240):
    return Track(np.sin(np.arange(points, dtype=np.float32) / 4)[:, None], np.arange(0, points - 64, 8), 64)


@pytest.mark.parametrize("context", ["frozen", "lora"])
@pytest.mark.parametrize("model", ["bert", "gpt2", "distilbert"])
def test_any_model_reads_patches_and_only_lora_changes_it(models, model, context):
    if context == "lora":
        pytest.importorskip("peft", reason="needs the extra: pip install -e '.[lora]'")
    torch.manual_seed(0)
    part = PatchContext(config(models[model], context))
    tokens = torch.randn(2, 5, 8)
    assert part(tokens).shape == tokens.shape
    names = {name.split(".")[0] for name, _ in part.named_parameters()}
    assert names == ({"enter", "leave", "adapters"} if context == "lora" else {"enter", "leave"})
    part(tokens).square().sum().backward()
    network = part._network[0]
    trained = [name for name, weight in network.named_parameters() if weight.grad is not None]
    assert bool(trained) == (context == "lora")
    assert all("lora" in name for name in trained)


def test_only_the_first_layers_are_kept(models):
    network = PatchContext(config(models["gpt2"], "frozen"))._network[0]
    assert len(network.h) == 2


@pytest.mark.parametrize("context", ["frozen", "lora"])
def test_a_trained_context_comes_back_with_the_same_bits(models, context):
    if context == "lora":
        pytest.importorskip("peft", reason="needs the extra: pip install -e '.[lora]'")
    own = config(models["bert"], context)
    aster = train_aster(track(), own, stride=8, seed=0, log=QUIET)
    state = aster.state_dict()
    assert sum(tensor.numel() for tensor in state.values()) < 20_000
    other = Aster(64, 1, own)
    fill_module(other, state, "ASTER")
    one, same = (judge_aster(each.eval(), track(), stride=8) for each in (aster, other))
    assert np.array_equal(one.points, same.points)


def test_two_tuned_models_do_not_share_their_tuning(models):
    pytest.importorskip("peft", reason="needs the extra: pip install -e '.[lora]'")
    one, other = (PatchContext(config(models["bert"], "lora")) for _ in range(2))
    frozen = PatchContext(config(models["bert"], "frozen"))
    tokens = torch.randn(1, 3, 16)
    with torch.no_grad():
        before = [part._network[0](inputs_embeds=tokens).last_hidden_state for part in (other, frozen)]
        for weight in one.adapters.values():
            weight += 1
        after = [part._network[0](inputs_embeds=tokens).last_hidden_state for part in (other, frozen)]
        tuned = one._network[0](inputs_embeds=tokens).last_hidden_state
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert not torch.equal(tuned, after[0])


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="got no folder"):
        PatchContext(config("/no/such/model", "frozen"))


@pytest.mark.slow
def test_the_embedded_minilm_trains_and_judges():
    own = AsterConfig(steps=2, batch=8, context="frozen")
    started = time.process_time()
    scores = judge_aster(train_aster(track(), own, stride=8, seed=0, log=QUIET), track(), stride=8)
    assert np.isfinite(scores.points).all()
    assert time.process_time() - started < 120
