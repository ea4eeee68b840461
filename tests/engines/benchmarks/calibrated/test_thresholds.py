from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.decision.rules import RAISED, rule_for, score_of
from edge.settings import DecisionSettings
from edge.values import Fused
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass
from engines.benchmarks.calibrated.decisions import Decisions
from engines.benchmarks.calibrated.thresholds import (
    ACTION_ALARMS,
    SOUND_ALARMS,
    Evidence,
    at_threshold,
    evidence_of,
)
from engines.training.manifest import Row

ENTER = rule_for(AlarmClass.FALL, DecisionSettings()).enter


def decisions(
    group: str, fall: list[float], true: list[str | None], scream: list[float] | None = None
) -> Decisions:
    """One clip with these scores of a fall; sounds are known to be silence but for a scream."""
    k = len(fall)
    actions = np.zeros((k, len(ACTIONS)), np.float32)
    actions[:, ACTIONS.index("fall")] = fall
    actions[:, ACTIONS.index("stand")] = 1 - np.array(fall)
    sounds = np.zeros((k, len(SOUNDS)), np.float32)
    heard = np.zeros((k, len(SOUNDS)), np.float32)
    if scream is not None:
        sounds[:, SOUNDS.index("scream")] = scream
        heard[:, SOUNDS.index("scream")] = 1
    return Decisions(
        Row(Path(group), group, "rooms", "rgb", "scene", group), group, actions, sounds,
        tuple(true), tuple(None if t is None else t == "violence" for t in true), heard,
    )  # fmt: skip


def test_the_same_scores_raise_an_alarm_here_and_in_the_decision_stage() -> None:
    assert set(RAISED) == {*ACTION_ALARMS, *SOUND_ALARMS}
    rng = np.random.default_rng(0)
    actions = rng.dirichlet(np.ones(len(ACTIONS))).astype(np.float32)
    sounds = rng.random(len(SOUNDS)).astype(np.float32)
    one = Decisions(
        Row(Path("x"), "x", "rooms", "rgb", "scene", "x"), "x", actions[None], sounds[None],
        ("stand",), (False,), np.zeros((1, len(SOUNDS)), np.float32),
    )  # fmt: skip
    fused = Fused("x", 0, 0, actions, sounds, None, dict.fromkeys(MODALITIES, 0.25), {})
    for alarm in RAISED:
        assert evidence_of(alarm, [one]).scores == pytest.approx([score_of(alarm, fused)])


def test_precision_and_recall_are_those_at_the_default_threshold() -> None:
    high, low = ENTER + 0.01, ENTER - 0.01
    clips = [
        decisions("a", [high, high, low], ["fall", "sit", "fall"]),
        decisions("b", [high, low, low], ["fall", "stand", None]),
    ]
    found = at_threshold(AlarmClass.FALL, evidence_of(AlarmClass.FALL, clips))
    assert found is not None
    assert found.threshold == ENTER
    assert (found.items, found.groups, found.positives, found.raised) == (5, 2, 3, 3)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.false_rate == pytest.approx(1 / 2)
    assert found.mistaken == {"sit": 1}


def test_what_cannot_be_said_is_not_said() -> None:
    quiet = [decisions(name, [0.0], ["stand"]) for name in ("a", "b")]
    found = at_threshold(AlarmClass.FALL, evidence_of(AlarmClass.FALL, quiet))
    assert found is not None
    assert found.precision is found.recall is found.recall_low is None
    assert found.false_rate == 0
    empty = Evidence(np.zeros(0), np.zeros(0, np.bool_), (), ())
    assert at_threshold(AlarmClass.FALL, empty) is None


def test_a_recorded_clip_is_one_item_with_its_highest_score() -> None:
    clip = decisions("a", [0.0, 0.0, 0.0], ["stand"] * 3, scream=[0.1, 0.9, 0.2])
    by_clip = evidence_of(AlarmClass.DISTRESS_CALL, [clip], by_clip=True)
    assert by_clip.scores == pytest.approx([0.9])
    assert by_clip.true.tolist() == [True]
    assert len(evidence_of(AlarmClass.DISTRESS_CALL, [clip]).scores) == 3


def test_decisions_without_sound_say_nothing_of_sounds() -> None:
    clip = decisions("a", [0.0, 0.0], ["stand"] * 2, scream=[np.nan, 0.9])
    clip.sounds[0] = np.nan
    assert len(evidence_of(AlarmClass.DISTRESS_CALL, [clip]).scores) == 1
    assert evidence_of(AlarmClass.DISTRESS_CALL, [clip], True).scores == pytest.approx([0.9])
