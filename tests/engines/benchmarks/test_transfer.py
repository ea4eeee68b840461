from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.settings import DecisionSettings
from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.baselines import prior
from engines.benchmarks.given_items import binary, judged_only
from engines.benchmarks.heads import Method
from engines.benchmarks.items import Given, Prediction, Question
from engines.benchmarks.judge import judge
from engines.benchmarks.runner import Plan, answer_all
from engines.benchmarks.transfer import action_question, fall_question, front, highest
from engines.benchmarks.transfer_scores import VIEWS, Said, load_said, save_said
from engines.training.labels import LabelMap
from engines.training.manifest import Row

ENTER = DecisionSettings().fall.enter
JUST, LOUD = 0.9 * ENTER + 0.1, 0.1 * ENTER + 0.9  # above the threshold, and far above it


def said(
    name: str, dataset: str, label: str, action: str, score: float, there: tuple[str, ...]
) -> Said:
    """Two decisions; what is there gives one action a score in the second."""
    actions = {}
    for view in VIEWS:
        scores = np.full((2, len(ACTIONS)), (1 - score) / (len(ACTIONS) - 1), np.float32)
        scores[0] = 1 / len(ACTIONS)
        scores[1, ACTIONS.index(action)] = score
        absent = view in {m.value for m in MODALITIES} and view not in there
        actions[view] = np.full_like(scores, np.nan) if absent else scores
    gate = np.tile([[m.value in there for m in MODALITIES]], (2, 1)).astype(np.float32)
    row = Row(Path(name), name, dataset, "rgb", label, f"P{len(name) % 4}|office|{name}")
    alarm = action == "fall" and score >= LOUD
    return Said(row, actions, gate / gate.sum(axis=1, keepdims=True), score, alarm)


def films() -> list[Said]:
    seen = ("rgb", "flow")
    made = [
        said(f"video/urfd/fall-{i:02d}-cam0.mp4", "urfd", "fall_from_sitting", "fall",
             JUST if i < 6 else 0.5 * ENTER, seen)
        for i in range(8)
    ]  # fmt: skip
    made += [
        said(f"video/urfd/adl-{'x' * i}-cam0.mp4", "urfd", "squat",
             "fall" if i == 0 else "sit", LOUD, seen)
        for i in range(8)
    ]  # fmt: skip
    return made


def run(questions: list[Question], tmp_path: Path) -> list[Any]:
    def track(task: str) -> Callable[[Iterable[Any], int], Iterator[Any]]:
        return lambda items, total: iter(items)

    def train(*args: object) -> Any:
        pytest.fail("nothing is to be trained")

    gates = (Method("mean", "mean", "rule", "mean"),)
    plan = Plan(tmp_path, gates, train, "code", seeds=2, workers=1)
    return [judge(one) for one in answer_all(questions, plan, track)]


def test_falls_are_found_at_the_threshold_of_the_alarm(tmp_path: Path) -> None:
    (result,) = run(fall_question("falls", "Falls", films(), LabelMap(), ()), tmp_path)
    gate = result.method("gate")
    assert gate.averaged.recall == 6 / 8
    assert gate.averaged.false_rate == 1 / 8
    assert {row.name for row in result.methods} == {
        "rgb", "flow", "mean", "gate", "alarm", "majority", "scene", "fastest half",
    }  # fmt: skip
    alarm = result.method("alarm").averaged
    assert (alarm.recall, alarm.false_rate) == (0, 1 / 8)  # only the loud mistake lasts
    assert result.train_items == 0
    assert len(gate.seeds) == 1


def test_a_set_without_falls_is_asked_for_false_ones(tmp_path: Path) -> None:
    clips = [
        said(f"a{i}.mp4", "utd_mhad", "a3", "fall" if i < 2 else "wave", 0.95, ("depth",))
        for i in range(8)
    ]
    (result,) = run(fall_question("false", "False", clips, LabelMap(), ()), tmp_path)
    assert result.method("depth").averaged.false_rate == 2 / 8
    assert result.method("depth").averaged.recall is None
    assert "gate" not in {row.name for row in result.methods}  # one modality is not fused


