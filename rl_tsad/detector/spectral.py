"""Which points stand out where the spectrum does? Spectral residual (Ren et al., KDD 2019, section 3.2)."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from rl_tsad.detector.patches import blocks
from rl_tsad.types import Float32

LENGTH, STRIDE = 64, 8  # points that a spectrum is taken of, and of them the last ones that it judges
_FILTER, _PAST = 3, 21  # means over the log spectrum and over the saliency before a point
_AHEAD = 5  # points by which a stretch is continued, so that the judged ones are not its edge


def spectral_residual(view: Float32) -> Float32:
    """Give how salient each point is, in the worst of the channels.

    The publication takes one spectrum of the whole series; here one is taken of each stretch that ends at most eight
    points later, so that a score needs nothing of the far future and memory does not grow.

    Args:
        view: (T, K) values in units of their usual deviation.

    Returns:
        (T,) float32 >= 0, how much the saliency map lies over its mean before.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> wave[300] += 3
        >>> int(spectral_residual(wave).argmax())
        300
    """
    points, width = view.shape
    lead, tail = LENGTH - STRIDE, -points % STRIDE
    padded = np.pad(view, ((lead, tail), (0, 0)), mode="symmetric")
    parts, place = [], 0
    for block in blocks(padded, LENGTH):
        chosen = block[-place % STRIDE :: STRIDE].reshape(-1, width, LENGTH)
        parts.append(_saliency(chosen)[:, :, -STRIDE:].max(axis=1))
        place += len(block)
    return np.concatenate(parts).reshape(-1)[:points].astype(np.float32)


def _saliency(stretches: Float32) -> Float32:
    """Saliency (B, K, L) of each point over the mean before it."""
    slope = (stretches[:, :, -1:] - stretches[:, :, -_AHEAD - 1 : -1]) / np.arange(_AHEAD, 0, -1, dtype=np.float32)
    ahead = stretches[:, :, -_AHEAD, None] + _AHEAD * slope.mean(axis=2, keepdims=True)
    longer = np.concatenate([stretches, np.repeat(ahead, _AHEAD, axis=2)], axis=2)
    spectrum = np.fft.rfft(longer, axis=2)
    size = np.abs(spectrum) + 1e-8
    log = np.log(size)
    residual = np.exp(log - uniform_filter1d(log, _FILTER, axis=2))
    saliency = np.abs(np.fft.irfft(spectrum / size * residual, n=longer.shape[2], axis=2))[:, :, : stretches.shape[2]]
    before = uniform_filter1d(saliency, _PAST, axis=2, origin=(_PAST - 1) // 2, mode="nearest")
    return np.asarray(np.maximum(saliency - before, 0) / (before + 1e-6), np.float32)
