from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.decision.rules import RAISED, rule_for, score_of
from edge.settings import DecisionSettings
from edge.values import Fused
from edge.vocabulary import AlarmClass

MakeFused = Callable[..., Fused]


@pytest.mark.parametrize(
    ("word", "alarm_class"),
    [
        ("fall", AlarmClass.FALL),
        ("on_floor", AlarmClass.ON_FLOOR),
        ("violence", AlarmClass.VIOLENCE),
        ("scream", AlarmClass.DISTRESS_CALL),
        ("call_for_help", AlarmClass.DISTRESS_CALL),
        ("glass_break", AlarmClass.GLASS_BREAK),
    ],
)
def test_a_word_speaks_for_one_alarm_only(
    fused: MakeFused, word: str, alarm_class: AlarmClass
) -> None:
    now = fused(1, **{word: 0.7})
    scores = {kind: score_of(kind, now) for kind in RAISED}
    assert scores.pop(alarm_class) == pytest.approx(0.7)
    assert set(scores.values()) == {0.0}


def test_the_louder_cry_for_help_counts(fused: MakeFused) -> None:
    now = fused(1, scream=0.2, call_for_help=0.8)
    assert score_of(AlarmClass.DISTRESS_CALL, now) == pytest.approx(0.8)


def test_a_blind_room_still_hears_and_a_deaf_one_still_sees(fused: MakeFused) -> None:
    blind, deaf = fused(1, blind=True, scream=0.9), fused(1, deaf=True, fall=0.9)
    assert score_of(AlarmClass.FALL, blind) is None
    assert score_of(AlarmClass.DISTRESS_CALL, blind) == pytest.approx(0.9)
    assert score_of(AlarmClass.FALL, deaf) == pytest.approx(0.9)
    assert score_of(AlarmClass.DISTRESS_CALL, deaf) is None


def test_every_raised_class_has_a_rule() -> None:
    assert all(rule_for(kind, DecisionSettings()).enter > 0 for kind in RAISED)
