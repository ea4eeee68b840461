"""Violence in surveillance film: surv_fight with pictures, optical flow and sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from edge.errors import MissingFileError
from edge.values import Mask
from edge.vocabulary import Modality
from engines.benchmarks.baselines import by_number, is_present, others_of_group
from engines.benchmarks.features import EncodedSet, encode_rows, items_of, model_store, whole_clip
from engines.benchmarks.items import Fold, Items, Question, Workbench
from engines.benchmarks.jobs import has_anything
from engines.benchmarks.splits import Sides, sides_of

DATASET = "surv_fight"
CLASSES = ("noFight", "fight")
MODALITIES = (Modality.RGB, Modality.FLOW, Modality.AUDIO)
PRIOR_WORK = "the authors of the data set report 72 % accuracy on a split of their own; aim: 85 %"
DROPPED = (
    "the sound track of half of the clips, chosen by a digest of the name alone, was dropped on "
    "both sides: whether there is sound says less"
)


@dataclass(frozen=True, slots=True)
class ViolenceSuite:
    """Clips of about 2 s; disjoint source videos by the committed split."""

    name: str = "violence"
    title: str = "Violence on film (surv_fight): RGB, optical flow and sound"

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        """As recorded, and with sound tracks dropped at random.  See items.Suite."""
        sides = sides_of(bench, [DATASET])
        if not sides.train or not sides.test:
            raise MissingFileError(f"no clips of {DATASET} to learn from and to judge; see --data")
        encoded = encode_rows([*sides.train, *sides.test], bench, progress)
        pieces = [piece for clip in encoded.clips for piece in whole_clip(clip)]
        items = items_of(pieces, CLASSES, MODALITIES, lambda piece: piece.clip.row.label)
        notes = notes_of(bench, sides, encoded)
        recorded = question(items, sides, encoded, notes)
        deaf = items.without(Modality.AUDIO, deafened(items))
        dropped = question(deaf.pick(has_anything(deaf)), sides, encoded, (*notes, DROPPED))
        return [recorded, replace(dropped, name="sound_dropped", title="Sound dropped at random")]


def question(items: Items, sides: Sides, encoded: EncodedSet, notes: tuple[str, ...]) -> Question:
    """One fold: learn from the training side's source videos, judge the others."""
    trained = {row.name for row in sides.train}
    learned: Mask = np.array([name in trained for name in items.names], np.bool_)
    judged: Mask = np.array([name not in trained for name in items.names], np.bool_)
    return Question(
        name="as_recorded",
        title="As recorded",
        folds=(Fold(items.pick(learned), items.pick(judged)),),
        measure="accuracy",
        positive="fight",
        baselines={
            "has sound": is_present(Modality.AUDIO),
            "clip length": by_number(encoded.seconds()),
            "source video": others_of_group(),
        },
        notes=notes,
    )


def notes_of(bench: Workbench, sides: Sides, encoded: EncodedSet) -> tuple[str, ...]:
    """Traps, prior work, and what the encoders had seen."""
    model = model_store(bench).manifest
    seen = "some of the training side's" if DATASET in model.trained_on else "none of its"
    notes = [
        PRIOR_WORK,
        f"encoders of {model.name}: they had learned from {seen} source videos, never from those "
        "of the test side",
        "'source video' is told the labels of the other test clips of the same video",
    ]
    if sides.note:
        notes.append(sides.note)
    if encoded.problems:
        notes.append(f"{len(encoded.problems)} clips could not be read and are left out")
    return tuple(notes)


def deafened(items: Items) -> Mask:
    """A coin for each item that knows the clip's name and nothing else."""
    return np.array([sha256(f"deaf|{n}".encode()).digest()[0] % 2 == 0 for n in items.names])


SUITE = ViolenceSuite()
