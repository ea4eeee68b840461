"""Rendered rooms: four modalities, all actions, persons, rooms, voices and sounds never seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.features import decision_windows, encode_rows
from engines.benchmarks.heads import HELD, train_shared
from engines.benchmarks.items import Fold, Items, Question, Workbench
from engines.benchmarks.pretexts.rooms import RoomSizes
from engines.benchmarks.report.figures import Figure
from engines.benchmarks.results import SuiteResult
from engines.benchmarks.room_clips import (
    Rooms,
    demo_row,
    open_rooms,
    pieces_of,
    scene_items,
    settled_windows,
    spread,
)
from engines.benchmarks.runner import Answered
from engines.benchmarks.scene_figure import best_simplex, scene_figure
from engines.benchmarks.senses import RULE, recalls, restricted, seen_by_two
from engines.benchmarks.shipped import shipped_question
from engines.training.truth import read_truth, truth_file

CLIP_NOTE = "one window a clip, at its last decision: a clip ends with its action"
MOMENT_NOTE = "every decision; what it shows by the rule of engines/training/truth.py"
UNSEEN_NOTE = (
    "experts, too, learned from held-out training persons alone, which no encoder had learned "
    "from: fewer items, but their features look like those of strangers"
)
SCENE_NOTE = "the recording of the demo, 40 s, with the heads of the question on every decision"


@dataclass(frozen=True, slots=True)
class RoomsSuite:
    """Clips of 4 s, and one long scene."""

    name: str = "rooms"
    title: str = "Rendered rooms: RGB, optical flow, depth and sound"
    sizes: RoomSizes = field(default_factory=lambda: RoomSizes(train=4000, test=450))
    learned: int = 1800  # training clips for the experts, those of held-out persons among them

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        """By clip, by decision, on what two senses can see, by strangers alone, on one scene."""
        rooms = open_rooms(bench, self.sizes, lambda rows: spread(rows, self.learned), progress)
        learned = [*rooms.seen, *rooms.held]
        last = Fold(rooms.items(pieces_of(learned)), rooms.items(pieces_of(rooms.test)))
        moments = Fold(
            rooms.items([*pieces_of(rooms.seen, settled_windows),
                         *pieces_of(rooms.held, decision_windows)]),
            rooms.items(pieces_of(rooms.test, decision_windows)),
        )  # fmt: skip
        held = np.array([tag == HELD for tag in last.train.tags], np.bool_)
        asked = [
            question("clip", "One window a clip", last, (CLIP_NOTE, *rooms.notes)),
            question("moments", "Every decision", moments, (MOMENT_NOTE, *rooms.notes)),
            two_senses(last, rooms),
            question("clip_unseen", "One window a clip, heads of held-out persons alone",
                     Fold(last.train.pick(held), last.test),
                     (CLIP_NOTE, UNSEEN_NOTE, *rooms.notes[:2], *rooms.notes[3:])),
            shipped_question("shipped", "One window a clip, the model as it ships", last.test,
                             bench, (CLIP_NOTE, *rooms.notes), by_tag=False),
            shipped_question("shipped_moments", "Every decision, the model as it ships",
                             moments.test, bench, (MOMENT_NOTE, *rooms.notes), by_tag=False),
        ]  # fmt: skip
        return [*asked, scene_question(moments.train, bench, progress)]

    def figures(
        self, answered: Sequence[Answered], result: SuiteResult, bench: Workbench
    ) -> Sequence[Figure]:
        """Gate weights over time on the scene, under what happens there."""
        scene = next(one for one in answered if one.question.name == "scene")
        shown = best_simplex(result, "moments")
        if shown is None:
            return []
        return [scene_figure("scene", scene, read_truth(truth_file(demo_row().path)), shown)]


def question(name: str, title: str, fold: Fold, notes: Sequence[str]) -> Question:
    """Fifteen actions, each of which counts alike."""
    return Question(name, title, (fold,), notes=tuple(notes))


def two_senses(fold: Fold, rooms: Rooms) -> Question:
    """The classes that two modalities can see, and nothing else."""
    held = np.array([tag == HELD for tag in fold.train.tags], np.bool_)
    found = recalls(untagged(fold.train.pick(~held)), fold.train.pick(held), train_shared)
    chosen = seen_by_two(found, ACTIONS)
    told = ", ".join(name for name in ACTIONS if name not in chosen)
    seen = [
        f"{m.value}: " + ", ".join(f"{a} {found[row, i]:.2f}" for i, a in enumerate(ACTIONS))
        for row, m in enumerate(MODALITIES)
    ]
    return question(
        "two_senses",
        "One window a clip, classes that two modalities can see",
        Fold(restricted(fold.train, chosen), restricted(fold.test, chosen)),
        (CLIP_NOTE, RULE, f"left out: {told or 'none'}",
         "recall on held-out persons by which it was decided: " + "; ".join(seen),
         *rooms.notes),
    )  # fmt: skip


def untagged(items: Items) -> Items:
    """The same with nothing held back."""
    return replace(items, tags=())


def scene_question(
    train: Items, bench: Workbench, progress: Callable[[str, int, int], None]
) -> Question:
    """The demo's recording, judged by heads that learned from single clips."""
    row = demo_row()
    clip = encode_rows([row], bench, progress).clips[0]
    items = scene_items(clip, read_truth(truth_file(row.path)))
    return question("scene", "One long scene", Fold(train, items), (SCENE_NOTE,))


SUITE = RoomsSuite()
