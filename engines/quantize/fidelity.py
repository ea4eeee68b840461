"""How close INT8 comes to FP32: nothing is kept of an input but a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.values import F32

PERFECT_DB = 200.0  # stands for no noise at all
RARE = 1.0
"""Percentile of the cosines that is told beside their mean."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What became of the features of N frames or patches."""

    cosine: float  # mean of N
    cosine_rare: float  # 1 in 100 is below
    sqnr_db: float  # signal against quantisation noise, all elements together
    items: int


@dataclass(slots=True)
class Noise:
    """Running energies of a signal and of what was added to it."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, exact: F32, found: F32) -> None:
        """Compare two tensors of one shape."""
        self.signal += float(np.square(exact, dtype=np.float64).sum())
        self.noise += float(np.square(exact - found, dtype=np.float64).sum())

    @property
    def sqnr_db(self) -> float:
        """10 log10(signal / noise); PERFECT_DB without noise, 0 without a signal."""
        if self.noise == 0:
            return PERFECT_DB
        return float(10 * np.log10(self.signal / self.noise)) if self.signal else 0.0


@dataclass(slots=True)
class Comparison:
    """Gathers what two encoders gave for the same inputs."""

    _cosines: list[float] = field(default_factory=list)
    _noise: Noise = field(default_factory=Noise)

    def add(self, exact: F32, found: F32) -> None:
        """exact, found: (B, FEATURE_DIM)"""
        self._cosines += [float(c) for c in cosines(exact, found)]
        self._noise.add(exact, found)

    def result(self) -> Fidelity:
        """Raises: ValueError when nothing was compared."""
        if not self._cosines:
            raise ValueError("nothing was compared")
        rare = float(np.percentile(self._cosines, RARE))
        mean = float(np.mean(self._cosines))
        return Fidelity(mean, rare, self._noise.sqnr_db, len(self._cosines))


def cosines(exact: F32, found: F32) -> F32:
    """Cosine of each row with its counterpart; two rows of zeros agree.

    exact, found: (B, D)   returns: (B,)
    """
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(found, axis=1)
    dots = (exact * found).sum(axis=1)
    alike = np.all(exact == found, axis=1).astype(np.float32)
    return np.asarray(np.divide(dots, lengths, out=alike, where=lengths > 0))


@dataclass(frozen=True, slots=True)
class LayerError:
    """What INT8 does to one layer, and what the layer does to the features."""

    name: str
    output_db: float  # SQNR of its output in the INT8 graph: errors of all layers before add up
    alone_db: float  # SQNR of the features when nothing but this layer is INT8


def most_sensitive(errors: Sequence[LayerError]) -> list[str]:
    """Layers by the noise that each alone puts into the features, worst first."""
    return [error.name for error in sorted(errors, key=lambda error: error.alone_db)]
