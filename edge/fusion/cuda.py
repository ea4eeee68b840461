"""The fusion stage on the device: all rooms in one launch of gate.cu, equal to reference.py.

Weights and features are rounded to half precision, sums are 32-bit floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device import Device, DeviceArray, Module, Stream
from edge.fusion.kernel import (
    GATE_ARGUMENTS,
    ROW_MISSING,
    THREADS,
    KernelForm,
    form_of,
    source,
    to_half,
    weights_of,
)
from edge.fusion.parameters import FusionParameters
from edge.fusion.ring import ROWS_PER_ROOM, FeatureRing
from edge.values import FusedBatch, Mask, WindowFeatures

Compile = Callable[[str, Sequence[str]], bytes]
"""Turns the text of a .cu file, with options, into code that Device.module loads."""


class GateKernel:
    """gate.cu with its weights and buffers on the device; every address is fixed for its life."""

    def __init__(
        self, device: Device, module: Module, p: FusionParameters, form: KernelForm, rooms: int
    ) -> None:
        """module: gate.cu compiled for ``form``   rooms: the most that one launch takes"""
        self._device, self._form, self.rooms = device, form, rooms
        self._kernel = module.kernel("gate", GATE_ARGUMENTS)
        self._weights = [device.upload(array) for array in weights_of(p)]
        self._parts = device.empty((rooms, form.modalities), form.part)
        self._turns = device.upload(np.zeros(rooms, np.uint32))
        self._rooms = device.empty((rooms,), form.room)
        self._verdicts = device.empty((rooms,), form.verdict)
        self.asked = device.pinned((rooms,), form.room)
        self.answered = device.pinned((rooms,), form.verdict)

    def enqueue(self, ring: DeviceArray, rooms: int, stream: Stream) -> None:
        """Ask about the first ``rooms`` of ``asked``; ``answered`` once the stream is done.

        ring: (rows, D) half precision, holds every row that is asked for
        """
        self._device.copy_in(self._rooms.head(rooms), self.asked[:rooms], stream)
        buffers = (ring, self._rooms, self._parts, self._turns, self._verdicts)
        grid = (self._form.modalities, rooms)
        self._kernel.launch(grid, THREADS, stream, *self._weights, *buffers)
        self._device.copy_out(self.answered[:rooms], self._verdicts.head(rooms), stream)


class CudaFusion:
    """Satisfies stages.Fusion; takes features by value, or as tickets of a ring on the device."""

    def __init__(
        self,
        parameters: FusionParameters,
        device: Device,
        compiled: Compile,
        rooms: int = 1,
        ring_rows: int = ROWS_PER_ROOM,
    ) -> None:
        """compiled: see ``Compile``; compiler.py has the one for devices

        rooms: the most that one launch takes; more take several
        ring_rows: of ``ring`` for each modality
        """
        form = form_of(parameters)
        module = device.module(compiled(source(), form.options))
        self._device, self._form = device, form
        self._gate = GateKernel(device, module, parameters, form, rooms)
        self._stream = device.stream()
        self._values = _Values(device, form, rooms)
        self.ring = FeatureRing(device, module, ring_rows, form.dim)

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        """See stages.Fusion; waits for the result, and for nothing before that."""
        step = self._gate.rooms
        parts = [
            self._answer(window, slice(at, at + step)) for at in range(0, len(window.present), step)
        ]
        verdicts = np.concatenate(parts) if parts else np.zeros(0, self._form.verdict)
        return FusedBatch(
            **{name: verdicts[name].copy() for name in self._form.verdict.names or ()}
        )

    def _answer(self, window: WindowFeatures, rooms: slice) -> NDArray[Any]:
        """Return struct Verdict for some rooms."""
        valid = np.asarray(window.valid[rooms] & window.present[rooms, :, None])
        asked = self._gate.asked[: len(valid)]
        features = window.features[rooms]
        memory, asked["rows"] = self._locate(features, valid)
        asked["quality"] = window.quality[rooms]  # of what is absent the kernel reads none
        self._gate.enqueue(memory, len(valid), self._stream)
        self._stream.synchronize()
        verdicts: NDArray[Any] = self._gate.answered[: len(valid)].copy()
        return verdicts

    def _locate(self, features: NDArray[Any], valid: Mask) -> tuple[DeviceArray, NDArray[np.int32]]:
        """Device memory that holds the features, and their rows in it."""
        if features.ndim == valid.ndim + 1:
            return self._values.copied(features, valid, self._stream)
        self.ring.join(self._stream)
        return self.ring.memory, self.ring.rows(features, valid)


class _Values:
    """Features that come from the host, copied for one launch."""

    def __init__(self, device: Device, form: KernelForm, rooms: int) -> None:
        shape = (rooms, form.modalities, form.steps, form.dim)
        self._device = device
        self._pinned = device.pinned(shape, np.float16)
        self._memory = device.empty(shape, np.float16)

    def copied(
        self, features: NDArray[Any], valid: Mask, stream: Stream
    ) -> tuple[DeviceArray, NDArray[np.int32]]:
        """features: (R, M, T, D)   valid: (R, M, T)   returns: memory, (R, M, T) rows"""
        pinned = self._pinned[: len(features)]
        pinned[:] = to_half(features)
        self._device.copy_in(self._memory.head(len(features)), pinned, stream)
        number = np.arange(valid.size, dtype=np.int32).reshape(valid.shape)
        return self._memory, np.where(valid, number, np.int32(ROW_MISSING))
