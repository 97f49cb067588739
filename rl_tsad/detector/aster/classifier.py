"""Which positions of a window are generated rather than real, and is the window's span among them?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rl_tsad.config import AsterConfig
from rl_tsad.detector.aster.context import PatchContext
from rl_tsad.errors import ConfigError


class Classifier(nn.Module):
    """Reads a token a patch and answers for each of its positions, and for the window's span in one summary token.

    A token holds the patch's code (ASTER), its values, and the robust statistics of its positions. Between the tokens
    stands a Transformer (ASTER's choice), an MLP over all tokens at once, or nothing (``linear``).

    Args:
        patches: P, patches per window.
        patch: points per patch.
        inputs: numbers per patch.
        statistics: S, statistics per position.
        config: sizes.

    Raises:
        ConfigError: when the width does not divide by the heads.
    """

    def __init__(self, patches: int, patch: int, inputs: int, *, statistics: int, config: AsterConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise ConfigError(
                f"expected detector.aster.width to divide by heads, got {config.width} and {config.heads}; change one"
            )
        self.patch, self.statistics = patch, statistics
        self.enter = nn.Linear(inputs, config.width)
        self.position = nn.Parameter(0.1 * torch.randn(patches + 1, config.width))
        self.context = None if config.context == "off" else PatchContext(config)
        self.body = _body(patches + 1, config)
        self.points = nn.Linear(config.width, patch * (1 + statistics))
        self.window = nn.Linear(config.width + 2, 1)

    def forward(self, tokens: Tensor, statistics: Tensor, span: int) -> tuple[Tensor, Tensor, Tensor]:
        """Judge windows.

        Args:
            tokens: (B, P, I).
            statistics: (B, P, patch * S) of the patches' positions.
            span: last positions of a window that the window's own logit speaks of.

        Returns:
            (B, P * patch) and (B,) logits of "generated", (B, D) summary, the embedding.
        """
        entered = self.enter(tokens)  # (B, P, D)
        entered = entered if self.context is None else entered + self.context(entered)
        summary = entered.mean(dim=1, keepdim=True)
        read = self.body(torch.cat([summary, entered], dim=1) + self.position)  # (B, P + 1, D)
        heads = self.points(read[:, 1:])
        heads = heads.reshape(*heads.shape[:2], self.patch, 1 + self.statistics)  # (B, P, patch, 1 + S)
        own = statistics.reshape(*statistics.shape[:2], self.patch, self.statistics)
        points = (heads[..., 0] + (heads[..., 1:] * own).sum(dim=3) / self.statistics).flatten(1)  # (B, P * patch)
        last = points[:, -span:]
        facts = torch.stack([last.amax(dim=1), last.mean(dim=1)], dim=1)  # (B, 2)
        return points, self.window(torch.cat([read[:, 0], facts], dim=1))[:, 0], read[:, 0]


def _body(tokens: int, config: AsterConfig) -> nn.Module:
    if config.classifier == "linear":
        return nn.Identity()
    if config.classifier == "mlp":
        size = tokens * config.width
        return nn.Sequential(
            nn.Flatten(), nn.Linear(size, 4 * config.width), nn.GELU(), nn.Linear(4 * config.width, size),
            nn.Unflatten(1, (tokens, config.width)),
        )  # fmt: skip
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, 2 * config.width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, config.depth, nn.LayerNorm(config.width), enable_nested_tensor=False)
