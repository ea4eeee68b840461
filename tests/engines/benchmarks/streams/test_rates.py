from __future__ import annotations

import pytest

from engines.benchmarks.streams.rates import hourly, share


def test_wilson_intervals_are_those_of_the_textbook() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for hits, total, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = share(hits, total)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
        assert found.value == hits / total


def test_a_full_score_is_not_certainty() -> None:
    found = share(8, 8)
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.6756, abs=1e-4)


def test_nothing_to_detect_has_no_share() -> None:
    assert share(0, 0) is None


def test_poisson_intervals_are_those_of_the_tables() -> None:
    """Garwood 1936: counts of 0, 1, 5 and 10."""
    pytest.importorskip("scipy", reason="needs scipy (the extra train)")
    for count, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668)):
        found = hourly(count, 1.0)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)
    assert hourly(10, 0.5).low == pytest.approx(2 * 4.795, abs=2e-3)
    assert hourly(10, 0.5).value == 20.0


@pytest.mark.parametrize("wrong", [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="hits of"):
        share(*wrong)
    with pytest.raises(ValueError, match="hours"):
        hourly(1, 0.0)
