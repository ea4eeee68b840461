"""Running histograms of magnitudes: all that calibration keeps of a picture or a sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError

F64 = NDArray[np.float64]
BINS = 2048
SMALLEST_TOP = 2.0**-40


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each magnitude |x| was seen; a value, so that an interrupted update leaves none.

    ``top`` is a power of two and doubles when something larger comes: pairs of bins merge exactly,
    so the order of batches does not matter.
    """

    counts: F64  # (BINS,) of |x| in [0, top)
    top: float
    largest: float  # exact

    def add(self, values: NDArray[np.float32]) -> Histogram:
        """Count every element.  Raises: ValueError when some are not finite."""
        magnitudes = np.abs(values, dtype=np.float32).reshape(-1)
        largest = float(magnitudes.max(initial=0.0))
        if not np.isfinite(largest):
            raise ValueError("values that are not finite cannot be counted")
        grown = self._up_to(largest)
        scaled = (magnitudes * np.float32(BINS / grown.top)).astype(np.int32)
        counted = np.bincount(np.minimum(scaled, BINS - 1), minlength=BINS)
        return Histogram(grown.counts + counted, grown.top, max(self.largest, largest))

    def _up_to(self, magnitude: float) -> Histogram:
        counts, top = self.counts, self.top
        while top <= magnitude:
            pairs = counts.reshape(-1, 2).sum(axis=1)
            counts, top = np.concatenate([pairs, np.zeros(BINS // 2)]), 2 * top
        return Histogram(counts, top, self.largest)


EMPTY = Histogram(np.zeros(BINS), SMALLEST_TOP, 0.0)


def write_histograms(path: Path, seen: Mapping[str, Histogram], model: str, seconds: float) -> None:
    """Keep counts for a later run; the file appears whole or not at all.

    model: digest of the graph that made them   seconds: how long it watched
    """
    names = sorted(seen)
    partial = path.with_suffix(".part.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            partial,
            model=np.array(model),
            seconds=np.array(seconds),
            names=np.array(names, np.str_),
            counts=np.array([seen[n].counts for n in names]),
            limits=np.array([(seen[n].top, seen[n].largest) for n in names]),
        )
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose another --work") from error


def read_histograms(path: Path, model: str) -> tuple[dict[str, Histogram], float]:
    """Counts of an earlier run, and of how long; nothing when they are of another model."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            if str(arrays["model"]) != model:
                return {}, 0.0
            rows = zip(arrays["names"], arrays["counts"], arrays["limits"], strict=True)
            seen = {str(n): Histogram(c, float(t), float(x)) for n, c, (t, x) in rows}
            return seen, float(arrays["seconds"])
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}, 0.0
