"""Whether an engine computes what its ONNX file says, on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.encoders.engine import Engine
from edge.errors import PlanError
from edge.values import F32

MIN_COSINE = {"fp32": 0.999, "int8": 0.98}
"""Of the worst vector. Floats differ by order of sums and by TF32. In INT8 a sum that rounds the
other way moves a value by a whole step, and later layers with it: two CPU runtimes that compute the
same INT8 encoders agree to .996."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near two engines are to each other."""

    vectors: int
    finite: bool
    worst_cosine: float  # of the reference to the candidate's batch, and to its rows one by one
    mean_cosine: float
    worst_difference: float  # |candidate - reference| / |reference|, of one vector
    batch_difference: float  # the same, of the candidate alone: all at once against one by one

    def complaint(self, limit: float) -> str | None:
        """Why the candidate must not stand for the reference; None when it may."""
        if not self.finite:
            return "features that are not finite"
        if self.worst_cosine < limit:
            return f"cosine {self.worst_cosine:.4f} to the ONNX file, at least {limit} is needed"
        return None


def compare(reference: Engine, candidate: Engine, vectors: NDArray[Any]) -> Agreement:
    """vectors: (N, *input shape) of the raw type, N at least 1"""
    expected = np.concatenate([reference.run(row[None]) for row in vectors])
    together = candidate.run(vectors)
    single = np.concatenate([candidate.run(row[None]) for row in vectors])
    finite = bool(np.isfinite(together).all() and np.isfinite(single).all())
    cosines = np.minimum(cosine(expected, together), cosine(expected, single))
    return Agreement(
        vectors=len(vectors),
        finite=finite,
        worst_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        worst_difference=float(difference(expected, single).max()),
        batch_difference=float(difference(single, together).max()),
    )


def cosine(one: F32, other: F32) -> NDArray[np.float64]:
    """one, other: (N, D)   returns: (N,); 1 for two zeros, 0 for a zero against anything else"""
    a, b = one.astype(np.float64), other.astype(np.float64)
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(axis=1) & ~b.any(axis=1)
    products = (a * b).sum(axis=1) / np.where(sizes > 0, sizes, 1)
    return np.where(both_zero, 1.0, products)


def difference(expected: F32, found: F32) -> NDArray[np.float64]:
    """expected, found: (N, D)   returns: (N,) relative to the size of ``expected``"""
    size = np.linalg.norm(expected.astype(np.float64), axis=1)
    apart = np.linalg.norm(found.astype(np.float64) - expected, axis=1)
    return np.asarray(apart / np.where(size > 0, size, 1))


def check(name: str, agreement: Agreement, precision: str) -> None:
    """Raises: PlanError when the two do not agree."""
    complaint = agreement.complaint(MIN_COSINE[precision])
    if complaint is not None:
        raise PlanError(
            f"the plan of {name} does not compute its model: {complaint}; it is not used, the CPU "
            "goes on; report it with the output of: gatehouse doctor"
        )
