"""How undecided the agent is: plain arithmetic on probabilities."""

from __future__ import annotations

import numpy as np

from rl_tsad.types import Float32


def margin(probability: Float32) -> Float32:
    """Give the distance between the two actions' probabilities, |P(anomaly) - P(normal)| (Scheffer et al., 2001).

    Args:
        probability: (N,) P(anomaly) in [0, 1].

    Returns:
        (N,) float32 in [0, 1]; 0 is undecided, 1 is certain.

    Example:
        >>> margin(np.array([0.5, 1.0, 0.25], np.float32)).tolist()
        [0.0, 1.0, 0.5]
    """
    return np.asarray(np.abs(2.0 * probability - 1.0), dtype=np.float32)


def entropy(probability: Float32) -> Float32:
    """Give Shannon's entropy of the verdict in bits.

    With two actions it ranks windows as the margin does; its shape, flat around one half, makes it the better weight.

    Args:
        probability: (N,) P(anomaly) in [0, 1].

    Returns:
        (N,) float32 in [0, 1]; 1 is undecided, 0 is certain.

    Example:
        >>> entropy(np.array([0.5, 1.0], np.float32)).tolist()
        [1.0, 0.0]
    """
    both = np.stack([probability, 1.0 - probability]).astype(np.float64)
    logs = np.log2(both, out=np.zeros_like(both), where=both > 0)
    return np.asarray(np.abs(both * logs).sum(axis=0), dtype=np.float32)
