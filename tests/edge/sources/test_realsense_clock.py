"""Capture times of a camera with a clock of its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.realsense.capture_clock import CaptureClock, Unwrapped

MS, S = 1_000_000, 1_000_000_000
FRAME = 33 * MS
WRAP_MS = (1 << 32) / 1_000


def feed(clock: CaptureClock, stamps: list[int], delays: list[int], ahead: int) -> list[int]:
    """Errors in ns; ahead: CLOCK_MONOTONIC minus the camera's clock."""
    errors = []
    for stamp, delay in zip(stamps, delays, strict=True):
        taken = stamp + ahead
        errors.append(clock.to_monotonic(stamp, taken + delay) - taken)
    return errors


@given(
    st.lists(st.integers(0, 80 * MS), min_size=40, max_size=120),
    st.integers(-(10**15), 10**15),
)
def test_jitter_of_deliveries_leaves_no_trace(jitter: list[int], ahead: int) -> None:
    transit, jitter = 12 * MS, [*jitter[:20], 0, *jitter[20:]]
    stamps = [index * FRAME for index in range(len(jitter))]
    errors = feed(CaptureClock(), stamps, [transit + late for late in jitter], ahead)
    assert set(errors[20:]) == {transit}  # from the quickest delivery on: the transit time alone
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == transit + jitter[0]


@given(st.lists(st.integers(0, 400 * MS), min_size=2, max_size=200))
def test_no_picture_is_taken_after_it_arrived(jitter: list[int]) -> None:
    clock = CaptureClock()
    for index, late in enumerate(jitter):
        arrival = 7 * S + index * FRAME + late
        assert clock.to_monotonic(index * FRAME, arrival) <= arrival


def test_a_clock_that_drifts_is_followed_and_its_drift_told() -> None:
    for ppm in (-80, 80):
        clock = CaptureClock()
        worst = 0
        for index in range(30 * 200):
            taken = 50 * S + index * FRAME
            stamp = round((taken - 50 * S) * (1 - ppm * 1e-6))
            late = index * 7_919 % 23 * MS
            worst = max(worst, abs(clock.to_monotonic(stamp, taken + late) - taken))
            if index == 30 * 5:
                assert clock.drift_ppm is None
                worst = 0
        assert clock.drift_ppm is not None
        assert abs(clock.drift_ppm - ppm) < 2
        assert worst < 3 * MS
        assert clock.steps == 0


def test_a_camera_whose_clock_starts_again_is_believed_within_a_second() -> None:
    clock = CaptureClock()
    feed(clock, [index * FRAME for index in range(100)], [5 * MS] * 100, 9 * S)
    back = feed(clock, [index * FRAME for index in range(60)], [5 * MS] * 60, 15 * S)
    assert abs(back[0]) > S
    assert set(back[31:]) == {5 * MS}
    assert clock.steps == 1


def test_a_clock_that_jumps_ahead_is_believed_at_once() -> None:
    clock = CaptureClock()
    feed(clock, [index * FRAME for index in range(100)], [5 * MS] * 100, 9 * S)
    assert set(feed(clock, [1_000 * S, 1_000 * S + FRAME], [5 * MS] * 2, -900 * S)) == {5 * MS}
    assert clock.steps == 1


def test_one_late_picture_changes_nothing() -> None:
    clock = CaptureClock()
    delays = [5 * MS] * 50 + [3 * S] + [5 * MS] * 50
    errors = feed(clock, [index * FRAME for index in range(101)], delays, 0)
    assert set(errors) == {5 * MS}
    assert clock.steps == 0


@given(st.integers(0, 1 << 33), st.lists(st.integers(-40, 2_000), min_size=1, max_size=50))
def test_a_counter_of_32_bits_goes_on_rising_across_its_wrap(start: int, gaps: list[int]) -> None:
    unwrapped, true_us = Unwrapped(), start
    first = unwrapped.to_ns(start % (1 << 32) / 1_000)
    for gap_ms in gaps:  # negative: the other sensor's picture of the same moment
        true_us = max(0, true_us + gap_ms * 1_000)
        found = unwrapped.to_ns(true_us % (1 << 32) / 1_000)
        assert abs(found - first - (true_us - start) * 1_000) <= 1_000


def test_a_wrap_is_no_step() -> None:
    clock, unwrapped = CaptureClock(), Unwrapped()
    times = []
    for index in range(100):
        stamp_ms = (WRAP_MS - 1_000 + index * 33) % WRAP_MS
        times.append(clock.to_monotonic(unwrapped.to_ns(stamp_ms), 80 * S + index * FRAME))
    assert set(np.diff(times).tolist()) <= {FRAME - 1, FRAME, FRAME + 1}
    assert clock.steps == 0
