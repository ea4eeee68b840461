"""Fault scripts: what goes wrong when in a replay, written in YAML.

    seed: 7
    faults:
      - {kind: out, at_s: 10, for_s: 5}                  # the camera is unplugged
      - {kind: loss, share: 0.3, streams: [rgb]}         # three pictures in ten are lost
      - {kind: hum, at_s: 20, for_s: 10, hz: 50, level_dbfs: -20}
      - {kind: clock_jump, at_s: 30, by_s: 2.5}
      - {kind: broker_outage, at_s: 40, for_s: 5}

Times count from the recording's first sample. Without ``for_s`` a fault lasts to the end.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.section import Section
from edge.settings import load_yaml
from edge.values import Stream

Camera = Literal[Stream.RGB, Stream.DEPTH]
CAMERAS: frozenset[Camera] = frozenset({Stream.RGB, Stream.DEPTH})

_SECOND_NS = 1_000_000_000
_LONGEST_S = 604_800.0


class Fault(Section):
    """Something that goes wrong for a while."""

    at_s: float = Field(default=0.0, ge=0, le=_LONGEST_S)
    for_s: float | None = Field(default=None, gt=0, le=_LONGEST_S)

    def holds(self, elapsed_ns: int) -> bool:
        """elapsed_ns: of capture time since the first sample"""
        return self.at_s * _SECOND_NS <= elapsed_ns < self.end_ns

    @property
    def end_ns(self) -> float:
        """When it is over; infinite when it stays."""
        return float("inf") if self.for_s is None else (self.at_s + self.for_s) * _SECOND_NS


class Out(Fault):
    """Sensors that deliver nothing: unplugged, or their driver hangs."""

    kind: Literal["out"]
    streams: frozenset[Stream] = Field(default=frozenset(CAMERAS), min_length=1)


class Loss(Fault):
    """Single deliveries that are lost at random."""

    kind: Literal["loss"]
    share: float = Field(gt=0, le=1)
    streams: frozenset[Stream] = Field(default=frozenset(CAMERAS), min_length=1)


class Freeze(Fault):
    """A camera that goes on delivering the same picture."""

    kind: Literal["freeze"]
    streams: frozenset[Camera] = Field(default=CAMERAS, min_length=1)


class Dark(Fault):
    """A covered lens, or a lamp that went out."""

    kind: Literal["dark"]
    level: float = Field(default=0.0, ge=0, lt=1)  # share of the light that is left


class Holes(Fault):
    """Depth pixels without return, other ones in each picture."""

    kind: Literal["holes"]
    share: float = Field(gt=0, le=1)


class Hum(Fault):
    """Mains hum with its second and third harmonic."""

    kind: Literal["hum"]
    hz: float = Field(default=50.0, ge=20, le=400)
    level_dbfs: float = Field(default=-20.0, ge=-80, le=0)  # peak of the fundamental


class Silence(Fault):
    """A muted microphone: digital zero."""

    kind: Literal["silence"]


class Clipping(Fault):
    """A microphone whose gain is far too high."""

    kind: Literal["clipping"]
    gain_db: float = Field(default=30.0, gt=0, le=90)


class ClockJump(Section):
    """A device whose clock jumps, forwards or back, and stays there."""

    kind: Literal["clock_jump"]
    at_s: float = Field(ge=0, le=_LONGEST_S)
    by_s: float = Field(ge=-86_400, le=86_400)
    streams: frozenset[Stream] = Field(default=frozenset(Stream), min_length=1)


class Drift(Section):
    """A device whose clock runs too fast (above 0) or too slow."""

    kind: Literal["drift"]
    at_s: float = Field(default=0.0, ge=0, le=_LONGEST_S)
    ppm: float = Field(ge=-100_000, le=100_000)
    streams: frozenset[Stream] = Field(min_length=1)


class BrokerOutage(Section):
    """The broker is gone; alarms wait in the outbox."""

    kind: Literal["broker_outage"]
    at_s: float = Field(ge=0, le=_LONGEST_S)
    for_s: float = Field(gt=0, le=_LONGEST_S)


SensorFault = Out | Loss | Freeze | Dark | Holes | Hum | Silence | Clipping | ClockJump | Drift
AnyFault = Annotated[SensorFault | BrokerOutage, Field(discriminator="kind")]


class FaultScript(Section):
    """Everything that goes wrong; applied in the order given."""

    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    faults: tuple[AnyFault, ...] = Field(min_length=1, max_length=256)

    @model_validator(mode="after")
    def _one_outage_at_a_time(self) -> FaultScript:
        outages = self.outages
        for before, after in pairwise(outages):
            if after.at_s < before.at_s + before.for_s:
                raise ValueError(f"faults: two broker_outage overlap at {after.at_s:g} s")
        return self

    @property
    def outages(self) -> tuple[BrokerOutage, ...]:
        """When the broker is gone, first one first."""
        found = (fault for fault in self.faults if isinstance(fault, BrokerOutage))
        return tuple(sorted(found, key=lambda outage: outage.at_s))

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal of what the script says, however it is written."""
        content = [f"{type(fault).__name__} {sorted(_plain(fault))}" for fault in self.faults]
        return sha256(f"{self.seed} {content}".encode()).hexdigest()


def _plain(fault: Section) -> list[tuple[str, str]]:
    """Name and value of every field, sets in order."""
    fields = fault.model_dump(mode="json")
    return [(k, str(sorted(v) if isinstance(v, list) else v)) for k, v in fields.items()]


def load_faults(path: Path) -> FaultScript:
    """Read and check a fault script.  Raises: MissingFileError, ConfigError, in one line."""
    return load_yaml(path, FaultScript, "docs/faults.example.yaml")
