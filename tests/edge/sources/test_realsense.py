"""A RealSense camera, live: librealsense's own software device through the real pipeline."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.errors import ConfigError, DeviceError
from edge.intake import Ended, RoomFeed, Slots
from edge.realsense_settings import DepthFilterSettings, PictureSettings, RealSenseSourceSettings
from edge.sources.realsense import library
from edge.sources.realsense.camera import Patience, RealSense
from edge.sources.realsense.frames import in_mm
from edge.sources.realsense.synthetic import (
    COLOR_FOCAL,
    DEPTH_FOCAL,
    Look,
    SyntheticBus,
    SyntheticCamera,
)
from edge.sources.retry import Backoff
from edge.values import Sample, Stream

try:
    RS = library.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

W, H = 160, 120
PICTURE = PictureSettings(width=W, height=H)
PLAIN = DepthFilterSettings(decimation=1, spatial=False, temporal=False)
CALM = Patience(poll_s=0.02, stall_s=30)
HASTE = Patience(poll_s=0.02, stall_s=0.1, return_s=0.1)
COLOR = np.full((H, W, 3), (10, 120, 200), np.uint8)
CYCLES = int(os.environ.get("GATEHOUSE_CYCLES", "25"))


def wall(mm: int = 2_000) -> Any:
    return np.full((H, W), mm, np.uint16)


def settings(**given: Any) -> RealSenseSourceSettings:
    parts = {"color": PICTURE, "depth": PICTURE, "filters": PLAIN}
    return RealSenseSourceSettings(type="realsense", **{**parts, **given})


@pytest.fixture
def bus() -> SyntheticBus:
    return SyntheticBus()


def opened(bus: SyntheticBus, **given: Any) -> RealSense:
    return RealSense(settings(**given), SystemClock(), bus, CALM)


@contextmanager
def filming(
    camera: SyntheticCamera, push: Callable[[int], None] | None = None
) -> Iterator[threading.Event]:
    """The camera delivers every 10 ms, with a clock that began an hour ago."""
    stop = threading.Event()

    def push_both(number: int) -> None:
        stamp_ms = 3_600_000 + time.monotonic_ns() / 1e6 % 1e6
        camera.push(number, stamp_ms, wall(), COLOR)

    def run() -> None:
        number = 0
        while not stop.wait(0.01):
            (push or push_both)(number)
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def taken(source: RealSense, count: int) -> list[Sample]:
    """The first samples; the camera is stopped."""
    samples = source.samples()
    try:
        return [next(samples) for _ in range(count)]
    finally:
        samples.close()  # type: ignore[attr-defined]


def of(samples: list[Sample], stream: Stream) -> list[Sample]:
    return [sample for sample in samples if sample.stream is stream]


def test_both_pictures_come_in_pairs_from_one_point_of_view(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    source = opened(bus)
    assert source.streams == {Stream.RGB, Stream.DEPTH}
    with filming(camera):
        samples = taken(source, 20)
    depth, color = of(samples, Stream.DEPTH), of(samples, Stream.RGB)
    assert len(depth) == len(color) == 10
    assert [d.t_ns for d in depth] == [c.t_ns for c in color]
    assert np.array_equal(color[-1].data, COLOR)
    middle = depth[-1].data[20:-20, 20:-20]
    assert depth[-1].data.dtype == np.uint16
    assert np.all(middle == 2_000)
    expected = 2 * np.degrees(np.arctan(0.5 / COLOR_FOCAL))
    assert depth[-1].depth_hfov_deg == pytest.approx(expected)
    assert color[-1].depth_hfov_deg is None


def test_depth_moves_to_where_colour_sees_it(bus: SyntheticBus) -> None:
    baseline_m = 0.1
    camera = SyntheticCamera(look=Look(baseline_m=baseline_m))
    bus.plug(camera)
    near = wall(4_000)
    near[40:80, 60:80] = 1_000

    def push(number: int) -> None:
        camera.push(number, number * 10.0, near, COLOR)

    with filming(camera, push):
        aligned = of(taken(opened(bus), 8), Stream.DEPTH)[-1]
    with filming(camera, push):
        own = of(taken(opened(bus, align="none"), 8), Stream.DEPTH)[-1]
    assert np.array_equal(own.data, near)
    columns = np.flatnonzero((aligned.data[60] > 0) & (aligned.data[60] < 2_000))
    x_m = (69.5 - W / 2) / (DEPTH_FOCAL * W) * 1.0  # of the near thing's middle, 1 m away
    expected = W / 2 + (x_m + baseline_m) / 1.0 * COLOR_FOCAL * W
    assert abs(float(columns.mean()) - expected) < 1


def test_capture_times_are_on_the_monotonic_clock_whatever_the_cameras_own_says(
    bus: SyntheticBus,
) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    before = time.monotonic_ns()
    source = opened(bus)
    with filming(camera):
        samples = of(taken(source, 30), Stream.DEPTH)
    times = [sample.t_ns for sample in samples]
    assert times == sorted(set(times))
    assert before < times[0] <= times[-1] < time.monotonic_ns()
    assert source.capture_clock.offset_ns is not None


@pytest.mark.parametrize("domain", ["system_time", "global_time"])
def test_stamps_of_the_wall_clock_are_moved_to_the_monotonic_one(
    bus: SyntheticBus, domain: str
) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)

    def push(number: int) -> None:
        camera.push(number, time.time_ns() / 1e6, wall(), COLOR, domain)

    before = time.monotonic_ns()
    with filming(camera, push):
        samples = taken(opened(bus), 20)
    assert all(before < sample.t_ns < time.monotonic_ns() for sample in samples)


def test_depth_of_another_scale_becomes_millimetres(bus: SyntheticBus) -> None:
    camera = SyntheticCamera(look=Look(scale_m=0.000_1))
    bus.plug(camera)

    def push(number: int) -> None:
        camera.push(number, number * 10.0, wall(15_000), COLOR)

    with filming(camera, push):
        depth = of(taken(opened(bus, align="none"), 4), Stream.DEPTH)[-1]
    assert np.all(depth.data == 1_500)


def test_what_is_too_far_for_16_bits_is_no_return() -> None:
    raw = np.array([[0, 1, 6_553, 6_554, 65_535]], np.uint16)
    assert in_mm(raw, 0.01).tolist() == [[0, 10, 65_530, 0, 0]]
    assert in_mm(raw, 0.001).tolist() == raw.tolist()


def test_the_filters_calm_noise_and_keep_the_picture_size(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    random = np.random.default_rng(3)

    def push(number: int) -> None:
        noisy = random.normal(2_000, 20, (H, W)).astype(np.uint16)
        camera.push(number, number * 10.0, noisy, COLOR)

    spread = {}
    for name, filters in (("off", PLAIN), ("default", DepthFilterSettings())):
        with filming(camera, push):
            depth = of(taken(opened(bus, filters=filters), 24), Stream.DEPTH)[-1].data
        assert depth.shape == (H, W)
        spread[name] = float(depth[30:-30, 30:-30].std())
    assert spread["default"] < 0.5 * spread["off"]


def test_holes_are_filled_only_when_asked_for(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    holed = wall()
    holed[50:60, 70:90] = 0
    found = {}
    for filling in ("off", "farthest"):
        filters = DepthFilterSettings(
            decimation=1, spatial=False, temporal=False, hole_filling=filling
        )
        with filming(camera, lambda number: camera.push(number, number * 10.0, holed, COLOR)):
            source = opened(bus, filters=filters, align="none")
            found[filling] = of(taken(source, 4), Stream.DEPTH)[-1].data[55, 80]
    assert found == {"off": 0, "farthest": 2_000}


@pytest.mark.parametrize(("off", "left"), [("color", Stream.DEPTH), ("depth", Stream.RGB)])
def test_a_camera_may_deliver_one_stream_alone(bus: SyntheticBus, off: str, left: Stream) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    source = opened(bus, **{off: None})
    assert source.streams == {left}
    with filming(camera):
        assert {sample.stream for sample in taken(source, 6)} == {left}


def test_a_sensor_that_falls_silent_is_not_shown_with_its_last_picture(
    bus: SyntheticBus,
) -> None:
    camera, silent = SyntheticCamera(), threading.Event()
    bus.plug(camera)
    shown: list[int] = []

    def push(number: int) -> None:
        shown.extend([] if silent.is_set() else [number])
        camera.push(number, number * 33.0, wall(), None if silent.is_set() else COLOR)

    samples = opened(bus).samples()
    with filming(camera, push):
        found = [next(samples)]
        silent.set()
        while len(of(found, Stream.DEPTH)) < 25:
            found.append(next(samples))
    samples.close()  # type: ignore[attr-defined]
    color = of(found, Stream.RGB)
    assert len(color) <= len(shown)
    assert len({sample.t_ns for sample in color}) == len(color)
    assert color[-1].t_ns < found[-1].t_ns


def test_pictures_that_never_came_are_counted(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    source = RealSense(settings(color=None), SystemClock(), bus, CALM)
    with read(source) as found:
        number = 0
        while found.empty():
            camera.push(number := number + 1, number * 33.0, wall())
            time.sleep(0.02)
        found.get()
        before = source.dropped.get(Stream.DEPTH, 0)
        for gap in (1, 1, 4, 1):
            camera.push(number := number + gap, number * 33.0, wall(number))
            while found.get(timeout=10).data[0, 0] != number:
                pass
    assert source.dropped[Stream.DEPTH] - before == 3


def test_a_profile_that_is_not_there_is_told_with_those_that_are(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera())
    with pytest.raises(ConfigError, match=r"no depth picture 848x480@30; .* one of: 160x120@30"):
        opened(bus, depth=PictureSettings(width=848, height=480))


def test_a_slow_usb_is_a_matter_of_cables_not_of_configuration(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera(look=Look(usb="2.1")))
    with pytest.raises(DeviceError, match="use a USB 3 cable and port"):
        opened(bus, color=PictureSettings(width=1_280, height=720))


def test_the_right_camera_is_chosen_by_its_serial_number(bus: SyntheticBus) -> None:
    with pytest.raises(DeviceError, match="no RealSense camera; plug it"):
        opened(bus)
    for serial in ("LEFT", "RIGHT"):
        bus.plug(SyntheticCamera(serial))
    with pytest.raises(ConfigError, match=r"several RealSense cameras; .*: LEFT, RIGHT"):
        opened(bus)
    assert opened(bus, serial="RIGHT").info.serial == "RIGHT"
    with pytest.raises(DeviceError, match=r"no RealSense camera MIDDLE; .* LEFT, RIGHT"):
        opened(bus, serial="MIDDLE")


CONTROLS = {
    ("depth", "emitter_enabled"): (0, 2),
    ("depth", "laser_power"): (0, 360),
    ("depth", "enable_auto_exposure"): (0, 1),
    ("depth", "exposure"): (1, 200_000),
    ("depth", "global_time_enabled"): (0, 1),
    ("color", "enable_auto_exposure"): (0, 1),
    ("color", "exposure"): (1, 10_000),
    ("color", "power_line_frequency"): (0, 3),
}


def test_light_exposure_and_clock_are_set_before_the_first_picture(bus: SyntheticBus) -> None:
    camera = SyntheticCamera(look=Look(options=CONTROLS))
    bus.plug(camera)
    given = {"depth_exposure_us": 8_500, "laser_power_mw": 150, "mains_hz": 50}
    with filming(camera):
        taken(opened(bus, **given), 2)
    assert {key: camera.option(*key) for key in CONTROLS} == {
        ("depth", "emitter_enabled"): 1,
        ("depth", "laser_power"): 150,
        ("depth", "enable_auto_exposure"): 0,
        ("depth", "exposure"): 8_500,
        ("depth", "global_time_enabled"): 0,
        ("color", "enable_auto_exposure"): 1,
        ("color", "exposure"): 1,
        ("color", "power_line_frequency"): 1,
    }
    with filming(camera):
        taken(opened(bus, emitter=False), 2)
    assert camera.option("depth", "emitter_enabled") == 0
    assert camera.option("depth", "enable_auto_exposure") == 1


def test_an_exposure_out_of_range_is_told_with_the_range(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera(look=Look(options=CONTROLS)))
    with pytest.raises(
        ConfigError, match="color_exposure: this camera takes 1 to 10000, not 20000"
    ):
        taken(opened(bus, color_exposure=20_000), 1)


def test_what_the_camera_cannot_set_is_refused_not_ignored(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera())
    with pytest.raises(ConfigError, match="no laser_power to set; remove laser_power_mw"):
        taken(opened(bus, laser_power_mw=100), 1)


def test_an_unplugged_camera_is_told_from_one_that_stalls(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    samples = opened(bus).samples()
    with filming(camera):
        next(samples)
    bus.unplug(camera.serial)
    with pytest.raises(DeviceError, match="was unplugged") as caught:
        list(samples)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert bus.resets == []


def test_a_stalled_camera_is_restarted_then_reset_then_given_up(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    with pytest.raises(DeviceError, match="no pictures even after a reset; check its cable"):
        list(RealSense(settings(), SystemClock(), bus, HASTE).samples())
    assert bus.resets == [camera.serial]


@contextmanager
def read(source: RealSense) -> Iterator[SimpleQueue[Sample]]:
    """What a thread of its own gets from the source."""
    found: SimpleQueue[Sample] = SimpleQueue()

    def run() -> None:
        for sample in source.samples():
            found.put(sample)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield found
    finally:
        source.close()
        thread.join()


def test_a_camera_that_a_restart_cures_goes_on(bus: SyntheticBus) -> None:
    class Restarts(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.put(record.getMessage())

    told: SimpleQueue[str] = SimpleQueue()
    camera, log, listener = SyntheticCamera(), logging.getLogger(RealSense.__module__), Restarts()
    bus.plug(camera)
    log.addHandler(listener)
    patience = Patience(poll_s=0.02, stall_s=0.5)
    try:
        with read(RealSense(settings(), SystemClock(), bus, patience)) as found:
            with filming(camera):
                found.get(timeout=10)
            assert "times=1" in told.get(timeout=10)
            while not found.empty():
                found.get()
            with filming(camera):
                found.get(timeout=10)
    finally:
        log.removeHandler(listener)
    assert bus.resets == []


class JumpingClock(SystemClock):
    """A wall clock that somebody sets."""

    ahead_ns = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.ahead_ns


@pytest.mark.parametrize("domain", ["hardware_clock", "system_time"])
@pytest.mark.parametrize("jump_s", [-3_600, 3_600])
def test_setting_the_wall_clock_moves_no_capture_time(
    bus: SyntheticBus, domain: str, jump_s: int
) -> None:
    camera, clock = SyntheticCamera(), JumpingClock()
    bus.plug(camera)
    began = time.monotonic_ns()
    source = RealSense(settings(color=None), clock, bus, CALM)

    def push(number: int) -> int:
        wall_ms, own_ms = clock.wall_ns() / 1e6, (time.monotonic_ns() - began) / 1e6
        before = time.monotonic_ns()
        stamp_ms = wall_ms if domain == "system_time" else own_ms
        camera.push(number, stamp_ms, wall(1_000 + number), None, domain)
        return before

    with read(source) as found:
        number = 0
        while found.empty():  # until the pipeline runs
            push(number := number + 1)
            time.sleep(0.02)
        for index in range(30):
            if index == 15:
                clock.ahead_ns = jump_s * 1_000_000_000
            before = push(number := number + 1)
            while (sample := found.get(timeout=10)).data[0, 0] != 1_000 + number:
                pass
            assert before - 1_000_000 <= sample.t_ns <= time.monotonic_ns()
    assert source.capture_clock.steps == 0


def test_closing_from_another_thread_ends_a_camera_that_waits(bus: SyntheticBus) -> None:
    camera = SyntheticCamera()
    bus.plug(camera)
    patient = Patience(poll_s=0.02, stall_s=60)
    source = RealSense(settings(), SystemClock(), bus, patient)
    found: list[list[Sample]] = []
    thread = threading.Thread(target=lambda: found.append(list(source.samples())))
    thread.start()
    source.close()
    thread.join(10)
    assert found == [[]]


def test_without_the_package_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyrealsense2", None)
    with pytest.raises(ConfigError, match=r"pip install 'gatehouse-edge\[realsense\]'"):
        library.load()


class Counts:
    """What this process holds."""

    def __init__(self) -> None:
        gc.collect()
        self.threads = len(os.listdir("/proc/self/task"))
        self.descriptors = len(os.listdir("/proc/self/fd"))
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory_mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_unplugging_and_plugging_again_leaves_nothing_behind(bus: SyntheticBus) -> None:
    """GATEHOUSE_CYCLES=1000 for the long run."""
    slots, stop = Slots(["one"]), threading.Event()

    def source(_: Any) -> RealSense:
        return RealSense(settings(serial="SYN0001"), SystemClock(), bus, CALM)

    feed = RoomFeed("one", settings(), source, slots, SystemClock(), stop)
    feed._backoff = Backoff(0.002, 0.002)
    thread = feed.start()
    before = None
    for cycle in range(CYCLES + 5):
        if cycle == 5:  # librealsense has warmed up
            before = Counts()
        camera = SyntheticCamera()
        bus.plug(camera)
        with filming(camera):
            _wait_for(slots, lambda news: isinstance(news, Sample))
        bus.unplug(camera.serial)
        _wait_for(slots, lambda news: isinstance(news, Ended) and "unplugged" in str(news.error))
    after = Counts()
    stop.set()
    feed.close()
    slots.close()
    thread.join(10)
    assert not thread.is_alive()
    assert before is not None
    assert (after.threads, after.descriptors) == (before.threads, before.descriptors)
    assert after.memory_mib - before.memory_mib < 16
    assert slots.dropped == {"one": 0}


def _wait_for(slots: Slots, wanted: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(wanted(news) for _, news in slots.take(0.05)):
            return
    pytest.fail("the camera did not do what it was waited for")
