"""What the default threshold of an alarm is worth on single decisions, before any decision stage.

The decision stage asks for more (several decisions in a row, rest after an alarm), so what it
raises is rarer and surer; the suite of whole scenes counts that. Precision depends on how common
the event is, and in test sets it is far more common than in a home.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.decision.rules import rule_for
from edge.settings import DecisionSettings
from edge.values import F32, Mask
from edge.vocabulary import ACTIONS, SOUNDS, AlarmClass
from engines.benchmarks.calibrated.decisions import Decisions, loudest
from engines.benchmarks.measures import interval
from engines.training.metrics import F64, RESAMPLES

ACTION_ALARMS: Mapping[AlarmClass, str] = {
    AlarmClass.FALL: "fall",
    AlarmClass.ON_FLOOR: "on_floor",
    AlarmClass.VIOLENCE: "violence",
}
SOUND_ALARMS: Mapping[AlarmClass, tuple[str, ...]] = {
    AlarmClass.DISTRESS_CALL: ("scream", "call_for_help"),
    AlarmClass.GLASS_BREAK: ("glass_break",),
}
"""As edge/decision/rules.py reads them; a test holds both equal."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """N decisions (or recorded clips) on one alarm."""

    scores: F64  # (N,) in [0, 1]
    true: Mask  # (N,)
    groups: tuple[str, ...]  # (N,)
    shown: tuple[str, ...]  # (N,) what was really there, for what it is mistaken for


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Of one alarm on one set."""

    threshold: float
    items: int
    groups: int
    positives: int
    raised: int
    precision: float | None  # None: nothing was raised
    precision_low: float | None
    precision_high: float | None
    recall: float | None  # None: there was nothing to raise it for
    recall_low: float | None
    recall_high: float | None
    false_rate: float | None  # share of the others that raised it
    mistaken: Mapping[str, int]  # what was there when it was raised wrongly, most often first


def action_evidence(decisions: Sequence[Decisions], action: str) -> Evidence:
    """Every decision of which it is known whether it shows the action."""
    column = ACTIONS.index(action)
    scores, true, groups, shown = [], [], [], []
    for one in decisions:
        known: Sequence[bool | None] = one.is_violence
        if action != "violence":
            known = [None if name is None else name == action for name in one.true_actions]
        for row, own in enumerate(known):
            if own is not None:
                scores.append(float(one.actions[row, column]))
                true.append(own)
                groups.append(one.group)
                shown.append(one.true_actions[row] or one.row.label)
    return Evidence(np.array(scores), np.array(true, np.bool_), tuple(groups), tuple(shown))


def sound_evidence(
    decisions: Sequence[Decisions], sounds: Sequence[str], by_clip: bool
) -> Evidence:
    """The highest of some sounds' scores; there when any of them is.

    by_clip: one item a recording, whose label does not say when; else every decision
    """
    columns = [SOUNDS.index(name) for name in sounds]
    scores, true, groups, shown = [], [], [], []
    for one in decisions:
        for said, targets, told in _heard(one, by_clip):
            wanted = targets[columns]
            there = bool((wanted == 1).any())
            if np.isfinite(said[columns]).all() and (there or np.isfinite(wanted).all()):
                scores.append(float(said[columns].max()))
                true.append(there)
                groups.append(one.group)
                shown.append(told)
    return Evidence(np.array(scores), np.array(true, np.bool_), tuple(groups), tuple(shown))


def _heard(one: Decisions, by_clip: bool) -> list[tuple[F32, F32, str]]:
    """Scores, targets and what was heard, of each item."""
    if by_clip:
        return [(*loudest(one), one.row.label)]
    told = [
        ", ".join(name for name, own in zip(SOUNDS, targets, strict=True) if own == 1) or "none"
        for targets in one.true_sounds
    ]
    return list(zip(one.sounds, one.true_sounds, told, strict=True))


def evidence_of(
    alarm: AlarmClass, decisions: Sequence[Decisions], by_clip: bool = False
) -> Evidence:
    """What speaks for an alarm.  Raises: KeyError for one without evidence of its own."""
    if alarm in ACTION_ALARMS:
        return action_evidence(decisions, ACTION_ALARMS[alarm])
    return sound_evidence(decisions, SOUND_ALARMS[alarm], by_clip)


def at_threshold(alarm: AlarmClass, found: Evidence, seed: int = 0) -> AtThreshold | None:
    """At the default threshold; None without any item."""
    if not len(found.scores):
        return None
    threshold = rule_for(alarm, DecisionSettings()).enter
    raised = np.asarray(found.scores >= threshold, np.bool_)
    counts = _counts(raised, found)  # (G, 3) true and raised, raised, true
    owners = len(counts)
    draws = np.random.default_rng(seed).multinomial(owners, np.full(owners, 1 / owners), RESAMPLES)
    both, said, there = (draws @ counts).T
    hits, total, positives = (int(n) for n in counts.sum(axis=0))
    others = len(found.true) - positives
    wrong = Counter(told for told, r, t in zip(found.shown, raised, found.true, strict=True)
                    if r and not t)  # fmt: skip
    precision_bounds, recall_bounds = _bounds(both, said), _bounds(both, there)
    return AtThreshold(
        threshold=threshold,
        items=len(found.scores),
        groups=owners,
        positives=positives,
        raised=total,
        precision=hits / total if total else None,
        precision_low=precision_bounds[0],
        precision_high=precision_bounds[1],
        recall=hits / positives if positives else None,
        recall_low=recall_bounds[0],
        recall_high=recall_bounds[1],
        false_rate=(total - hits) / others if others else None,
        mistaken=dict(wrong.most_common()),
    )


def _counts(raised: Mask, found: Evidence) -> F64:
    _, at = np.unique(np.asarray(found.groups), return_inverse=True)
    counts = np.zeros((int(at.max()) + 1, 3))
    np.add.at(counts, at, np.stack([raised & found.true, raised, found.true], axis=1).astype("f8"))
    return counts


def _bounds(part: F64, whole: F64) -> tuple[float | None, float | None]:
    """95 % of a share over the draws in which it can be said; None when one group decides it."""
    there = whole > 0
    if there.mean() < 0.95:
        return None, None
    return interval(part[there] / whole[there])
