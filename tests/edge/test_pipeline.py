"""From grid points to decisions, with encoders that can be read at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.errors import ModelError
from edge.pipeline import Pipeline
from edge.values import (
    FEATURE_DIM,
    PATCH_SAMPLES,
    Decision,
    Fused,
    FusedBatch,
    Reason,
    Step,
    Stream,
    Tick,
    WindowFeatures,
)
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

SECOND = 1_000_000_000
RNG = np.random.default_rng(1)
PICTURE = RNG.integers(0, 255, (60, 80, 3), np.uint8)
DEPTH = RNG.integers(500, 4_000, (60, 80)).astype(np.uint16)
SOUND = RNG.standard_normal(PATCH_SAMPLES).astype(np.float32) / 10


class MeanEncoder:
    """The feature is the mean of the input; remembers the sizes of its batches."""

    def __init__(self, modality: Modality) -> None:
        self.modality, self.batches = modality, []

    def encode(self, batch: Any) -> Any:
        self.batches.append(len(batch))
        means = batch.reshape(len(batch), -1).mean(axis=1, dtype=np.float64)
        return np.repeat(means[:, None], FEATURE_DIM, axis=1).astype(np.float32)


class RecordingFusion:
    """Trusts all that is present alike; remembers what it was given."""

    def __init__(self) -> None:
        self.windows: list[WindowFeatures] = []

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        self.windows.append(window)
        rooms = len(window.present)
        count = np.maximum(window.present.sum(axis=1, keepdims=True), 1)
        return FusedBatch(
            gate=(window.present / count).astype(np.float32),
            actions=np.full((rooms, len(ACTIONS)), 1 / len(ACTIONS), np.float32),
            experts=np.zeros((rooms, len(MODALITIES), len(ACTIONS)), np.float32),
            sounds=np.zeros((rooms, len(SOUNDS)), np.float32),
        )


class PassOn:
    def decide(self, fused: Fused) -> Decision:
        return Decision(fused, ())


def step(index: int, rgb: bool = True, depth: bool = True) -> Step:
    missing = {Stream.RGB: Reason.STALE} if not rgb else {}
    if not depth:
        missing[Stream.DEPTH] = Reason.ABSENT
    picture = np.roll(PICTURE, index, axis=1)  # a new array: a new picture
    return Step(
        index, index * SECOND // 15, picture if rgb else None, DEPTH if depth else None, missing
    )


def tick(half_seconds: int, sound: bool = True, decides: bool = True) -> Tick:
    missing = {} if sound else {Stream.AUDIO: Reason.ABSENT}
    return Tick(half_seconds * SECOND // 2, 0, SOUND if sound else None, missing, decides)


def pipeline(
    rooms: Sequence[str] = ("a",), modalities: Sequence[Modality] = MODALITIES
) -> tuple[Pipeline, dict[Modality, MeanEncoder], RecordingFusion]:
    encoders = {m: MeanEncoder(m) for m in modalities}
    fusion = RecordingFusion()
    return Pipeline(encoders, fusion, {room: PassOn() for room in rooms}), encoders, fusion


def one_second(**kinds: bool) -> list[Step | Tick]:
    sound = kinds.pop("sound", True)
    return [
        *(step(k, **kinds) for k in range(8)),
        tick(1, sound, decides=False),
        *(step(k, **kinds) for k in range(8, 16)),
        tick(2, sound),
    ]


def test_a_deciding_tick_yields_one_decision_over_all_modalities() -> None:
    chain, _, fusion = pipeline()
    decisions = chain.feed([("a", item) for item in one_second()])
    assert [d.fused.t_ns for d in decisions] == [SECOND]
    assert decisions[0].fused.missing == {}
    assert fusion.windows[0].valid.sum(axis=2).tolist() == [
        [8, 7, 8, 2]
    ]  # flow needs a predecessor


def test_feeding_piece_by_piece_gives_the_same_windows() -> None:
    whole, _, seen_whole = pipeline()
    pieces, _, seen_pieces = pipeline()
    items = [("a", item) for item in one_second()]
    whole.feed(items)
    for item in items:
        pieces.feed([item])
    np.testing.assert_array_equal(seen_whole.windows[0].features, seen_pieces.windows[0].features)


def test_rooms_share_a_batch_but_not_their_features() -> None:
    chain, encoders, fusion = pipeline(("a", "b"))
    items: list[tuple[str, Step | Tick]] = []
    for left, right in zip(one_second(), one_second(depth=False), strict=True):
        items += [("a", left), ("b", right)]
    decisions = chain.feed(items)
    assert [d.fused.room for d in decisions] == ["a", "b"]
    assert encoders[Modality.RGB].batches == [16]
    assert len(fusion.windows) == 1
    assert decisions[1].fused.missing == {Modality.DEPTH: Reason.ABSENT}
    assert decisions[1].fused.gate[Modality.DEPTH] == 0


def test_nothing_to_see_and_hear_is_no_decision() -> None:
    chain, _, _ = pipeline()
    items = one_second(rgb=False, depth=False, sound=False)
    (decision,) = chain.feed([("a", item) for item in items])
    assert decision.fused.actions is None
    assert decision.fused.sounds is None
    assert set(decision.fused.missing) == set(MODALITIES)
    assert set(decision.fused.gate.values()) == {0.0}


def test_a_modality_that_is_switched_off_is_disabled_not_stale() -> None:
    chain, encoders, _ = pipeline(modalities=(Modality.DEPTH, Modality.AUDIO))
    (decision,) = chain.feed([("a", item) for item in one_second()])
    assert set(encoders) == {Modality.DEPTH, Modality.AUDIO}
    assert decision.fused.missing == {
        Modality.RGB: Reason.DISABLED,
        Modality.FLOW: Reason.DISABLED,
    }


def test_digital_silence_is_unhealthy_and_leaves_no_sound_scores() -> None:
    chain, _, _ = pipeline()
    mute = [
        Tick(i.t_ns, 0, np.zeros(PATCH_SAMPLES, np.float32), {}, i.decides)
        if isinstance(i, Tick)
        else i
        for i in one_second()
    ]
    (decision,) = chain.feed([("a", item) for item in mute])
    assert decision.fused.missing == {Modality.AUDIO: Reason.UNHEALTHY}
    assert decision.fused.sounds is None


def test_two_ticks_in_one_call_do_not_see_each_others_future() -> None:
    chain, _, fusion = pipeline()
    later = [*(step(k) for k in range(16, 23)), tick(3)]
    chain.feed([("a", item) for item in [*one_second(), *later]])
    counts = [int(w.valid[0, MODALITIES.index(Modality.RGB)].sum()) for w in fusion.windows]
    assert counts == [8, 12]


def test_an_unknown_room_is_an_error() -> None:
    chain, _, _ = pipeline()
    with pytest.raises(KeyError):
        chain.feed([("z", step(0))])


@pytest.mark.parametrize("part", ["actions", "sounds"])
def test_scores_that_are_no_numbers_end_the_watch_instead_of_its_alarms(part: str) -> None:
    chain, _, fusion = pipeline()
    said = fusion.fuse

    def broken(window: WindowFeatures) -> FusedBatch:
        batch = said(window)
        return replace(batch, **{part: np.full_like(getattr(batch, part), np.nan)})

    fusion.fuse = broken
    with pytest.raises(ModelError, match="no numbers"):
        chain.feed([("a", item) for item in one_second()])
