from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS
from engines.training.baselines import has_sound, knows_the_room, majority
from engines.training.labels import Label, LabelMap
from engines.training.manifest import Row
from engines.training.metrics import area_under_curve, confusion, score
from engines.training.report import print_report
from engines.training.scoring import VIEWS, ClipScores
from engines.training.sections import SEEN, UNSEEN, all_sections
from engines.training.tasks import binary_tasks, judge_contained, judge_windows


def test_balanced_accuracy_is_the_mean_of_the_recalls() -> None:
    result = score(["a"] * 9 + ["b"], np.array([True] * 9 + [False]), [str(i) for i in range(10)])
    assert result.balanced_accuracy == 0.5
    assert result.recall == {"a": 1.0, "b": 0.0}


def test_one_group_leaves_no_doubt_and_many_groups_give_an_interval_around_the_value() -> None:
    hits = np.tile([True, True, False], 20)
    classes = ["a", "b"] * 30
    alone = score(classes, hits, ["g"] * 60)
    assert alone.low == alone.high == alone.balanced_accuracy
    many = score(classes, hits, [str(i) for i in range(60)])
    assert many.low < many.balanced_accuracy < many.high


def test_a_constant_answer_has_an_interval_without_width() -> None:
    hits = np.array([True, False] * 10)
    result = score(["a", "b"] * 10, hits, [str(i // 2) for i in range(20)])
    assert (result.low, result.high) == (0.5, 0.5)


def test_the_area_under_the_curve_counts_ties_as_half() -> None:
    positive = np.array([True, True, False, False])
    assert area_under_curve(np.array([0.9, 0.5, 0.5, 0.1]), positive) == 0.875
    assert area_under_curve(np.array([0.9]), np.array([True])) is None


def test_a_confusion_counts_by_true_class() -> None:
    assert confusion(["a", "a", "b"], ["a", "b", "b"]) == {"a": {"a": 1, "b": 1}, "b": {"b": 1}}


def clip(
    dataset: str, label: str, action: str, group: str, sound: bool = True, name: str = "x"
) -> tuple[ClipScores, Label]:
    scores = np.full((3, len(ACTIONS)), 0.1 / (len(ACTIONS) - 1), np.float32)
    scores[:, ACTIONS.index(action)] = 0.9
    row = Row(Path(name), name, dataset, "rgb", label, group)
    heard = np.full((3, len(SOUNDS)), 0.1 if sound else np.nan, np.float32)
    views = dict.fromkeys(VIEWS, scores)
    gate = np.full((3, len(MODALITIES)), 0.25, np.float32)
    done = ClipScores(row, None, (1.0, 1.5, 2.0), views, heard, gate)
    return done, LabelMap().label(dataset, label)


FIGHTS = [
    clip("surv_fight", "fight", "violence", "v1"),
    clip("surv_fight", "fight", "walk", "v2"),
    clip("surv_fight", "noFight", "walk", "v3", sound=False),
    clip("surv_fight", "noFight", "sit", "v4"),
]


def test_violence_is_judged_against_the_alarms_threshold() -> None:
    judged = binary_tasks()[0].judge(FIGHTS, "gate")
    assert judged is not None
    assert judged.true == ("violence", "violence", "no violence", "no violence")
    assert judged.said == ("violence", "no violence", "no violence", "no violence")


def test_a_clip_without_any_opinion_counts_as_nothing_found_for_the_gate_only() -> None:
    silent, label = FIGHTS[0]
    silent = ClipScores(
        silent.row,
        None,
        silent.times_s,
        {v: silent.actions[v] * np.nan for v in VIEWS},
        silent.sounds,
    )
    clips = [(silent, label), *FIGHTS[1:]]
    task = binary_tasks()[0]
    by_gate, by_flow = task.judge(clips, "gate"), task.judge(clips, "flow")
    assert by_gate is not None
    assert by_flow is not None
    assert by_gate.said[0] == "no violence"
    assert len(by_flow.true) == 3


def test_the_sound_baseline_says_violence_whenever_there_is_sound() -> None:
    judged = has_sound(FIGHTS, binary_tasks()[0])
    assert judged is not None
    assert judged.said == ("violence", "violence", "no violence", "violence")


def test_the_room_baseline_knows_urfd_by_its_scenes() -> None:
    clips = [
        clip("urfd", "fall_from_sitting", "walk", "P1|office|fall-1"),
        clip("urfd", "squat", "walk", "roomA|roomA|adl-1"),
    ]
    judged = knows_the_room(clips, binary_tasks()[1])
    assert judged is not None
    assert judged.hits.all()
    assert knows_the_room(FIGHTS, binary_tasks()[0]) is None


def test_the_majority_is_the_most_frequent_class() -> None:
    judged = binary_tasks()[0].judge(FIGHTS[1:], "gate")
    assert judged is not None
    assert set(majority(judged).said) == {"no violence"}


def test_a_contained_action_is_chosen_among_those_the_set_knows() -> None:
    clips = [clip("utd_mhad", "a24", "stand_up", "s1"), clip("utd_mhad", "a3", "fall", "s2")]
    judged = judge_contained(clips, "gate")
    assert judged is not None
    assert judged.true == ("stand_up", "wave")
    assert judged.said[0] == "stand_up"
    assert set(judged.said) <= {"stand_up", "wave"}


def test_with_ground_truth_every_decision_is_an_item() -> None:
    done, label = clip("rooms", "walk", "walk", "body1|seed1")
    views = done.actions
    true = ("walk", None, "stand")
    known = ClipScores(done.row, None, done.times_s, views, done.sounds, done.gate, true)
    judged = judge_windows([(known, label)], "gate")
    assert judged is not None
    assert judged.true == ("walk", "stand")
    assert judged.said == ("walk", "walk")


def test_a_report_separates_unseen_groups_and_is_plain_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clips = [
        clip("surv_fight", kind, "walk", f"v{i}", name=f"{kind}{i}")
        for i in range(30)
        for kind in ("fight", "noFight")
    ]
    sections = all_sections(clips, ["surv_fight"])
    assert {section.side for section in sections} == {UNSEEN, SEEN}
    assert all_sections(clips, ["rooms"])[0].side == UNSEEN
    assert "majority" in json.dumps([section.as_json() for section in sections])
    failed = [ClipScores(clips[0][0].row, problem="no such file")]
    print_report("m", sections, failed, to_stderr=False)
    printed = capsys.readouterr().out
    assert "surv_fight: violence (unseen groups)" in printed
    assert "no such file" in printed
