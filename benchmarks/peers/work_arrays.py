"""Two functions over arrays."""

import numpy as np


def v1(v0: np.ndarray) -> np.ndarray:
    """Return a brighter picture."""
    return v0 * 1.5


def v2(v1: np.ndarray) -> float:
    """Return the mean."""
    return float(np.mean(v1))
