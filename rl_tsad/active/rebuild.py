"""What a detector's patch VAE makes of windows, with NumPy alone, laid over a series as one line.

The network is trained and judges in :mod:`rl_tsad.detector.aster.encoder`. Whoever only draws what it expected reads
its weights here, so that no page has to load torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rl_tsad.data.scaling import Scale, apply_scale
from rl_tsad.errors import CheckpointError
from rl_tsad.types import Float32, Int64

LAYERS = ("encoder.0", "moments", "decoder.0", "decoder.2", "decoder.4")
"""The linear layers of the patch VAE, each with a ``weight`` and a ``bias``."""

_FLAT, _CLIP = 0.05, 10.0  # as in the detector; a test holds both to it
_AT_ONCE = 2_000_000  # values of windows that are rebuilt together: some 50 MB on the way


@dataclass(frozen=True)
class PatchVae:
    """The trained patch VAE, to be evaluated only.

    Attributes:
        length: L, points per window.
        width: W, channels; narrower series are padded with zeros.
        patch: points per patch.
        layers: weight (out, in) and bias (out,) of each of :data:`LAYERS`, float32.
    """

    length: int
    width: int
    patch: int
    layers: Mapping[str, tuple[Float32, Float32]]

    def __post_init__(self) -> None:
        (first, _), (last, _) = self.layers["encoder.0"], self.layers["decoder.4"]
        size = self.patch * self.width
        if first.shape[1] != size + 2 * self.width or last.shape[0] != size:
            raise CheckpointError(
                f"expected weights for patches of {self.patch} points and {self.width} channels, got {first.shape} and "
                f"{last.shape}; train again"
            )

    def copy(self, windows: Float32) -> Float32:
        """Encode windows (B, L, W) on the tape and decode their mean codes, as ``Aster.code`` does.

        Example:
            >>> shapes = {"encoder.0": (4, 12), "moments": (6, 4), "decoder.0": (4, 9), "decoder.2": (4, 4)}
            >>> shapes["decoder.4"] = (8, 4)
            >>> none = {name: (np.zeros(one, np.float32), np.ones(one[0], np.float32)) for name, one in shapes.items()}
            >>> PatchVae(10, 2, 4, none).copy(np.zeros((3, 10, 2), np.float32)).shape
            (3, 10, 2)
        """
        middle = (self.length - 1) // 2  # the lower of two
        level = np.partition(windows, middle, axis=1)[:, middle : middle + 1]  # (B, 1, W)
        scale = np.maximum(np.abs(windows - level).mean(axis=1, keepdims=True), np.float32(_FLAT))  # (B, 1, W)
        patches = self._cut((windows - level) / scale)  # (B, P, patch * W)
        facts = np.concatenate([level, np.log(scale)], axis=2)  # (B, 1, 2 W)
        facts = np.broadcast_to(facts, (len(windows), patches.shape[1], facts.shape[2]))
        hidden = _gelu(self._layer("encoder.0", np.concatenate([patches, facts], axis=2)))
        mean = np.split(self._layer("moments", hidden), 2, axis=2)[0]  # (B, P, Z)
        padded = np.pad(mean, ((0, 0), (1, 1), (0, 0)), mode="edge")
        beside = np.concatenate([padded[:, :-2], mean, padded[:, 2:]], axis=2)  # (B, P, 3 Z)
        hidden = _gelu(self._layer("decoder.2", _gelu(self._layer("decoder.0", beside))))
        whole = self._layer("decoder.4", hidden).reshape(len(windows), -1, self.width)
        return whole[:, whole.shape[1] - self.length :]

    def _cut(self, windows: Float32) -> Float32:
        front = np.repeat(windows[:, :1], -self.length % self.patch, axis=1)
        whole = np.concatenate([front, windows], axis=1)
        return whole.reshape(len(windows), -1, self.patch * self.width)

    def _layer(self, name: str, values: Float32) -> Float32:
        weight, bias = self.layers[name]
        return np.asarray(values @ weight.T + bias, np.float32)


def rebuild(vae: PatchVae, values: NDArray[Any], starts: Int64, scale: Scale) -> Float32:
    """Rebuild a stretch from the windows in it: at each point the mean of what all windows that hold it say.

    The mean is taken where the network works, on the scaled tape. A window with missing values says nothing.

    Args:
        vae: the trained network.
        values: (T, C) in the source's units.
        starts: (N,) first points of the windows within the stretch.
        scale: what is usual in the series, of its C channels.

    Returns:
        (T, C) float32 in the source's units; NaN where no window lies.

    Raises:
        CheckpointError: when the series has more channels than the network.
    """
    count, channels = values.shape
    if channels > vae.width:
        raise CheckpointError(f"expected at most {vae.width} channels, as in training, got {channels}; train again")
    tape = np.zeros((max(count, vae.length), vae.width), np.float32)
    np.arcsinh(apply_scale(values, scale, _CLIP), out=tape[:count, :channels])
    view = sliding_window_view(tape, vae.length, axis=0).transpose(0, 2, 1)  # (T - L + 1, L, W)
    total, holding = np.zeros(tape.shape), np.zeros(len(tape))
    step = max(1, _AT_ONCE // (vae.length * vae.width))
    for low in range(0, len(starts), step):
        some = starts[low : low + step]
        windows = np.ascontiguousarray(view[some])
        whole = np.isfinite(windows).all(axis=(1, 2))
        for start, copy in zip(some[whole].tolist(), vae.copy(windows[whole]), strict=True):
            total[start : start + vae.length] += copy
            holding[start : start + vae.length] += 1
    with np.errstate(invalid="ignore"):
        mean = total[:count, :channels] / holding[:count, None]
    return np.asarray(np.sinh(mean) * scale.spread + scale.center, np.float32)


def _gelu(values: Float32) -> Float32:
    """GELU, exact (Hendrycks & Gimpel, "Gaussian error linear units", 2016)."""
    from scipy.special import erf

    return np.asarray(0.5 * values * (1 + erf(values * np.float32(2**-0.5))), np.float32)
