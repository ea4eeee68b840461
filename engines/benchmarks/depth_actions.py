"""Actions in depth alone: UTD-MHAD with 27 classes and MSR Action3D with 20, by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import MissingFileError
from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.actions.ridge import opinions, probabilities
from engines.benchmarks.actions.targets import MirrorClasses
from engines.benchmarks.actions.vectors import Vectors, read_vectors
from engines.benchmarks.baselines import by_number
from engines.benchmarks.items import F16, Fold, Items, Prediction, Question, Workbench
from engines.benchmarks.opinions import machines, told
from engines.benchmarks.splits import Sides, sides_of
from engines.training.split import group_of

MODALITIES = (Modality.DEPTH, Modality.FLOW)
TITLES = {
    "utd_mhad": "UTD-MHAD, 27 actions; aim: 90 %",
    "msr_action3d": "MSR Action3D, all 20 actions at once",
}
BACKBONE = (
    "depth: motion maps from the front, the side and above, in order of time; flow: histograms of "
    "DIS flow on the depth pictures; on each a kernel ridge machine that learned from the training "
    "subjects, of whom it judges each without having seen that one; benchmark models, never shipped"
)
VIEWS = (
    "every training clip is learned in four views, each with its mirror image, which is an action "
    "of its own unless the action is symmetric; a test clip is judged as it is and in the mirror"
)


@dataclass(frozen=True, slots=True)
class DepthActionsSuite:
    """Odd subjects learn, even subjects test, among those that are there."""

    name: str = "depth_actions"
    title: str = "Actions in depth (UTD-MHAD, MSR Action3D): depth, and flow computed on it"

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        """One for each set that is there.  See items.Suite."""
        asked = []
        for dataset in TITLES:
            sides = sides_of(bench, [dataset])
            if sides.train and sides.test:
                asked.append(question(dataset, sides, bench, progress))
        if not asked:
            raise MissingFileError(f"no clips of {', '.join(TITLES)}; see --data")
        return asked


def question(
    dataset: str, sides: Sides, bench: Workbench, progress: Callable[[str, int, int], None]
) -> Question:
    """Learn the backbones from the training subjects, and what heads are to make of them."""
    rows = [*sides.train, *sides.test]
    learned = frozenset(row.name for row in sides.train)
    clips = read_vectors(rows, learned, bench, progress)
    classes = MirrorClasses.of([row for row in rows if row.name in learned])
    clips = [clip for clip in clips if clip.row.label in classes.plain]
    said = [opinions_of([getattr(c, kind) for c in clips], clips, learned, classes)
            for kind in ("depth", "flow")]  # fmt: skip
    items = items_of(clips, said, classes)
    first = opinions_of([clip.first for clip in clips], clips, learned, classes)
    before = {c.row.name: scores[0].mean(axis=0) for c, scores in zip(clips, first, strict=True)}
    mine = np.array([name in learned for name in items.names], np.bool_)
    left_out = f"{len(rows) - len(clips)} clips cannot be read or show an action never learned"
    return Question(
        name=dataset,
        title=TITLES[dataset],
        folds=(Fold(items.pick(mine), items.pick(~mine)),),
        measure="accuracy",
        baselines={
            "first picture": by_scores(before),
            "clip length": by_number({clip.row.name: clip.seconds for clip in clips}),
            **machines(items),
        },
        notes=(
            BACKBONE,
            VIEWS,
            *([sides.note] if sides.note else []),
            *([left_out] if len(clips) < len(rows) else []),
        ),
    )


def opinions_of(
    vectors: Sequence[F16],
    clips: Sequence[Vectors],
    learned: frozenset[str],
    classes: MirrorClasses,
) -> list[F32]:
    """Of each clip (views, 2, classes): how likely each is in the mirror, and straight.

    vectors: of each clip (V, D), see actions.vectors.Vectors
    """
    owner = np.repeat(np.arange(len(clips)), [len(v) for v in vectors])
    mirror = np.concatenate([clip.mirror for clip in clips])
    mine = np.array([clip.row.name in learned for clip in clips], np.bool_)
    labels = [clips[i].row.label for i in owner.tolist()]
    targets = np.array([classes.target(a, bool(m)) for a, m in zip(labels, mirror, strict=True)])
    groups = [group_of(clips[i].row) for i in owner.tolist()]
    joined = np.concatenate(vectors).astype(np.float32)
    scores = opinions(joined, mine[owner], targets, classes.count, groups)
    straight, back = scores[0::2][:, classes.straight], scores[1::2][:, classes.mirrored]
    truth, known = targets[0::2], mine[owner][0::2]
    pairs = np.stack([probabilities(each, truth, known) for each in (back, straight)], axis=1)
    ends = np.cumsum([len(clip.mirror) // 2 for clip in clips])
    return np.split(pairs, ends[:-1])


def items_of(
    clips: Sequence[Vectors], said: Sequence[Sequence[F32]], classes: MirrorClasses
) -> Items:
    """Every view is an item of two steps: in the mirror, and as it is.

    said: of each modality and clip (views, 2, classes)
    """
    owners = [clip for clip in clips for _ in range(len(clip.mirror) // 2)]
    scores = np.stack([np.concatenate(parts) for parts in said], axis=1)
    shape = scores.shape[:3]
    return Items(
        modalities=MODALITIES,
        classes=classes.plain,
        features=told(scores),
        valid=np.ones(shape, np.bool_),
        quality=np.ones((*shape[:2], len(QUALITY_CUES)), np.float32),
        labels=np.array([classes.plain.index(clip.row.label) for clip in owners], np.int64),
        groups=tuple(group_of(clip.row) for clip in owners),
        names=tuple(clip.row.name for clip in owners),
    )


def by_scores(scores: dict[str, F32]) -> Callable[[Fold], Prediction]:
    """A baseline that has its scores already, by clip: the highest wins."""

    def answer(fold: Fold) -> Prediction:
        told = np.stack([scores[name] for name in fold.test.names])
        best = np.eye(told.shape[1], dtype=np.float32)[told.argmax(axis=1)]
        return Prediction(best)

    return answer


SUITE = DepthActionsSuite()
