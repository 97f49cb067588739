"""How long is a series' period? The answer is the sliding window of VUS, as the TSB-AD benchmark derives it."""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len

from rl_tsad.errors import DataError
from rl_tsad.types import Float32, Float64

DEFAULT_PERIOD = 125
"""Given where no period is found."""

_READ = 20_000
_LAGS = 400
_SHORTEST = 3
_LONGEST = 300


def find_period(values: Float32 | Float64) -> int:
    """Estimate the period as TSB-AD does, which fixes the window of VUS: the highest peak of the autocorrelation.

    Equal to ``find_length_rank(data, rank=1)`` of the TSB-AD package (Liu & Paparrizos, "The Elephant in the Room:
    Towards a Reliable Time-Series Anomaly Detection Benchmark", NeurIPS 2024), its oddities included: lags below 3 are
    not looked at, a peak at lag 3 to 5 or above 303 counts as none, as does a peak past the first 20,000 points.
    The biased autocorrelation comes from a complex FFT as there, because a series without a period is decided by
    peaks of the size of rounding errors.

    Args:
        values: (T,) one channel, in any unit; TSB-AD takes the first one of a multivariate series. A missing value
            leaves no period to be found.

    Returns:
        The period in samples, 6 to 303; ``DEFAULT_PERIOD`` where there is none.

    Raises:
        DataError: when values are not one channel, or there are none.

    Example:
        >>> find_period(np.sin(np.arange(600) * 2 * np.pi / 24))
        24
        >>> find_period(np.zeros(600))
        125
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not len(series):
        raise DataError(f"expected one channel of values (T,), got {series.shape}; give the first target channel")
    read = np.ascontiguousarray(series[:_READ])
    if not np.isfinite(read).all() or (read == read[0]).all():
        return DEFAULT_PERIOD
    correlation = _autocorrelation(read)[_SHORTEST : _LAGS + 1]
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:]))
    if not len(peaks):
        return DEFAULT_PERIOD
    highest = int(peaks[np.argsort(correlation[peaks])[-1]])
    return highest + _SHORTEST if _SHORTEST <= highest <= _LONGEST else DEFAULT_PERIOD


def _autocorrelation(series: Float64) -> Float64:
    """Biased autocorrelation (T,) at lags 0 to T - 1 of a series that is not constant."""
    spectrum = np.fft.fft(series - series.mean(), n=next_fast_len(2 * len(series) + 1, real=True))
    covariance = np.fft.ifft(spectrum * np.conjugate(spectrum))[: len(series)].real / len(series)
    return np.asarray(covariance / covariance[0])
