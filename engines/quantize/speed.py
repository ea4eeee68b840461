"""FP32 against INT8 on this machine's CPU, in one run: absolute times depend on what else runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edge.encoders.engine import Engine
from edge.encoders.openvino import OpenVinoBackend

ROUNDS = 60
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Best of ROUNDS, one thread."""

    fp32_ms: float
    int8_ms: float

    @property
    def ratio(self) -> float:
        """How many times faster INT8 is."""
        return self.fp32_ms / self.int8_ms


def compare_speed(fp32: bytes, int8: bytes, batch: NDArray[Any], rounds: int = ROUNDS) -> Speed:
    """Time both graphs in turn, so that a busy neighbour hits both."""
    backend = OpenVinoBackend(threads=1)
    engines = [backend.load(fp32), backend.load(int8)]
    best = [float("inf"), float("inf")]
    for number in range(WARM_UP + rounds):
        for i, engine in enumerate(engines):
            taken = _seconds(engine, batch)
            if number >= WARM_UP:
                best[i] = min(best[i], taken)
    return Speed(best[0] * 1e3, best[1] * 1e3)


def _seconds(engine: Engine, batch: NDArray[Any]) -> float:
    start = time.perf_counter()
    engine.run(batch)
    return time.perf_counter() - start
