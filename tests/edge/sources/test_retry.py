from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.retry import Backoff

S = 1_000_000_000


def test_waits_double_up_to_the_cap() -> None:
    backoff = Backoff(first_s=1, longest_s=30, chance=lambda: 1.0)
    assert [backoff.failed(0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.failures == 8


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 5_000))
def test_chance_takes_away_at_most_half_however_many_failures(chance: float, count: int) -> None:
    backoff = Backoff(first_s=1, longest_s=30, chance=lambda: chance)
    for failure in range(count):
        wait_s = backoff.failed(0)
        whole_s = min(2.0 ** min(failure, 10), 30)
        assert whole_s / 2 <= wait_s <= whole_s


def test_two_devices_that_were_lost_together_do_not_come_back_together() -> None:
    waits = {Backoff().failed(0) for _ in range(10)}
    assert len(waits) > 5


@pytest.mark.parametrize(("delivered_s", "expected_s"), [(9, 4), (10, 1)])
def test_only_steady_delivery_counts_as_recovery(delivered_s: int, expected_s: int) -> None:
    backoff = Backoff(first_s=1, longest_s=30, steady_s=10, chance=lambda: 1.0)
    backoff.failed(0)
    backoff.failed(0)
    backoff.delivers(5 * S)
    backoff.delivers((5 + delivered_s) * S)
    assert backoff.failed((5 + delivered_s) * S) == expected_s


def test_a_failure_without_any_delivery_between_is_not_a_recovery_however_late() -> None:
    backoff = Backoff(first_s=1, chance=lambda: 1.0)
    backoff.failed(0)
    assert backoff.failed(1_000 * S) == 2
