"""Encoders whose features stay on the device, joined to the gate without waiting for the host.

Each modality has a stream: copy in, network, row of the feature ring. The gate's stream waits for
them all, the host only for the gate. A sensor that delivers nothing costs nothing: its network is
not enqueued. All of it belongs to the thread that opened the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device import Device, DeviceArray, Event, Stream
from edge.encoders.engine import DeviceEngine, Engine
from edge.fusion.cuda import Compile, CudaFusion
from edge.fusion.parameters import FusionParameters
from edge.fusion.ring import ROWS_PER_ROOM, FeatureRing, Tickets
from edge.fusion.selftest import check_gate
from edge.values import FEATURE_DIM
from edge.vocabulary import Modality

STAGES = 2
"""Input buffers on the host for each modality: one is filled while the other is copied."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """A page-locked buffer, and when its copy is done."""

    array: NDArray[Any]
    copied: Event


class _Feed:
    """Copies host arrays to one device array, never changing a buffer under a copy."""

    def __init__(self, device: Device, target: DeviceArray, stream: Stream) -> None:
        self._device, self._target, self._stream = device, target, stream
        self._stages = [
            _Stage(device.pinned(target.shape, target.dtype), device.event()) for _ in range(STAGES)
        ]

    def push(self, rows: NDArray[Any]) -> None:
        """Enqueue one copy.  rows: at most as many as the target has

        Raises: ValueError when they are of another type or shape than the target's.
        """
        if rows.dtype != self._target.dtype or rows.shape[1:] != self._target.shape[1:]:
            raise ValueError(
                f"the network takes {self._target.dtype}{self._target.shape[1:]}, "
                f"not {rows.dtype}{rows.shape[1:]}"
            )
        stage = self._stages[0]
        self._stages.append(self._stages.pop(0))
        stage.copied.synchronize()  # of its last use; long done unless the device is late
        stage.array[: len(rows)] = rows
        self._device.copy_in(self._target.head(len(rows)), stage.array[: len(rows)], self._stream)
        stage.copied.record(self._stream)


class DeviceEncoder:
    """One modality's network on the device; as stages.Encoder, but returns tickets of the ring."""

    def __init__(
        self, modality: Modality, device: Device, engine: DeviceEngine, ring: FeatureRing
    ) -> None:
        self.modality = modality
        self._engine, self._ring = engine, ring
        self._stream = device.stream()
        self._feed = _Feed(device, engine.input, self._stream)

    def encode(self, batch: NDArray[Any]) -> Tickets:
        """batch: (B, *input_shape) of the modality's raw type   returns: (B,) at once"""
        largest = self._engine.input.shape[0]
        parts = [batch[at : at + largest] for at in range(0, len(batch), largest)]
        return joined([self._encode(part) for part in parts])

    def _encode(self, part: NDArray[Any]) -> Tickets:
        self._feed.push(part)
        self._engine.enqueue(len(part), self._stream)
        return self._ring.put(self.modality, self._engine.output, len(part), self._stream)


class HostEncoder:
    """One modality's network on the CPU, its features copied to the ring; see DeviceEncoder."""

    def __init__(
        self, modality: Modality, device: Device, engine: Engine, ring: FeatureRing, batch: int
    ) -> None:
        """batch: the most rows that one copy takes; more take several"""
        self.modality = modality
        self._engine, self._ring, self._batch = engine, ring, batch
        self._stream = device.stream()
        self._features = device.empty((batch, FEATURE_DIM), np.float32)
        self._feed = _Feed(device, self._features, self._stream)

    def encode(self, batch: NDArray[Any]) -> Tickets:
        """batch: (B, *input_shape) of the modality's raw type   returns: (B,)"""
        features = self._engine.run(batch) if len(batch) else np.zeros((0, FEATURE_DIM), np.float32)
        parts = [features[at : at + self._batch] for at in range(0, len(features), self._batch)]
        return joined([self._keep(part) for part in parts])

    def _keep(self, part: NDArray[np.float32]) -> Tickets:
        self._feed.push(part)
        return self._ring.put(self.modality, self._features, len(part), self._stream)


@dataclass(frozen=True, slots=True)
class DeviceRunner:
    """Encoders and gate that share one ring."""

    encoders: Mapping[Modality, DeviceEncoder | HostEncoder]
    fusion: CudaFusion


def make_runner(
    device: Device,
    engines: Mapping[Modality, DeviceEngine | Engine],
    parameters: FusionParameters,
    compiled: Compile,
    rooms: int,
    rows: int | None = None,
) -> DeviceRunner:
    """Join engines and gate; an engine that cannot ``enqueue`` runs on the CPU.

    rooms: the most that decide at once   rows: of the ring for each modality; None: enough
    Raises: CudaError, also when the gate on this device is not equal to the one on the CPU.
    """
    fusion = CudaFusion(parameters, device, compiled, rooms, rows or rooms * ROWS_PER_ROOM)
    check_gate(device, fusion, parameters)
    encoders: dict[Modality, DeviceEncoder | HostEncoder] = {}
    for modality, engine in engines.items():
        if isinstance(engine, DeviceEngine):
            encoders[modality] = DeviceEncoder(modality, device, engine, fusion.ring)
        else:
            encoders[modality] = HostEncoder(modality, device, engine, fusion.ring, rooms)
    return DeviceRunner(encoders, fusion)


def joined(parts: Sequence[Tickets]) -> Tickets:
    """One after another.  returns: (B,)"""
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
