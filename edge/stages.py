"""The architecture on one page: each stage is a Protocol with one verb.

    Source -> Synchroniser -> Encoder (x4) -> Fusion -> Decider -> Publisher

Implementations inherit nothing. ``pipeline.py`` knows only these names; ``daemon.py`` is the one
module that names concrete classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from edge.values import (
    Alarm,
    Decision,
    Fused,
    FusedBatch,
    Sample,
    Step,
    Stream,
    Tick,
    WindowFeatures,
)
from edge.vocabulary import Modality


class Source(Protocol):
    """A sensor, or a file that stands for some."""

    @property
    def streams(self) -> frozenset[Stream]:
        """What this source offers; a stream that is not named here is ABSENT, not STALE."""

    def samples(self) -> Iterator[Sample]:
        """Yield samples, each stream in order of capture time; ends at the end of a file.

        Raises: SourceError.
        """


class Synchroniser(Protocol):
    """Puts one room's streams on the common time grid."""

    def push(self, sample: Sample) -> list[Step | Tick]:
        """Take one sample; return the grid points and decision ticks it completed, in order."""

    def flush(self) -> list[Step | Tick]:
        """End of file: return what is left, ending in one last deciding tick."""


class Encoder(Protocol):
    """One modality's stateless network."""

    @property
    def modality(self) -> Modality:
        """Which row of configuration this is."""

    def encode(self, batch: NDArray[Any]) -> NDArray[Any]:
        """batch: (B, *input_shape) of the modality's raw type

        returns: (B, FEATURE_DIM) float32, or (B,) tickets of features that stay on the device
        """


class Fusion(Protocol):
    """The gate, with temporal stage, experts and heads."""

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        """Weight what is present and score it; see fusion/reference.py for the formula."""


class Decider(Protocol):
    """One room's way from scores to alarms."""

    def decide(self, fused: Fused) -> Decision:
        """Take one decision's scores; return them with the alarms that changed."""


class Publisher(Protocol):
    """Takes alarms and room state towards the hub, never blocking on the network."""

    def alarms(self, changed: Sequence[Alarm]) -> None:
        """Make the transitions durable; returns once they are safely stored."""

    def activity(self, fused: Fused) -> None:
        """Latest activity of a room; may be dropped when newer news overtakes it."""
