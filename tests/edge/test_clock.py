from __future__ import annotations

import pytest

from edge.clock import ManualClock, SystemClock


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(monotonic_ns=5, wall_ns=7)
    assert [clock.monotonic_ns() for _ in range(3)] == [5, 5, 5]
    assert [clock.wall_ns() for _ in range(3)] == [7, 7, 7]


@pytest.mark.parametrize(("ms", "expected_ns"), [(0, 0), (0.5, 500_000), (1e9, 10**15)])
def test_both_clocks_move_alike(ms: float, expected_ns: int) -> None:
    clock = ManualClock(monotonic_ns=1, wall_ns=2)
    clock.advance(ms)
    assert (clock.monotonic_ns(), clock.wall_ns()) == (1 + expected_ns, 2 + expected_ns)


def test_time_does_not_move_back() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(ms=-1)
    assert clock.monotonic_ns() == 0


def test_the_systems_monotonic_clock_never_falls_back() -> None:
    clock = SystemClock()
    times = [clock.monotonic_ns() for _ in range(1_000)]
    assert times == sorted(times)


def test_the_systems_wall_clock_counts_nanoseconds_since_1970() -> None:
    assert SystemClock().wall_ns() > 1_700_000_000 * 10**9
