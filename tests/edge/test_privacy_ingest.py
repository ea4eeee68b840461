from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.clock import ManualClock
from edge.compose import make_window
from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.intake import RoomFeed, Slots
from edge.models import Models
from edge.outbox.payload import PrivacyPayload
from edge.pipeline import Pipeline
from edge.privacy import Privacy
from edge.privacy_settings import PrivacySettings
from edge.settings import DecisionSettings, MediaSourceSettings, RoomSettings, WindowSettings
from edge.sources.recording import Recording
from edge.values import Decision, Sample, Step, Stream, Tick
from edge.vocabulary import Modality

Make = Callable[..., Path]
EVENING_NS = 1_768_078_790_000_000_000  # 2026-01-10 21:59:50 in Berlin (20:59:50 UTC)


def room(**fields: Any) -> RoomSettings:
    source = {"type": "media", "path": "any", "realtime": False}
    return RoomSettings.model_validate({"name": "one", "source": source, **fields})


def policy(*rules: dict[str, Any]) -> PrivacySettings:
    return PrivacySettings.model_validate({"timezone": "Europe/Berlin", "switched_off": rules})


NIGHT = {"streams": ["rgb"], "start": "22:00", "end": "06:00"}
ZONE = {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}


def test_nothing_hidden_ever_reaches_the_slots() -> None:
    class Camera:
        streams = frozenset({Stream.RGB, Stream.AUDIO})

        def samples(self) -> Any:
            yield Sample(Stream.RGB, 0, np.full((8, 8, 3), 200, np.uint8))
            yield Sample(Stream.AUDIO, 1, np.ones(10, np.int16))

    clock, slots = ManualClock(), Slots(["one"])
    rooms = [room(zones=[ZONE])]
    privacy = Privacy(policy({"streams": ["audio"]}), rooms, clock)
    settings = MediaSourceSettings(type="media", path=Path("any"), realtime=False)
    feed = RoomFeed(
        "one",
        settings,
        lambda _: Camera(),
        slots,
        clock,
        threading.Event(),
        admit=privacy.admit("one"),
    )
    feed.run()
    (seen,) = [news for _, news in slots.take(0) if isinstance(news, Sample)]
    assert seen.stream is Stream.RGB
    assert not seen.data[:, :4].any()
    assert seen.data[:, -1].all()


def decide(path: Path, models: Models, privacy: Privacy, clock: ManualClock) -> list[Decision]:
    """Run a recording as if it happened now, by the clock given."""
    recording = Recording(path)
    pipeline = Pipeline(
        models.encoders,
        models.fusion,
        {"one": RoomDecider("one", DecisionSettings(), AlarmIds("box", "boot"))},
    )
    grid = privacy.window(
        "one", recording.streams, lambda streams: make_window(streams, WindowSettings())
    )
    admit = privacy.admit("one")
    decisions, reached = [], None
    for sample in recording.samples():
        reached = sample.t_ns if reached is None else reached
        clock.advance(ms=max(0, sample.t_ns - reached) / 1e6)
        reached = max(reached, sample.t_ns)
        admitted = admit(sample)
        items: list[Step | Tick] = grid.push(admitted) if admitted is not None else []
        decisions += pipeline.feed([("one", item) for item in items])
    return decisions + pipeline.feed([("one", item) for item in grid.flush()])


def test_a_camera_switched_off_at_night_is_told_as_disabled_and_sound_goes_on(
    make_recording: Make, models: Models
) -> None:
    clock = ManualClock(wall_ns=EVENING_NS)
    privacy = Privacy(policy(NIGHT), [room()], clock)
    decisions = decide(make_recording(seconds=20), models, privacy, clock)
    before = [d.fused for d in decisions if (d.fused.t_ns - 5_000_000_000) / 1e9 < 9.5]
    after = decisions[-1].fused
    assert before[-1].missing == {}
    assert {m: r.value for m, r in after.missing.items()} == {
        Modality.RGB: "disabled",
        Modality.FLOW: "disabled",
    }
    assert after.gate[Modality.RGB] == after.gate[Modality.FLOW] == 0
    assert after.gate[Modality.AUDIO] > 0


def test_a_sample_still_waiting_when_the_rule_begins_is_dropped() -> None:
    clock = ManualClock(wall_ns=EVENING_NS)
    privacy = Privacy(policy(NIGHT), [room()], clock)
    made: list[frozenset[Stream]] = []

    class Grid:
        def __init__(self, streams: frozenset[Stream]) -> None:
            made.append(streams)
            self.taken: list[Stream] = []

        def push(self, sample: Sample) -> list[Step | Tick]:
            assert sample.stream in made[-1]
            return []

        def flush(self) -> list[Step | Tick]:
            return []

    grid = privacy.window("one", frozenset({Stream.RGB, Stream.AUDIO}), Grid)
    frame = Sample(Stream.RGB, 0, np.zeros((2, 2, 3), np.uint8))
    grid.push(frame)
    clock.advance(ms=10_001)
    grid.push(frame)
    grid.push(Sample(Stream.AUDIO, 0, np.zeros(2, np.int16)))
    assert made == [{Stream.RGB, Stream.AUDIO}, {Stream.AUDIO}]


def test_a_room_with_everything_switched_off_gives_nothing_and_does_not_stall() -> None:
    clock = ManualClock()
    privacy = Privacy(policy({"streams": ["rgb", "depth", "audio"]}), [room()], clock)
    grid = privacy.window(
        "one", frozenset({Stream.RGB}), lambda s: make_window(s, WindowSettings())
    )
    assert grid.push(Sample(Stream.RGB, 0, np.zeros((2, 2, 3), np.uint8))) == []
    assert grid.flush() == []
    assert privacy.state().mode == "paused"


def test_the_hub_is_told_at_first_and_when_a_rule_begins_or_ends() -> None:
    clock, said = ManualClock(wall_ns=EVENING_NS), list[PrivacyPayload]()
    privacy = Privacy(policy(NIGHT), [room(zones=[ZONE])], clock, said.append)
    for _ in range(5):
        privacy.tell()
        clock.advance(ms=1_000)
    clock.advance(ms=10_000)
    privacy.tell()
    clock.advance(ms=8 * 3_600_000)
    privacy.tell()
    (before,), (during,), (after,) = (payload.rooms for payload in said)
    assert (before.off, during.off, after.off) == ((), (Stream.RGB,), ())
    assert {room.zones for room in (before, during, after)} == {1}
    assert not any(payload.recording for payload in said)
