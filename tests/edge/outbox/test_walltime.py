from __future__ import annotations

import pytest

from edge.clock import ManualClock
from edge.outbox.walltime import WallTime

S = 1_000_000_000


def test_a_recordings_time_line_is_dated_from_its_alignment() -> None:
    clock = ManualClock(monotonic_ns=7_000_000_000_000)
    time = WallTime(clock)
    time.align("lounge", t_ns=0)
    clock.advance(ms=2_000)
    assert time.date("lounge", 1_000_000_000) == clock.wall_ns() - 1_000_000_000
    assert time.capture("lounge", clock.wall_ns()) == 2_000_000_000
    assert time.date("kitchen", clock.monotonic_ns()) == clock.wall_ns()


@pytest.mark.parametrize("ago_s", [0, 1, 3_600])
def test_a_date_is_taken_back_to_the_capture_time_it_came_from(ago_s: int) -> None:
    clock = ManualClock(monotonic_ns=7_200 * S)
    time = WallTime(clock)
    t_ns = clock.monotonic_ns() - ago_s * S
    assert time.date("lounge", t_ns) == clock.wall_ns() - ago_s * S
    assert time.capture("lounge", time.date("lounge", t_ns)) == t_ns


def test_a_recording_that_starts_again_is_aligned_again() -> None:
    clock = ManualClock()
    time = WallTime(clock)
    time.align("lounge", t_ns=0)
    clock.advance(ms=5_000)
    time.align("lounge", t_ns=0)
    assert time.date("lounge", 0) == clock.wall_ns()


def test_a_date_from_before_the_start_is_a_negative_capture_time() -> None:
    clock = ManualClock(monotonic_ns=S)
    assert WallTime(clock).capture("lounge", clock.wall_ns() - 2 * S) == -S
