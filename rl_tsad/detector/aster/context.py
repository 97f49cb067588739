"""What a language model that never saw a sensor makes of a sequence of patches (ASTER's context; GPT4TS's idea).

The patches' tokens are projected into the model's embedding space, its first layers read them, and their output is
projected back (Zhou et al., "One Fits All", NeurIPS 2023, section 3). The model's own weights stay as they are; LoRA
(Hu et al., ICLR 2022) adds small trained matrices to its attention.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from rl_tsad.config import AsterConfig
from rl_tsad.errors import ConfigError
from rl_tsad.language.weights import embedded_folder, open_pretrained

_RANK = 8
_OFF = "set detector.aster.context = 'off'"
_ATTENTION = ("query", "value", "q_proj", "v_proj", "q_lin", "v_lin", "c_attn", "q", "v")
"""What models call the layers that LoRA tunes."""


class PatchContext(nn.Module):
    """Reads tokens by a frozen or LoRA-tuned language model.

    Only the projections and LoRA's matrices belong to this module's state: the language model is found by its
    name again when a detector is loaded.

    Args:
        config: which model, how many of its layers, frozen or tuned.

    Raises:
        ConfigError: when the model is not there, or ``lora`` is asked for and peft is not installed.
    """

    def __init__(self, config: AsterConfig) -> None:
        super().__init__()
        network = _load(config.context_model or str(embedded_folder(otherwise=_OFF)), config.context_layers)
        self.adapters = nn.ParameterDict()
        if config.context == "lora":
            network = _with_lora(copy.deepcopy(network))
            trained = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
            self.adapters.update({name.replace(".", "/"): weight for name, weight in trained.items()})
        self._network = (network,)  # a tuple: not a part of this module's state
        size = int(network.config.hidden_size)
        self.enter = nn.Sequential(nn.Linear(config.width, size), nn.LayerNorm(size))
        self.leave = nn.Sequential(nn.LayerNorm(size), nn.Linear(size, config.width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Give each token (B, P, D) its context (B, P, D)."""
        hidden: Tensor = self._network[0](inputs_embeds=self.enter(tokens)).last_hidden_state  # (B, P, H)
        context: Tensor = self.leave(hidden)
        return context


@lru_cache(maxsize=1)
def _load(model: str, layers: int) -> Any:
    """Load the first layers of a model from a folder or the hub."""
    setting = "detector.aster.context_model"
    (network,) = open_pretrained(model, "AutoModel", what="a language model", setting=setting)
    return _shortened(network, layers).eval().requires_grad_(False)


def _shortened(network: Any, layers: int) -> Any:
    """Keep the first layers; a model's stack is the list that is as long as its configuration says."""
    deep = int(network.config.num_hidden_layers)
    stacks = [
        (owner, name)
        for owner in network.modules()
        for name, child in owner.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == deep
    ]
    if not stacks:
        raise ConfigError(
            f"expected a stack of {deep} layers in {type(network).__name__}, got none; choose another "
            "detector.aster.context_model"
        )
    owner, name = stacks[0]
    setattr(owner, name, getattr(owner, name)[:layers])
    network.config.num_hidden_layers = min(layers, deep)
    return network


def _with_lora(network: Any) -> Any:
    """Add LoRA's matrices to the attention's (or else to all) linear layers, in place."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ConfigError(
            "expected the package peft for detector.aster.context = 'lora', which is not installed; "
            "run: pip install 'rl-tsad[lora]', or set it to 'frozen'"
        ) from error
    names = {name.rsplit(".", 1)[-1] for name, part in network.named_modules() if hasattr(part, "weight")}
    usual = [name for name in _ATTENTION if name in names]
    if not usual:
        raise ConfigError(
            f"expected attention layers that LoRA can tune in {type(network).__name__}, got none; set "
            "detector.aster.context = 'frozen' or choose another detector.aster.context_model"
        )
    fan_in = "c_attn" in usual  # GPT-2 keeps its weights transposed
    tuned = LoraConfig(r=_RANK, lora_alpha=2 * _RANK, lora_dropout=0.0, target_modules=usual, fan_in_fan_out=fan_in)
    return inject_adapter_in_model(tuned, network)