def test_only_actions_that_the_set_names_compete(tmp_path: Path) -> None:
    labels = {"a3": "wave", "a22": "walk", "a1": "sit"}  # a1 has no name here
    clips = [
        said(f"{'n' * i}{label}.mp4", "utd_mhad", label, action, 0.4, ("depth",))
        for i in range(6)
        for label, action in labels.items()
    ]
    # sit is said loudest of these, and is no class of the set
    clips.append(said("z.mp4", "utd_mhad", "a22", "sit", 0.9, ("depth",)))
    (question,) = action_question("utd_mhad", clips, LabelMap(), ())
    (result,) = run([question], tmp_path)
    assert result.classes == ("walk", "wave")
    assert result.test_items == 13
    assert result.method("depth").averaged.accuracy >= 12 / 13


def test_the_ceiling_camera_is_left_out_in_front() -> None:
    clips = [
        said("video/urfd/fall-01-cam1.mp4", "urfd", "fall_from_sitting", "fall", 0.9, ("rgb",)),
        said("video/urfd/fall-01-cam0.mp4", "urfd", "fall_from_sitting", "fall", 0.9, ("rgb",)),
    ]
    assert [one.row.name for one in front(clips)] == ["video/urfd/fall-01-cam0.mp4"]


def test_the_highest_score_of_any_decision_counts() -> None:
    scores = np.array([[0.2, 0.8], [np.nan, np.nan], [0.7, 0.3]], np.float32)
    assert highest(scores).tolist() == pytest.approx([0.7, 0.8])
    assert np.isnan(highest(scores[1:2])).all()


def test_a_threshold_becomes_one_half_and_the_ranking_stays() -> None:
    scores = np.array([0.0, 0.1, 0.2, 0.3, 0.31, 1.0, np.nan], np.float32)
    made = binary(scores, 0.3)
    assert made.argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1, 0]
    assert np.all(np.diff(made[:6, 1]) > 0)
    assert made[:6].sum(axis=1) == pytest.approx(np.ones(6))
    assert not made[6].any()


def test_with_nothing_learned_all_classes_are_alike() -> None:
    fold = judged_only(MODALITIES[:1], ("a", "b"), np.ones((2, 1), np.bool_), "ab", "gh", "xy")
    assert prior(fold.train).tolist() == [0.5, 0.5]


def test_given_answers_need_no_training(tmp_path: Path) -> None:
    fold = judged_only(
        MODALITIES[:2], ("a", "b"), np.ones((4, 2), np.bool_), "abab", "ghij", "wxyz"
    )
    sure = np.eye(2, dtype=np.float32)[[0, 1, 0, 0]]
    silent = np.zeros((4, 2), np.float32)
    given = {
        "rgb": Given("rgb", "single", Prediction(silent)),
        "gate": Given("gate", "gate", Prediction(sure, np.full((4, 2), 0.5, np.float32)), True),
    }
    (result,) = run([Question("q", "Q", (fold,), "accuracy", given=given)], tmp_path)
    assert result.method("gate").mean == 0.75
    assert result.method("rgb").answered == 0
    assert result.weights[0].overall == {"rgb": 0.5, "flow": 0.5}


def test_scores_survive_on_disk(tmp_path: Path) -> None:
    one = films()[0]
    save_said(tmp_path / "x" / "clip.npz", one)
    back = load_said(one.row, tmp_path / "x" / "clip.npz")
    assert (back.speed, back.alarm) == (one.speed, one.alarm)
    assert np.array_equal(back.gate, one.gate)
    assert all(np.array_equal(back.actions[v], one.actions[v], equal_nan=True) for v in VIEWS)
