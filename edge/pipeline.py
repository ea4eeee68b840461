"""Steps and ticks in, decisions out. Knows only the protocols: no hardware, no clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.features import NUMBERS, Entry, FeatureForm, RoomFeatures, RoomWindow
from edge.preprocess.finder import PersonFinder
from edge.preprocess.frames import FrameInputs, FramePreprocessor
from edge.signals import audio_cues, audio_is_usable
from edge.stages import Decider, Encoder, Fusion
from edge.values import Decision, Fused, FusedBatch, Reason, Step, Stream, Tick, WindowFeatures
from edge.vocabulary import MODALITIES, Modality


@dataclass(frozen=True, slots=True)
class Ready:
    """What the encoders can take: a prepared feature frame, or a tick with its sound."""

    room: str
    t_ns: int
    inputs: FrameInputs | Tick


class Room:
    """What the pipeline remembers of one room between calls."""

    def __init__(
        self,
        enabled: frozenset[Modality],
        decider: Decider,
        finder: PersonFinder | None,
        form: FeatureForm,
    ) -> None:
        self.frames = FramePreprocessor(enabled, finder)
        self.features = RoomFeatures(enabled, form)
        self.decider = decider


class Pipeline:
    """From grid points to decisions, for all rooms at once."""

    def __init__(
        self,
        encoders: Mapping[Modality, Encoder],
        fusion: Fusion,
        deciders: Mapping[str, Decider],
        finder: PersonFinder | None = None,
        form: FeatureForm = NUMBERS,
    ) -> None:
        """encoders: those that are switched on; deciders: one for each room, by name.

        finder: see ``CropTracker``; form: of what the encoders give and the gate takes
        """
        self._encoders, self._fusion = dict(encoders), fusion
        enabled = frozenset(encoders)
        self._rooms = {
            name: Room(enabled, decider, finder, form) for name, decider in deciders.items()
        }

    def feed(self, items: Sequence[tuple[str, Step | Tick]]) -> list[Decision]:
        """Take what the synchronisers of all rooms produced, each room's items in order.

        returns: the decisions, in the order of their ticks. Raises: ModelError for scores that are
        no numbers.
        """
        batch = self._prepare(items)
        encoded = {m: self._encode(m, batch) for m in self._encoders}
        decisions: list[Decision] = []
        ticks: list[tuple[str, Tick]] = []
        for position, ready in enumerate(batch):
            if any(room == ready.room for room, _ in ticks):  # a window must not see its future
                decisions += self._decide(ticks)
                ticks = []
            self._remember(ready, {m: rows.get(position) for m, rows in encoded.items()})
            if isinstance(ready.inputs, Tick) and ready.inputs.decides:
                ticks.append((ready.room, ready.inputs))
        return decisions + self._decide(ticks)

    def _prepare(self, items: Sequence[tuple[str, Step | Tick]]) -> list[Ready]:
        """Turn steps into encoder inputs; grid points that only serve the next flow vanish here."""
        batch: list[Ready] = []
        for room, item in items:
            inputs = item if isinstance(item, Tick) else self._rooms[room].frames.push(item)
            if inputs is not None:
                batch.append(Ready(room, item.t_ns, inputs))
        return batch

    def _encode(self, modality: Modality, batch: Sequence[Ready]) -> dict[int, NDArray[Any]]:
        """Encode all that is there at once; returns one feature by position in ``batch``."""
        tensors = {i: tensor_of(modality, ready.inputs) for i, ready in enumerate(batch)}
        there = {i: tensor for i, tensor in tensors.items() if tensor is not None}
        if not there:
            return {}
        features = self._encoders[modality].encode(np.stack(list(there.values())))
        return dict(zip(there, features, strict=True))

    def _remember(self, ready: Ready, features: Mapping[Modality, NDArray[Any] | None]) -> None:
        """Put what was encoded, or the note that it is missing, into the room's rings."""
        rings, inputs = self._rooms[ready.room].features, ready.inputs
        for modality, feature in features.items():
            if (modality is Modality.AUDIO) != isinstance(inputs, Tick):
                continue
            if isinstance(inputs, Tick):
                reason = audio_reason(inputs)
                cues = None if inputs.audio is None else audio_cues(inputs.audio)
            else:
                reason, cues = inputs.missing.get(modality), inputs.cues.get(modality)
            rings.add(modality, Entry(ready.t_ns, feature, cues), reason)

    def _decide(self, ticks: Sequence[tuple[str, Tick]]) -> list[Decision]:
        """One fused batch for all rooms that decide now."""
        if not ticks:
            return []
        windows = [self._rooms[name].features.window(tick.t_ns) for name, tick in ticks]
        batch = self._fusion.fuse(batch_of(windows))
        if not (np.isfinite(batch.actions).all() and np.isfinite(batch.sounds).all()):
            # No threshold is ever reached by what is no number: alarms would cease in silence.
            raise ModelError("the model's scores are no numbers; reinstall it, or build plans anew")
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
        present=np.asarray(valid.any(axis=2)),
        quality=np.stack([window.quality for window in windows]),
    )


def audio_reason(tick: Tick) -> Reason | None:
    """Why a tick has no usable sound, or None when it has."""
    if tick.audio is None:
        return tick.missing.get(Stream.AUDIO, Reason.STALE)
    return None if audio_is_usable(tick.audio) else Reason.UNHEALTHY


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
