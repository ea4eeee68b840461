"""A source with things going wrong: the same ones at the same samples on every reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from edge.compose import FileSource
from edge.faults import (
    Clipping,
    ClockJump,
    Dark,
    Drift,
    FaultScript,
    Freeze,
    Holes,
    Hum,
    Loss,
    Out,
    SensorFault,
    Silence,
)
from edge.values import AUDIO_RATE_HZ, Sample, Stream

Effect = Callable[[Sample, int], Sample | None]
"""A sample and its capture time since the first sample, ns -> what is left of it."""

_SECOND_NS = 1_000_000_000
_FULL_SCALE = 32_767
_HARMONICS = ((1, 1.0), (2, 0.5), (3, 0.25))


class FaultySource:
    """A file with the faults of a script; satisfies ``compose.FileSource``."""

    def __init__(self, source: FileSource, script: FaultScript) -> None:
        self._source, self._script = source, script

    @property
    def streams(self) -> frozenset[Stream]:
        """Those of the file: a sensor that fails is still offered."""
        return self._source.streams

    @property
    def digest(self) -> str:
        """Of file and script together, so that alarm ids tell one replay from another."""
        return sha256(f"{self._source.digest} {self._script.digest}".encode()).hexdigest()

    def samples(self) -> Iterator[Sample]:
        """What is left of the file's samples.  Raises: as the file's."""
        effects = make_effects(self._script)
        origin_ns: int | None = None
        for sample in self._source.samples():
            origin_ns = sample.t_ns if origin_ns is None else origin_ns
            left: Sample | None = sample
            for effect in effects:
                left = None if left is None else effect(left, sample.t_ns - origin_ns)
            if left is not None:
                yield left


def make_effects(script: FaultScript) -> list[Effect]:
    """Fresh effects, as before the first sample; each draws its own numbers from the seed."""
    makers: dict[type, Callable[..., Effect]] = {
        Out: lambda fault, _: lambda sample, now: None if _hits(fault, sample, now) else sample,
        Loss: _loss,
        Freeze: lambda fault, _: _Freezer(fault),
        Dark: lambda fault, _: _on_data(fault, Stream.RGB, lambda d: _darkened(d, fault.level)),
        Holes: _holes,
        Hum: lambda fault, _: _on_sound(fault, lambda sound, at: _hummed(fault, sound, at)),
        Silence: lambda fault, _: _on_sound(fault, lambda sound, _at: np.zeros_like(sound)),
        Clipping: lambda fault, _: _on_sound(
            fault, lambda sound, _at: _rounded(sound * 10 ** (fault.gain_db / 20))
        ),
        ClockJump: lambda fault, _: lambda sample, now: _jumped(fault, sample, now),
        Drift: lambda fault, _: lambda sample, now: _drifted(fault, sample, now),
    }
    return [
        makers[type(fault)](fault, np.random.default_rng([script.seed, index]))
        for index, fault in enumerate(script.faults)
        if isinstance(fault, SensorFault)
    ]


def _hits(fault: Out | Loss | Freeze, sample: Sample, elapsed_ns: int) -> bool:
    return sample.stream in fault.streams and fault.holds(elapsed_ns)


def _loss(fault: Loss, random: np.random.Generator) -> Effect:
    def effect(sample: Sample, elapsed_ns: int) -> Sample | None:
        return (
            None if _hits(fault, sample, elapsed_ns) and random.random() < fault.share else sample
        )

    return effect


class _Freezer:
    """Remembers each camera's last good picture."""

    def __init__(self, fault: Freeze) -> None:
        self._fault = fault
        self._last: dict[Stream, Sample] = {}

    def __call__(self, sample: Sample, elapsed_ns: int) -> Sample:
        if not _hits(self._fault, sample, elapsed_ns):
            self._last[sample.stream] = sample
            return sample
        held = self._last.setdefault(sample.stream, sample)
        # a copy, as a driver would deliver: the same picture, not the same object
        return replace(sample, data=held.data.copy())


def _on_data(
    fault: Dark | Holes,
    stream: Stream,
    change: Callable[[NDArray[np.generic]], NDArray[np.generic]],
) -> Effect:
    def effect(sample: Sample, elapsed_ns: int) -> Sample:
        if sample.stream is not stream or not fault.holds(elapsed_ns):
            return sample
        return replace(sample, data=change(sample.data))

    return effect


def _darkened(picture: NDArray[np.generic], level: float) -> NDArray[np.uint8]:
    return np.asarray(np.rint(picture * np.float32(level)), np.uint8)


def _holes(fault: Holes, random: np.random.Generator) -> Effect:
    def pierced(depth: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.where(random.random(depth.shape) < fault.share, 0, depth).astype(depth.dtype)

    return _on_data(fault, Stream.DEPTH, pierced)


def _on_sound(
    fault: Hum | Silence | Clipping,
    change: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> Effect:
    """change: of sound, with the seconds of each of its samples since the first sample"""

    def effect(sample: Sample, elapsed_ns: int) -> Sample:
        if sample.stream is not Stream.AUDIO:
            return sample
        at_ns = elapsed_ns + np.arange(len(sample.data)) * (_SECOND_NS / AUDIO_RATE_HZ)
        holds = (at_ns >= fault.at_s * _SECOND_NS) & (at_ns < fault.end_ns)
        if not holds.any():
            return sample
        changed = change(sample.data.astype(np.float64), at_ns / _SECOND_NS)
        return replace(
            sample, data=_rounded(np.where(holds, changed, sample.data)).astype(np.int16)
        )

    return effect


def _hummed(
    fault: Hum, sound: NDArray[np.float64], at_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    peak = _FULL_SCALE * 10 ** (fault.level_dbfs / 20)
    waves = (share * np.sin(2 * np.pi * n * fault.hz * at_s) for n, share in _HARMONICS)
    return np.asarray(sound + peak * sum(waves), np.float64)


def _rounded(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(np.rint(sound), -_FULL_SCALE - 1, _FULL_SCALE)


def _jumped(fault: ClockJump, sample: Sample, elapsed_ns: int) -> Sample:
    if sample.stream not in fault.streams or elapsed_ns < fault.at_s * _SECOND_NS:
        return sample
    return replace(sample, t_ns=sample.t_ns + round(fault.by_s * _SECOND_NS))


def _drifted(fault: Drift, sample: Sample, elapsed_ns: int) -> Sample:
    since_ns = max(0, elapsed_ns - round(fault.at_s * _SECOND_NS))
    if sample.stream not in fault.streams:
        return sample
    return replace(sample, t_ns=sample.t_ns + round(since_ns * fault.ppm / 1e6))
