from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge.clock import ManualClock
from edge.errors import ConfigError, MediaError
from edge.intake import Ended, RoomFeed, Slots, Started
from edge.settings import MediaSourceSettings, SourceSettings, WebcamSourceSettings
from edge.stages import Source
from edge.values import Sample, Stream

PICTURE = np.zeros((2, 2, 3), np.uint8)


def sample(t_ns: int) -> Sample:
    return Sample(Stream.RGB, t_ns, PICTURE)


class ListSource:
    """Gives the samples it was made with, then raises if told to."""

    streams = frozenset({Stream.RGB})

    def __init__(self, times: Sequence[int], error: Exception | None = None) -> None:
        self._times, self._error = times, error

    def samples(self) -> Iterator[Sample]:
        yield from map(sample, self._times)
        if self._error is not None:
            raise self._error


def feed(settings: SourceSettings, source: Source, slots: Slots, clock: ManualClock) -> RoomFeed:
    return RoomFeed("one", settings, lambda _: source, slots, clock, threading.Event())


FILE = MediaSourceSettings(type="media", path=Path("any"), realtime=False)


def test_a_full_slot_drops_its_oldest_sample_and_counts_it() -> None:
    slots = Slots(["one"], capacity=3)
    slots.put("one", Started(frozenset({Stream.RGB})))
    for t_ns in range(4):
        slots.offer("one", sample(t_ns))
    taken = [news for _, news in slots.take(0)]
    assert isinstance(taken[0], Started)
    assert [news.t_ns for news in taken if isinstance(news, Sample)] == [2, 3]
    assert slots.dropped == {"one": 2}


def test_a_full_room_costs_another_room_nothing() -> None:
    slots = Slots(["one", "two"], capacity=1)
    slots.offer("two", sample(9))
    slots.offer("one", sample(1))
    slots.offer("one", sample(2))
    assert [(room, news.t_ns) for room, news in slots.take(0) if isinstance(news, Sample)] == [
        ("one", 2),
        ("two", 9),
    ]
    assert slots.dropped == {"one": 1, "two": 0}


def test_taking_from_empty_slots_gives_nothing() -> None:
    assert Slots(["one"]).take(0) == []


def test_a_file_that_is_not_paced_loses_nothing_however_slow_the_taker() -> None:
    slots = Slots(["one"], capacity=2)
    thread = feed(FILE, ListSource(range(50)), slots, ManualClock()).start()
    taken = []
    while not any(isinstance(news, Ended) for _, news in taken):
        taken += slots.take(1)
    thread.join(5)
    assert len([news for _, news in taken if isinstance(news, Sample)]) == 50
    assert slots.dropped == {"one": 0}


def test_capture_times_of_a_file_move_to_the_monotonic_clock() -> None:
    slots = Slots(["one"])
    clock = ManualClock(monotonic_ns=1_000_000)
    feed(FILE, ListSource([500, 700]), slots, clock).run()
    started, first, second, ended = [news for _, news in slots.take(0)]
    assert isinstance(started, Started)
    assert isinstance(first, Sample)
    assert isinstance(second, Sample)
    assert (first.t_ns, second.t_ns) == (1_000_000, 1_000_200)
    assert ended == Ended(None, final=True)


def test_a_damaged_file_ends_its_room_with_the_error_after_the_sound_part() -> None:
    slots = Slots(["one"])
    error = MediaError("broken")
    feed(FILE, ListSource([1], error), slots, ManualClock()).run()
    taken = [news for _, news in slots.take(0)]
    assert isinstance(taken[1], Sample)
    assert taken[-1] == Ended(error, final=True)


def test_an_unexpected_fault_stays_in_its_room_as_an_error() -> None:
    slots = Slots(["one"])
    feed(FILE, ListSource([], RuntimeError("odd")), slots, ManualClock()).run()
    ended = slots.take(0)[-1][1]
    assert isinstance(ended, Ended)
    assert ended.final
    assert "RuntimeError: odd" in str(ended.error)


def test_a_live_device_is_opened_again_after_a_failure() -> None:
    slots = Slots(["one"])
    stop = threading.Event()
    sources = iter([ListSource([1], MediaError("unplugged")), ListSource([2])])

    def opened(_: SourceSettings) -> Source:
        source = next(sources, None)
        if source is None:
            stop.set()
            return ListSource([])
        return source

    settings = WebcamSourceSettings(type="webcam")
    RoomFeed("one", settings, opened, slots, ManualClock(), stop, first_retry_s=0.001).run()
    taken = [news for _, news in slots.take(0)]
    assert [news.t_ns for news in taken if isinstance(news, Sample)] == [1, 2]
    assert not any(news.final for news in taken if isinstance(news, Ended) and news.error)


