"""Steps and ticks in, decisions out. Knows only the protocols: no hardware, no clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.features import Entry, RoomFeatures, RoomWindow
from edge.preprocess.frames import FrameInputs, FramePreprocessor
from edge.signals import audio_cues, audio_problem
from edge.stages import Decider, Encoder, Fusion
from edge.values import F32, Decision, Fused, FusedBatch, Reason, Step, Stream, Tick, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

Inputs = tuple[str, "FrameInputs | Tick"]


class Room:
    """What the pipeline remembers of one room between calls."""

    def __init__(self, enabled: frozenset[Modality], decider: Decider) -> None:
        self.frames = FramePreprocessor()
        self.features = RoomFeatures(enabled)
        self.decider = decider


class Pipeline:
    """From grid points to decisions, for all rooms at once."""

    def __init__(
        self, encoders: Mapping[Modality, Encoder], fusion: Fusion, deciders: Mapping[str, Decider]
    ) -> None:
        """encoders: those that are switched on; deciders: one for each room, by name."""
        self._encoders, self._fusion = dict(encoders), fusion
        enabled = frozenset(encoders)
        self._rooms = {name: Room(enabled, decider) for name, decider in deciders.items()}

    def feed(self, items: Sequence[tuple[str, Step | Tick]]) -> list[Decision]:
        """Take what the synchronisers of all rooms produced, each room's items in order.

        returns: the decisions, in the order of their ticks.
        """
        inputs = self._prepare(items)
        encoded = {m: self._encode(m, inputs) for m in self._encoders}
        decisions: list[Decision] = []
        ticks: list[tuple[str, Tick]] = []
        for position, (name, item) in enumerate(inputs):
            if any(room == name for room, _ in ticks):  # a room's window must not see its future
                decisions += self._decide(ticks)
                ticks = []
            self._remember(name, item, {m: rows.get(position) for m, rows in encoded.items()})
            if isinstance(item, Tick) and item.decides:
                ticks.append((name, item))
        return decisions + self._decide(ticks)

    def _prepare(self, items: Sequence[tuple[str, Step | Tick]]) -> list[Inputs]:
        """Turn steps into encoder inputs; grid points that only serve the next flow vanish here."""
        inputs: list[Inputs] = []
        for name, item in items:
            ready = item if isinstance(item, Tick) else self._rooms[name].frames.push(item)
            if ready is not None:
                inputs.append((name, ready))
        return inputs

    def _encode(self, modality: Modality, inputs: Sequence[Inputs]) -> dict[int, F32]:
        """Encode all that is there in one batch; returns features by position in ``inputs``."""
        tensors = {i: tensor_of(modality, item) for i, (_, item) in enumerate(inputs)}
        batch = {i: tensor for i, tensor in tensors.items() if tensor is not None}
        if not batch:
            return {}
        features = self._encoders[modality].encode(np.stack(list(batch.values())))
        return dict(zip(batch, features, strict=True))

    def _remember(
        self, name: str, item: FrameInputs | Tick, features: Mapping[Modality, F32 | None]
    ) -> None:
        room = self._rooms[name]
        for modality, feature in features.items():
            if (modality is Modality.AUDIO) != isinstance(item, Tick):
                continue
            if isinstance(item, Tick):
                cues = audio_cues(item.audio) if item.audio is not None else None
                reason = audio_reason(item)
            else:
                cues, reason = item.cues.get(modality), item.missing.get(modality)
            room.features.add(modality, Entry(item.t_ns, feature, cues), reason)

    def _decide(self, ticks: Sequence[tuple[str, Tick]]) -> list[Decision]:
        """One fused batch for all rooms that decide now."""
        if not ticks:
            return []
        windows = [self._rooms[name].features.window(tick.t_ns) for name, tick in ticks]
        batch = self._fusion.fuse(batch_of(windows))
        scores = [
            room_scores(name, tick, batch, row, window.missing)
            for row, ((name, tick), window) in enumerate(zip(ticks, windows, strict=True))
        ]
        return [self._rooms[fused.room].decider.decide(fused) for fused in scores]


def batch_of(windows: Sequence[RoomWindow]) -> WindowFeatures:
    """Stack the rooms' windows for the gate; a modality with nothing valid is not present."""
    valid = np.stack([window.valid for window in windows])
    return WindowFeatures(
        features=np.stack([window.features for window in windows]),
        valid=valid,
        present=valid.any(axis=2),
        quality=np.stack([window.quality for window in windows]),
    )


def audio_reason(tick: Tick) -> Reason | None:
    """Why a tick has no usable sound, or None when it has."""
    if tick.audio is None:
        return tick.missing.get(Stream.AUDIO, Reason.STALE)
    return audio_problem(tick.audio)


def tensor_of(modality: Modality, item: FrameInputs | Tick) -> NDArray[Any] | None:
    """The encoder input that an item holds for a modality, if any."""
    if isinstance(item, Tick):
        usable = modality is Modality.AUDIO and audio_reason(item) is None
        return item.audio if usable else None
    tensors: dict[Modality, NDArray[Any] | None] = {
        Modality.RGB: item.rgb,
        Modality.FLOW: item.flow,
        Modality.DEPTH: item.depth,
    }
    return tensors.get(modality)


def room_scores(
    name: str, tick: Tick, batch: FusedBatch, row: int, missing: Mapping[Modality, Reason]
) -> Fused:
    """One room's row of a fused batch."""
    nothing = len(missing) == len(MODALITIES)
    deaf = Modality.AUDIO in missing
    return Fused(
        room=name,
        t_ns=tick.t_ns,
        origin_ns=tick.origin_ns,
        actions=None if nothing else batch.actions[row],
        sounds=None if deaf else batch.sounds[row],
        experts=None if nothing else batch.experts[row],
        gate={m: float(batch.gate[row, i]) for i, m in enumerate(MODALITIES)},
        missing=missing,
    )
