"""Features that never leave the device: a ring of half-precision rows for each modality.

Each encoder writes at its own rate. What it has written is known by tickets, one a feature, which
count up for ever; a ticket is good until ``capacity`` later features of its modality were written.
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from edge.device import Device, DeviceArray, Module, Stream
from edge.fusion.kernel import ROW_MISSING, STORE_ARGUMENTS, THREADS
from edge.values import FEATURE_DIM, Mask
from edge.vocabulary import MODALITIES, Modality

log = logging.getLogger(__name__)

Tickets = NDArray[np.int64]
Rows = NDArray[np.int32]

ROWS_PER_ROOM = 1024
"""Of each modality: over two minutes of video features, 2 MiB for all four modalities."""


class FeatureRing:
    """All rooms' features; written by encoders on their streams, read by the gate on its own."""

    def __init__(
        self, device: Device, module: Module, capacity: int, dim: int = FEATURE_DIM
    ) -> None:
        """module: gate.cu   capacity: rows of ``dim`` for each modality, shared by the rooms"""
        self.capacity = capacity
        self.memory: DeviceArray = device.empty((len(MODALITIES) * capacity, dim), np.float16)
        self._store = module.kernel("store", STORE_ARGUMENTS)
        self._written = {m: device.event() for m in MODALITIES}
        self._next = dict.fromkeys(MODALITIES, 0)
        self.forgotten = 0  # features asked for after others had taken their rows

    def put(self, modality: Modality, features: DeviceArray, batch: int, stream: Stream) -> Tickets:
        """Enqueue keeping the first rows of ``features``, (max batch, FEATURE_DIM) float32.

        returns: (batch,) tickets, at once
        """
        if batch > self.capacity:
            raise ValueError(f"{batch} features do not fit into a ring of {self.capacity}")
        first = self._next[modality]
        if batch:
            start = MODALITIES.index(modality) * self.capacity
            place = (start, first % self.capacity, self.capacity)
            self._store.launch((batch, 1), THREADS, stream, features, self.memory, *place)
            self._written[modality].record(stream)
        self._next[modality] = first + batch
        return np.arange(first, first + batch, dtype=np.int64)

    def join(self, stream: Stream) -> None:
        """Let ``stream`` wait for everything put so far; the host does not wait."""
        for event in self._written.values():
            stream.wait(event)

    def rows(self, tickets: Tickets, valid: Mask) -> Rows:
        """Where the features are: tickets, valid: (R, M, T)   returns: (R, M, T) rows of memory

        ROW_MISSING where not valid, and where the row has been written again since.
        """
        newest = np.array([self._next[m] for m in MODALITIES])[:, None]
        kept = valid & (tickets >= newest - self.capacity) & (tickets < newest)
        self._count(int((valid & ~kept).sum()))
        start = np.arange(len(MODALITIES))[:, None] * self.capacity
        return np.where(kept, start + tickets % self.capacity, ROW_MISSING).astype(np.int32)

    def _count(self, forgotten: int) -> None:
        if not forgotten:
            return
        before, self.forgotten = self.forgotten, self.forgotten + forgotten
        if before.bit_length() != self.forgotten.bit_length():  # 1, 2, 4, 8, ... of them
            log.warning("a room lags: forgotten features total=%d", self.forgotten)
