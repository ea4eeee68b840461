from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.clock import ManualClock
from edge.errors import (
    ConfigError,
    DeviceFormatError,
    DeviceLostError,
    DeviceSilentError,
)
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import PICTURE_SINK, SOUND_SINK, LivePlan, LiveSource, Order, sample_of
from edge.values import AUDIO_RATE_HZ, Sample, Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

S = 1_000_000_000
REMEDIES = Remedies(*["do something"] * 6)
CYCLES = Path(__file__).with_name("live_cycles.py")
PICTURES = f"videotestsrc is-live=true name=device ! {core.PICTURES} ! {PICTURE_SINK}"
SOUND = f"audiotestsrc is-live=true name=device ! {core.SOUND} ! {SOUND_SINK}"


def live(
    description: str, stream: Stream = Stream.RGB, clock: ManualClock | None = None
) -> LiveSource:
    plan = LivePlan("device", description, frozenset({stream}), stream, REMEDIES)
    return LiveSource(plan, clock)


def first(source: LiveSource, count: int) -> list[Sample]:
    found = []
    for sample in source.samples():
        found.append(sample)
        if len(found) == count:
            source.close()
    return found


def test_capture_times_are_on_the_monotonic_clock_and_not_those_of_arrival() -> None:
    clock = ManualClock()  # stands still: whatever is told must come from the buffers
    before = time.monotonic_ns()
    samples = first(live(PICTURES, clock=clock), 5)
    after = time.monotonic_ns()
    times = [sample.t_ns for sample in samples]
    assert before <= times[0]
    assert times[-1] <= after + S // 10
    steps = np.diff(times)
    assert np.all(np.abs(steps - np.round(steps * 30 / S) * S / 30) <= 2)  # 30 pictures a second


def test_sound_has_no_gap_between_the_end_of_one_chunk_and_the_next() -> None:
    samples = first(live(SOUND, Stream.AUDIO), 20)
    for earlier, later in pairwise(samples):
        end_ns = earlier.t_ns + len(earlier.data) * S // AUDIO_RATE_HZ
        assert abs(later.t_ns - end_ns) <= S // AUDIO_RATE_HZ
    assert {sample.data.dtype for sample in samples} == {np.dtype(np.int16)}


def test_what_is_not_live_by_nature_is_paced_by_the_clock() -> None:
    samples = first(live(PICTURES.replace("is-live=true", "num-buffers=1000")), 4)
    now_ns = time.monotonic_ns()
    assert all(sample.t_ns <= now_ns + S // 10 for sample in samples)


def test_a_time_line_that_steps_back_gives_nothing_until_it_has_caught_up() -> None:
    order, nothing = Order(), np.zeros(0, np.int16)
    times = [10, 20, 15, 20, 21]
    assert [t for t in times if order.rises(Sample(Stream.RGB, t, nothing))] == [10, 20, 21]
    assert order.rises(Sample(Stream.AUDIO, 5, nothing))


def test_a_buffer_without_a_time_was_captured_its_length_before_it_came() -> None:
    clock = ManualClock(monotonic_ns=5 * S)
    sound = core.Delivery(None, None, np.zeros(3_200, np.uint8))
    assert sample_of(Stream.AUDIO, sound, 7, clock).t_ns == 5 * S - S // 10
    picture = core.Delivery(None, None, np.zeros((2, 2, 3), np.uint8))
    assert sample_of(Stream.RGB, picture, 7, clock).t_ns == 5 * S


class RushedClock(ManualClock):
    """Every look at it takes a second."""

    def monotonic_ns(self) -> int:
        """A second later than before."""
        self.advance(ms=1_000)
        return super().monotonic_ns()


def test_a_device_that_is_open_and_gives_nothing_is_told_as_silent() -> None:
    mute = f"appsrc is-live=true ! video/x-raw,format=RGB ! {PICTURE_SINK}"
    with pytest.raises(DeviceSilentError, match="device: no picture for 5 s; do something"):
        list(live(mute, clock=RushedClock()).samples())


def test_a_device_that_ends_or_breaks_down_was_lost() -> None:
    with pytest.raises(DeviceLostError, match="ended its stream"):
        list(live(PICTURES.replace("is-live=true", "is-live=true num-buffers=8")).samples())
    broken = PICTURES.replace("name=device", "name=device ! identity error-after=8")
    with pytest.raises(DeviceLostError, match="Failed after iterations as requested"):
        list(live(broken).samples())


def test_a_device_whose_data_nobody_can_read_is_told_as_such() -> None:
    wrong = f"audiotestsrc is-live=true ! decodebin ! {core.PICTURES} ! {PICTURE_SINK}"
    with pytest.raises(DeviceFormatError):
        list(live(wrong).samples())


def test_closing_ends_a_source_that_waits_for_a_device_without_a_word() -> None:
    source = live(f"appsrc is-live=true ! video/x-raw,format=RGB ! {PICTURE_SINK}")
    found: list[Sample] = []
    thread = threading.Thread(target=lambda: found.extend(source.samples()))
    thread.start()
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert found == []


def test_properties_are_set_and_not_spliced_into_the_description() -> None:
    odd = 'odd ! fakesink "name'
    plan = LivePlan(
        "device",
        PICTURES,
        frozenset({Stream.RGB}),
        Stream.RGB,
        REMEDIES,
        {"device": {"name": odd, "pattern": "white"}},
    )
    assert "odd" not in repr(plan)
    (picture,) = first(LiveSource(plan), 1)
    assert picture.data.min() > 200


def test_two_hundred_cycles_of_start_stop_and_loss_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    traced = {"GST_TRACERS": "leaks(filters=GstElement)", "GST_DEBUG": "GST_TRACER:7"}
    environment = {**os.environ, **traced, "GST_DEBUG_FILE": str(tmp_path / "alive")}
    done = subprocess.run(
        [sys.executable, str(CYCLES), "200"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    counts = json.loads(done.stdout)
    assert counts["cycles"] == 200
    assert counts["ends"].keys() == {"closed", "left", "ended", "broken", "silent", "unreadable"}
    assert (counts["elements"], counts["elements_with_one_kept"]) == (0, 1)
    assert counts["descriptors"] == counts["descriptors_before"]
    assert counts["threads"] <= counts["threads_before"]


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
