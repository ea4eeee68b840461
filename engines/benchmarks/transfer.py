"""Transfer: a model as it ships, on recordings of sets from which it learned nothing.

Nothing is trained here. A clip is judged from its decisions as engines/training/tasks.py does: a
fall is found when any decision's score reaches the threshold of the alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edge.errors import MissingFileError
from edge.settings import DecisionSettings
from edge.values import F32
from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.baselines import Baseline, others_of_group
from engines.benchmarks.features import model_store
from engines.benchmarks.given_items import binary, judged_only
from engines.benchmarks.items import Fold, Given, Items, Prediction, Question, Workbench
from engines.benchmarks.splits import extra_rows
from engines.benchmarks.transfer_scores import Said, said_of
from engines.training.labels import LabelMap
from engines.training.manifest import Row, read_manifest
from engines.training.split import group_of, is_seen

FALLS, GESTURES = "urfd", ("utd_mhad", "msr_action3d")
CEILING = "cam1"
FALL = ("no fall", "fall")
TITLES = {"mean": "mean of experts", "gate": "the model's own gate"}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TransferSuite:
    """Falls on film, gestures in depth."""

    name: str = "transfer"
    title: str = "Transfer: the model as it ships, on sets it never learned from"

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """Falls by clip, named actions, false falls.  See items.Suite."""
        manifest = model_store(bench).manifest
        rows = [row for row in rows_of(bench) if not is_seen(row, manifest.trained_on)]
        if not rows:
            raise MissingFileError(f"no clips of {FALLS} or {', '.join(GESTURES)}; see --data")
        labels = LabelMap()
        told = (f"{manifest.name} as it is; it had learned from {', '.join(manifest.trained_on)}",)
        said = said_of(rows, bench, progress)
        asked: list[Question] = []
        for name, title, chosen, notes in (
            ("falls", "urfd: falls by clip, camera in front", front(said), FRONT_NOTES),
            ("falls_all", "urfd: falls by clip, both cameras", of_set(said, FALLS), CEILING_NOTES),
        ):
            asked += fall_question(name, title, chosen, labels, (*told, *FALL_NOTES, *notes))
        for name in GESTURES:
            own = of_set(said, name)
            asked += action_question(name, own, labels, (*told, *GESTURE_NOTES))
            asked += fall_question(f"false_falls_{name}", f"{name}: who calls a gesture a fall?",
                                   own, labels, (*told, *FALL_NOTES, *CALM_NOTES))  # fmt: skip
        return asked


FALL_NOTES = (
    "a fall is found when the fall score of any decision reaches the threshold of the alarm "
    f"({DecisionSettings().fall.enter:g}); the alarm of the decision stage also wants it to last",
)
FRONT_NOTES = (
    "all falls are in one office and no daily activity is: 'scene' is told the labels of the other "
    "clips of the same scene, and a model could know the room; this one never saw any of them",
    "'fastest half' calls the half of the clips with the fastest motion falls",
)
CEILING_NOTES = (
    *FRONT_NOTES,
    "the camera at the ceiling, which shows falls alone, sees people from where no rendered "
    "camera hangs",
)
GESTURE_NOTES = (
    "only clips whose action has a name in the product's vocabulary; among these names the one "
    "with the highest score of any decision is said",
    "depth alone, so every fusion says what the depth expert says; bodies are cut out of the room: "
    "no floor, no furniture, and the unit of MSR's depth is not known",
)
CALM_NOTES = ("nobody falls in this set: every fall that is found is false",)


def rows_of(bench: Workbench) -> list[Row]:
    """Clips of --manifest, or all of the recorded sets.  Raises: MissingFileError."""
    sets = (FALLS, *GESTURES)
    extra = extra_rows(bench, sets)
    if extra:
        return extra
    manifest = Path(bench.data) / "manifest.csv"
    if not manifest.exists():
        raise MissingFileError(f"{manifest} is not there; set GATEHOUSE_DATA or --data")
    return [row for row in read_manifest(manifest) if row.dataset in sets]


def of_set(said: Sequence[Said], dataset: str) -> list[Said]:
    """Clips of one set."""
    return [one for one in said if one.row.dataset == dataset]


def front(said: Sequence[Said]) -> list[Said]:
    """Films of a camera in the room, not of that at the ceiling."""
    return [one for one in of_set(said, FALLS) if CEILING not in Path(one.row.name).stem]


def fall_question(
    name: str, title: str, said: Sequence[Said], labels: LabelMap, notes: Sequence[str]
) -> list[Question]:
    """Is there a fall in the clip?  Nothing is asked without clips."""
    known = [(one, fell) for one in said if (fell := falls(one.row, labels)) is not None]
    if not known:
        return []
    clips = [one for one, _ in known]
    fold = fold_of(clips, FALL, [FALL[fell] for _, fell in known])
    fall, threshold = ACTIONS.index("fall"), DecisionSettings().fall.enter

    def scores(one: Said, view: str) -> F32:
        return np.asarray(highest(one.actions[view])[fall : fall + 1])

    given = {
        view: Given(
            title_of(view),
            kind_of(view),
            Prediction(
                binary(np.concatenate([scores(one, view) for one in clips]), threshold),
                mean_gates(clips) if view == "gate" else None,
            ),
            simplex=view == "gate",
        )
        for view in views_of(fold.test)
    }
    alarms = np.array([0.9 if one.alarm else 0.1 for one in clips], np.float32)
    given["alarm"] = Given("alarm of the decision stage", "gate", Prediction(binary(alarms, 0.5)))
    scarce = len({label for _, label in known}) < len(FALL)
    baselines: dict[str, Baseline] = {} if scarce else {
        "scene": others_of_group(),
        "fastest half": fastest_half([one.speed for one in clips]),
    }  # fmt: skip
    measure = "accuracy" if scarce else "balanced_accuracy"
    return [Question(name, title, (fold,), measure, "fall", baselines, tuple(notes), given)]


def falls(row: Row, labels: LabelMap) -> bool | None:
    """Whether somebody falls in a clip; None: it is not known."""
    if row.dataset in GESTURES:  # sets without any fall, whatever a label leaves open
        return False
    label = labels.label(row.dataset, row.label)
    if label.contains == "fall" or label.allowed == {"fall"}:
        return True
    return False if "fall" not in label.allowed else None


def action_question(
    name: str, said: Sequence[Said], labels: LabelMap, notes: Sequence[str]
) -> list[Question]:
    """Which of the actions that the set has is it?  Nothing is asked with fewer than two."""
    named = [
        (one, action)
        for one in said
        if (action := labels.label(one.row.dataset, one.row.label).contains) is not None
    ]
    classes = sorted({action for _, action in named})
    if len(classes) < 2:
        return []
    clips = [one for one, _ in named]
    fold = fold_of(clips, classes, [action for _, action in named])
    columns = [ACTIONS.index(action) for action in classes]

    def prediction(view: str) -> Prediction:
        scores = np.stack([highest(one.actions[view])[columns] for one in clips])
        sums = np.nansum(scores, axis=1, keepdims=True)
        shares = np.nan_to_num(scores) / np.maximum(np.nan_to_num(sums), 1e-9)
        gates = mean_gates(clips) if view == "gate" else None
        return Prediction(shares.astype(np.float32), gates)

    given = {
        view: Given(title_of(view), kind_of(view), prediction(view), simplex=view == "gate")
        for view in views_of(fold.test)
    }
    title = f"{name}: actions with a name here"
    return [Question(f"actions_{name}", title, (fold,), notes=tuple(notes), given=given)]


def highest(scores: F32) -> F32:
    """Of any decision.  scores: (K, A), NaN: no opinion   returns: (A,) NaN without any"""
    heard = scores[np.isfinite(scores).all(axis=1)]
    return np.asarray(heard.max(axis=0) if len(heard) else np.full(scores.shape[1], np.nan))


def fold_of(clips: Sequence[Said], classes: Sequence[str], labels: Sequence[str]) -> Fold:
    """One item a clip, with the modalities that any clip has."""
    heard = np.array(
        [[bool(np.isfinite(one.actions[m.value]).any()) for m in MODALITIES] for one in clips]
    )
    axis = [i for i in range(len(MODALITIES)) if heard[:, i].any()]
    return judged_only(
        [MODALITIES[i] for i in axis],
        classes,
        heard[:, axis],
        labels,
        [group_of(one.row) for one in clips],
        [one.row.name for one in clips],
    )


def views_of(items: Items) -> list[str]:
    """Singles that are there, and what fuses them; one alone is not fused."""
    singles = [m.value for m in items.modalities]
    return [*singles, "mean", "gate"] if len(singles) > 1 else singles


def kind_of(view: str) -> Literal["single", "rule", "gate"]:
    """Of a view in the tables."""
    if view == "mean":
        return "rule"
    return "gate" if view == "gate" else "single"


def title_of(view: str) -> str:
    """Of a view in the tables."""
    return TITLES.get(view, view)


def mean_gates(clips: Sequence[Said]) -> F32:
    """(N, M) of the modalities that any clip has, decisions averaged"""
    gates = np.stack([one.gate.mean(axis=0) for one in clips])
    there = [any(np.isfinite(one.actions[m.value]).any() for one in clips) for m in MODALITIES]
    return np.asarray(gates[:, there], np.float32)


def fastest_half(speeds: Sequence[float]) -> Baseline:
    """Ranks clips by their motion and calls the upper half falls."""

    def answer(fold: Fold) -> Prediction:
        rank = np.argsort(np.argsort(speeds, kind="stable"), kind="stable")
        yes = (rank + 0.5) / len(speeds)
        return Prediction(np.stack([1 - yes, yes], axis=1).astype(np.float32))

    return answer


SUITE = TransferSuite()
