"""What each window looks like beside its whole series: robust statistics of its span and of its context.

The span is the part that the window decides (:func:`rl_tsad.types.spans_of`), the context the whole window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.detector.streams import STREAMS, Profile, surprise, trailing_mean
from rl_tsad.types import Bool, Float32, Int64, Windows, spans_of

KINDS = ("max", "pair", "middle", "mean", "context")
FEATURES: tuple[str, ...] = tuple(f"{stream}/{kind}" for stream in STREAMS for kind in KINDS)
_ROWS = 65_536  # points ranked at once
POINTWISE = ("step", "season", "spread", "cross", "rhythm")


def window_features(
    values: Float32, times: NDArray[Any], windows: Windows, profile: Profile, held: Int64 | None = None
) -> tuple[Float32, dict[str, Float32]]:
    """Describe windows by the surprise of their points.

    Each of the streams gives five numbers over the targets: the span's maximum of the largest channel (``max``),
    of the two largest channels' mean (``pair``) and of the middle channel (``middle``); the span's mean of the largest
    channel (``mean``); the whole window's mean of it (``context``).

    Args:
        values: (T, C) the series from its beginning; nothing after the last window's span is read.
        times: (T,) their times.
        windows: N windows over these values.
        profile: what is usual in the series.
        held: (C,) points for which each channel had stood still at the first one; 0 when omitted.

    Returns:
        (N, F) float32 >= 0, columns in the order of ``FEATURES``, and for each stream of ``POINTWISE`` the (T,)
        surprise of the largest channel.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> from rl_tsad.types import Series, slide
        >>> x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
        >>> w = slide(Series("a", x, np.arange(300), ("u", "v")), length=32, stride=8)
        >>> features, points = window_features(x, np.arange(300), w, fit_profile(x, np.arange(300)))
        >>> features.shape == (len(w), len(FEATURES)), points["season"].shape
        (True, (300,))
    """
    result = np.empty((len(windows), len(FEATURES)), np.float32)
    spans, points = spans_of(windows, len(values)), {}
    for row, stream in enumerate(surprise(values, times, profile, held)):
        channels = _over_channels(stream, profile.switching if STREAMS[row] == "switch" else profile.measured)
        result[:, len(KINDS) * row : len(KINDS) * (row + 1)] = _over_windows(channels, windows, spans)
        if STREAMS[row] in POINTWISE:
            points[STREAMS[row]] = channels[:, 0].copy()
    return result, points


def stream_points(values: Float32, times: NDArray[Any], profile: Profile) -> dict[str, Float32]:
    """Give the (T,) surprise of the largest channel for each stream of ``POINTWISE``, without any windows.

    Example:
        >>> from rl_tsad.detector.streams import fit_profile
        >>> x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
        >>> sorted(stream_points(x, np.arange(300), fit_profile(x, np.arange(300)))) == sorted(POINTWISE)
        True
    """
    rows = zip(STREAMS, surprise(values, times, profile), strict=True)
    return {name: stream[:, profile.measured].max(axis=1) for name, stream in rows if name in POINTWISE}


def columns_of(kinds: Sequence[str], streams: Sequence[str] = STREAMS) -> list[int]:
    """Give the positions of some features.

    Example:
        >>> [FEATURES[i] for i in columns_of(["max"], ["level", "step"])]
        ['level/max', 'step/max']
    """
    return [FEATURES.index(f"{stream}/{kind}") for stream in streams for kind in kinds]


def _over_channels(stream: Float32, channels: Bool) -> Float32:
    """(T, 3): the largest channel, the mean of the two largest, the middle one."""
    result = np.empty((len(stream), 3), np.float32)
    for low in range(0, len(stream), _ROWS):
        ranked = np.sort(stream[low : low + _ROWS, channels], axis=1)
        part = result[low : low + _ROWS]
        part[:, 0], part[:, 1] = ranked[:, -1], ranked[:, -2:].mean(axis=1)
        part[:, 2] = ranked[:, ranked.shape[1] // 2]
    return result


def _over_windows(channels: Float32, windows: Windows, spans: Int64) -> Float32:
    low, high = int(spans[0, 0]), int(spans[-1, 1])
    starts = spans[:, 0] - low
    tops = np.maximum.reduceat(channels[low:high], starts, axis=0)  # (N, 3)
    size = (spans[:, 1] - spans[:, 0]).astype(np.float32)
    mean = np.add.reduceat(channels[low:high, 0], starts) / size
    context = trailing_mean(channels[:high, 0], windows.length)[windows.starts + windows.length - 1]
    return np.concatenate([tops, mean[:, None], context[:, None]], axis=1)
