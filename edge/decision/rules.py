"""Which model outputs speak for which alarm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edge.settings import AlarmRule, DecisionSettings
from edge.values import F32, Fused
from edge.vocabulary import ACTIONS, SOUNDS, AlarmClass

RAISED: tuple[AlarmClass, ...] = (
    AlarmClass.FALL,
    AlarmClass.ON_FLOOR,
    AlarmClass.VIOLENCE,
    AlarmClass.DISTRESS_CALL,
    AlarmClass.GLASS_BREAK,
)
"""Classes with evidence of their own. LONG_LIE is what a FALL alarm becomes."""

_ACTIONS_FOR: Mapping[AlarmClass, str] = MappingProxyType(
    {
        AlarmClass.FALL: "fall",
        AlarmClass.ON_FLOOR: "on_floor",
        AlarmClass.VIOLENCE: "violence",
    }
)
_SOUNDS_FOR: Mapping[AlarmClass, tuple[str, ...]] = MappingProxyType(
    {
        AlarmClass.DISTRESS_CALL: ("scream", "call_for_help"),
        AlarmClass.GLASS_BREAK: ("glass_break",),
    }
)


def score_of(alarm_class: AlarmClass, fused: Fused) -> float | None:
    """Return how much this decision speaks for an alarm, in [0, 1]; None: it cannot tell.

    Raises: KeyError for LONG_LIE, which has no evidence of its own.
    """
    if alarm_class in _ACTIONS_FOR:
        return _read(fused.actions, ACTIONS, (_ACTIONS_FOR[alarm_class],))
    return _read(fused.sounds, SOUNDS, _SOUNDS_FOR[alarm_class])


def rule_for(alarm_class: AlarmClass, settings: DecisionSettings) -> AlarmRule:
    """Return the thresholds of a class that is raised."""
    return {
        AlarmClass.FALL: settings.fall,
        AlarmClass.ON_FLOOR: settings.on_floor,
        AlarmClass.VIOLENCE: settings.violence,
        AlarmClass.DISTRESS_CALL: settings.distress_call,
        AlarmClass.GLASS_BREAK: settings.glass_break,
    }[alarm_class]


def _read(scores: F32 | None, words: tuple[str, ...], wanted: tuple[str, ...]) -> float | None:
    if scores is None:
        return None
    return max(float(scores[words.index(word)]) for word in wanted)
