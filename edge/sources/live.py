"""A live GStreamer pipeline as a source: capture times, silence, and a quick end.

The pipeline runs on CLOCK_MONOTONIC, so base time plus running time is the capture time. Late
samples are dropped, oldest first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edge.clock import Clock, SystemClock
from edge.sources import gst as core
from edge.sources.device_errors import Remedies, SilentError, device_error
from edge.sources.patience import HungError, bounded, check_answered
from edge.sources.sound_clock import SoundClock
from edge.values import AUDIO_RATE_HZ, Sample, Stream

PICTURE_SINK = "appsink name=rgb sync=false max-buffers=2 drop=true"
SOUND_SINK = "appsink name=audio sync=false max-buffers=50 drop=true"
"""The ends of a live pipeline, named after their streams."""

SILENT_S = 5.0
START_S, STOP_S = 10.0, 1.0  # a device that takes longer hangs
_SECOND_NS = 1_000_000_000
_WAIT_NS = 20_000_000
_KINDS = {Stream.RGB: "picture", Stream.AUDIO: "sound"}


@dataclass(frozen=True, slots=True)
class LivePlan:
    """Everything about one live pipeline."""

    what: str  # how messages call the device
    description: str  # ends in the sinks above
    streams: frozenset[Stream]
    needed: Stream  # when this one stops, the device has
    remedies: Remedies
    # element -> property -> value: what must not be put in a description, lest it be taken for one
    properties: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    silent_s: float = SILENT_S  # without the needed stream for this long, the device has stopped


class LiveSource:
    """Samples of a device as they come; satisfies ``stages.Source`` and ``intake.Closable``."""

    def __init__(self, plan: LivePlan, clock: Clock | None = None) -> None:
        """clock: to notice silence; None: the system's"""
        self.plan = plan
        self._clock = clock or SystemClock()
        self._closing = threading.Event()

    @property
    def streams(self) -> frozenset[Stream]:
        """What the device gives when all is well."""
        return self.plan.streams

    def close(self) -> None:
        """Let ``samples`` end within a moment; may be called from any thread."""
        self._closing.set()

    def samples(self) -> Iterator[Sample]:
        """Samples as they come, until ``close``; each stream in order of capture time.

        Raises: DeviceError of the kind that fits, also when nothing comes.
        """
        delivered = False
        try:
            with self._playing() as pipeline:
                for sample in self._pulled(pipeline):
                    yield sample
                    delivered = True
        except core.GstError as error:
            plan = self.plan
            raise device_error(error, plan.what, plan.remedies, delivered) from error

    @contextmanager
    def _playing(self) -> Iterator[core.Pipeline]:
        """A started pipeline; stopped on leaving the block, and left to itself if it hangs."""
        check_answered()
        pipeline = core.Pipeline(core.load(), self.plan.description)
        for name, values in self.plan.properties.items():
            for key, value in values.items():
                pipeline.bin.get_by_name(name).set_property(key, value)
        try:
            bounded("start", pipeline.play_live, START_S)
            yield pipeline
        finally:
            # Behind a start that hangs, this waits for its end in a thread of its own.
            with suppress(HungError):
                bounded("stop", pipeline.stop, STOP_S)

    def _pulled(self, pipeline: core.Pipeline) -> Iterator[Sample]:
        """Raises: GstError."""
        needed, silent_ns = self.plan.needed, self.plan.silent_s * _SECOND_NS
        sinks = {stream: pipeline.bin.get_by_name(stream.value) for stream in self.plan.streams}
        order, sound, heard_ns = Order(), SoundClock(), self._clock.monotonic_ns()
        while not self._closing.is_set():
            for stream, sink in sinks.items():
                for sample in self._waiting(pipeline, stream, sink):
                    if stream is Stream.AUDIO:
                        t_ns = sound.place(sample.t_ns, len(sample.data))
                        sample = replace(sample, t_ns=t_ns)
                    if order.rises(sample):
                        yield sample
                        heard_ns = self._clock.monotonic_ns() if stream is needed else heard_ns
            if sinks[needed].is_eos():
                raise core.GstError("the device has ended its stream")
            if self._clock.monotonic_ns() - heard_ns > silent_ns:
                raise SilentError(f"no {_KINDS[needed]} for {self.plan.silent_s:g} s")

    def _waiting(self, pipeline: core.Pipeline, stream: Stream, sink: Any) -> Iterator[Sample]:
        """Wait for one sample of the needed stream; take what there is of the other."""
        needed = stream is self.plan.needed
        while delivery := pipeline.pull(sink, _WAIT_NS if needed else 0):
            yield sample_of(stream, delivery, pipeline.bin.get_base_time(), self._clock)
            if needed:
                return


class Order:
    """Each stream's capture times must rise; RTP corrects its time line now and then."""

    def __init__(self) -> None:
        self._reached_ns: dict[Stream, int] = {}

    def rises(self, sample: Sample) -> bool:
        """Whether the sample is later than all of its stream before it."""
        if sample.t_ns <= self._reached_ns.get(sample.stream, -1):
            return False
        self._reached_ns[sample.stream] = sample.t_ns
        return True


def sample_of(stream: Stream, delivery: core.Delivery, base_ns: int, clock: Clock) -> Sample:
    """One buffer with its capture time; arrival less duration only where the buffer has no time."""
    data = delivery.data
    if stream is Stream.AUDIO:
        data = delivery.data.view("<i2").astype(np.int16)
    if delivery.t_ns is not None:
        return Sample(stream, base_ns + delivery.t_ns, data)
    lasts_ns = len(data) * _SECOND_NS // AUDIO_RATE_HZ if stream is Stream.AUDIO else 0
    return Sample(stream, clock.monotonic_ns() - lasts_ns, data)
