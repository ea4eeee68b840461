from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decision.hold import Hold
from edge.settings import AlarmRule

HALF_S = 500_000_000
RULE = AlarmRule(enter=0.6, exit=0.3, decisions=3)


def feed(hold: Hold, *scores: float | None, start: int = 0) -> list[bool]:
    return [hold.update((start + i) * HALF_S, score) for i, score in enumerate(scores)]


def test_it_holds_from_the_third_consecutive_score_at_or_above_enter() -> None:
    hold = Hold(RULE)
    assert feed(hold, 0.6, 0.7, 0.6) == [False, False, True]
    assert hold.onset_ns == 0


def test_a_break_restarts_the_count() -> None:
    assert feed(Hold(RULE), 0.9, 0.9, 0.5, 0.9, 0.9, 0.9) == [False] * 5 + [True]


def test_it_lasts_between_exit_and_enter_and_ends_below_exit() -> None:
    assert feed(Hold(RULE), 0.9, 0.9, 0.9, 0.3, 0.29, 0.59) == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_no_decision_neither_confirms_nor_ends() -> None:
    assert feed(Hold(RULE), 0.9, 0.9, None, 0.9, None, 0.9) == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_gap_longer_than_the_window_restarts_the_count() -> None:
    hold = Hold(RULE)
    feed(hold, 0.9, 0.9)
    assert feed(hold, 0.9, 0.9, 0.9, start=10) == [False, False, True]
    assert hold.onset_ns == 10 * HALF_S


def test_dismissed_evidence_counts_again_only_after_it_was_gone() -> None:
    hold = Hold(RULE)
    feed(hold, 0.9, 0.9, 0.9)
    hold.dismiss()
    assert feed(hold, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.9, start=3) == [False] * 6 + [True]


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(0, 1), max_size=40))
def test_it_never_holds_before_enough_scores_were_high(scores: list[float | None]) -> None:
    held = feed(Hold(RULE), *scores)
    for i, now in enumerate(held):
        if now:
            high = [s for s in scores[: i + 1] if s is not None and s >= RULE.enter]
            assert len(high) >= RULE.decisions