def test_a_live_device_that_ends_without_a_word_has_failed_and_is_given_time() -> None:
    slots = Slots(["one"])
    stop = threading.Event()
    opened = iter(range(2))

    def open_it(_: SourceSettings) -> Source:
        if next(opened, None) is None:
            stop.set()
        return ListSource([])

    settings = WebcamSourceSettings(type="webcam")
    RoomFeed("one", settings, open_it, slots, ManualClock(), stop, first_retry_s=0.001).run()
    ends = [news for _, news in slots.take(0) if isinstance(news, Ended)]
    assert len(ends) > 1
    assert all("stopped delivering" in str(ended.error) for ended in ends[:-1])
    assert not any(ended.final for ended in ends)


def test_a_missing_library_keeps_its_remedy_and_status() -> None:
    slots = Slots(["one"])
    error = ConfigError("GStreamer for Python is missing: apt install it")
    feed(FILE, ListSource([], error), slots, ManualClock()).run()
    assert slots.take(0)[-1][1] == Ended(error, final=True)


def test_a_file_that_loops_faster_than_time_never_goes_back_in_time() -> None:
    slots = Slots(["one"])
    stop = threading.Event()
    runs = iter(range(3))

    def opened(_: SourceSettings) -> Source:
        if next(runs, None) is None:
            stop.set()
        return ListSource([0, 500])

    settings = MediaSourceSettings(type="media", path=Path("any"), realtime=False, loop=True)
    RoomFeed("one", settings, opened, slots, ManualClock(), stop).run()
    times = [news.t_ns for _, news in slots.take(0) if isinstance(news, Sample)]
    assert times == sorted(set(times))


def test_a_looping_file_starts_again_later_in_time() -> None:
    slots = Slots(["one"])
    stop = threading.Event()
    clock = ManualClock()
    runs = iter(range(2))

    def opened(_: SourceSettings) -> Source:
        clock.advance(ms=1_000)
        if next(runs, None) is None:
            stop.set()
        return ListSource([0])

    settings = MediaSourceSettings(type="media", path=Path("any"), realtime=False, loop=True)
    RoomFeed("one", settings, opened, slots, clock, stop).run()
    times = [news.t_ns for _, news in slots.take(0) if isinstance(news, Sample)]
    assert times[:2] == [1_000_000_000, 2_000_000_000]


def test_a_mistake_in_the_configuration_of_a_device_is_not_tried_again() -> None:
    slots = Slots(["one"])

    def opened(_: SourceSettings) -> Source:
        raise ConfigError("no element 'noSuchElement'")

    settings = WebcamSourceSettings(type="webcam")
    RoomFeed("one", settings, opened, slots, ManualClock(), threading.Event(), name="rgb").run()
    ((_, ended),) = slots.take(0)
    assert isinstance(ended, Ended)
    assert (ended.final, ended.source) == (True, "rgb")


def test_news_names_its_source() -> None:
    slots = Slots(["one"])
    stop, clock = threading.Event(), ManualClock()
    RoomFeed("one", FILE, lambda _: ListSource([1]), slots, clock, stop, name="file").run()
    started, _, ended = (news for _, news in slots.take(0))
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert started.source == ended.source == "file"


class DumbDevice:
    """Waits for a device that never speaks, until it is closed."""

    streams = frozenset({Stream.RGB})

    def __init__(self) -> None:
        self.waits, self.closed = threading.Event(), threading.Event()

    def samples(self) -> Iterator[Sample]:
        self.waits.set()
        self.closed.wait(60)
        yield from ()

    def close(self) -> None:
        self.closed.set()


def test_a_source_that_waits_for_its_device_ends_when_told() -> None:
    stop, device, slots = threading.Event(), DumbDevice(), Slots(["one"])
    settings = WebcamSourceSettings(type="webcam")
    feed = RoomFeed("one", settings, lambda _: device, slots, ManualClock(), stop)
    thread = feed.start()
    assert device.waits.wait(20)
    stop.set()
    feed.close()
    thread.join(20)
    assert not thread.is_alive()
    assert slots.take(0)[-1][1] == Ended(None, final=False)


def test_a_source_that_opens_after_it_was_told_to_end_delivers_nothing() -> None:
    stop, device, slots = threading.Event(), DumbDevice(), Slots(["one"])

    def opened(_: SourceSettings) -> Source:
        stop.set()
        feed.close()
        return device

    settings = WebcamSourceSettings(type="webcam")
    feed = RoomFeed("one", settings, opened, slots, ManualClock(), stop)
    feed.run()
    assert not device.waits.is_set()


def test_an_error_that_is_told_holds_on_to_nothing_of_the_device_it_came_from() -> None:
    slots = Slots(["one"])
    feed(FILE, ListSource([1], MediaError("broken")), slots, ManualClock()).run()
    ended = slots.take(0)[-1][1]
    assert isinstance(ended, Ended)
    assert ended.error is not None
    assert (ended.error.__traceback__, ended.error.__context__) == (None, None)
