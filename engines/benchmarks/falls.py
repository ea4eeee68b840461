"""Falls and postures: UR Fall Detection, one person's pose and motion, camera 0 alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import MissingFileError
from engines.benchmarks.baselines import Baseline, by_number, known_key
from engines.benchmarks.items import Fold, Items, Question, Workbench
from engines.benchmarks.opinions import machines
from engines.benchmarks.postures.films import Film, read_films
from engines.benchmarks.postures.labels import (
    POSTURES,
    Course,
    camera_of,
    clip_of,
    is_fall,
    read_courses,
    tag_at,
)
from engines.benchmarks.postures.machines import judged
from engines.benchmarks.postures.windows import Describer, Window, with_mirrored
from engines.benchmarks.splits import Sides, folds_of, read_splits, sides_of
from engines.training.manifest import Row
from engines.training.split import group_of

DATASET, CAMERA = "urfd", "cam0"
FALL_CLASSES = ("no_fall", "fall")
WINDOW_CLASSES = ("other", "lie_down", "fall")
NEGATIVES = ("pre_fall", "lie_down", "adl")
LEARNED = (
    "learned with the falls' own windows before the fall, and with lying down on purpose as a "
    "class of its own; the false rate is the share of the others that were called a fall"
)
MACHINES = (
    "on each modality a linear machine that learned from the training persons and scenes, of whom "
    "it judges each without having seen that one; heads and gates learn from what the two say"
)
TITLES = {
    "pre_fall": "False falls: the same rooms and persons before they fall",
    "lie_down": "False falls: lying down on purpose",
    "adl": "False falls: other daily activities",
}
BACKBONE = (
    "pictures: MoveNet Lightning (Apache-2.0, frozen), keypoints and projected features of one "
    "tracked person, dim films lifted by a gamma; flow: statistics of DIS flow in all of the "
    "picture and in the person's box; a benchmark model that never ships"
)
PERSONS = (
    "fallers are disjoint; who acts the daily activities is not labelled: there scenes are "
    "disjoint, and the same person may be on both sides"
)
ONSET = (
    "every fall's 'going down' is labelled as exactly 1 s: a fall must be seen from 0.5 s after it "
    "begins to 1 s after the person lies; the first 0.5 s and what comes later are not judged"
)


Labeller = Callable[[Film, float], "tuple[str, str] | None"]
"""(film, seconds) -> class and tag of the window that ends there, None to leave it out."""


@dataclass(frozen=True, slots=True)
class Part:
    """Films of one fold."""

    train: tuple[Film, ...]
    test: tuple[Film, ...]


@dataclass(frozen=True, slots=True)
class FallsSuite:
    """Posture by frame, falls by clip, and what is taken for a fall."""

    name: str = "falls"
    title: str = "Falls and postures (UR Fall Detection): RGB and optical flow"

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        """See items.Suite."""
        sides = sides_of(bench, [DATASET])
        rows = [*sides.train, *sides.test]
        seen = [row for row in rows if camera_of(row) == CAMERA]
        if not seen:
            raise MissingFileError(f"no clips of {DATASET} to learn from and to judge; see --data")
        films = read_films(seen, bench, progress)
        folders = dict.fromkeys([*(row.path.parent for row in sides.test), _tables(bench)])
        courses = read_courses(folders)
        parts = parts_of(films, sides)
        notes = notes_of(sides, parts, seen, films)
        makers = Describer()
        return [
            posture_question(parts, courses, makers, notes),
            clip_question(parts, rows, makers, notes),
            *fall_questions(parts, courses, makers, notes),
        ]


def _tables(bench: Workbench) -> Path:
    return Path(bench.data) / "video" / DATASET


def parts_of(films: Sequence[Film], sides: Sides) -> list[Part]:
    """The committed folds; with clips of a manifest of their own, one fold that judges those."""
    if sides.note:
        judged = {row.name for row in sides.test}
        apart = {group_of(row) for row in sides.test}
        train = tuple(f for f in films if f.row.name not in judged and f.group not in apart)
        return [Part(train, tuple(f for f in films if f.row.name in judged))]
    folds = folds_of(DATASET, read_splits())
    return [
        Part(
            tuple(f for f in films if f.group not in fold),
            tuple(f for f in films if f.group in fold),
        )
        for fold in folds
    ]


def windows_of(films: Sequence[Film], label: Labeller) -> list[Window]:
    """Windows that end at the second or any later frame and have a label and a tag."""
    made = []
    for film in films:
        for frame in range(1, len(film.times_ns)):
            known = label(film, float(film.times_ns[frame]) / 1e9)
            if known is not None:
                made.append(Window(film, frame, *known))
    return made


def posture_question(
    parts: Sequence[Part], courses: Mapping[str, Course], makers: Describer, notes: Sequence[str]
) -> Question:
    """Learned from all clips, judged inside fall clips, where the room tells nothing."""

    def label(film: Film, t_s: float) -> tuple[str, str] | None:
        course = courses.get(clip_of(film.row))
        posture = None if course is None else course.at(t_s)
        return None if posture is None else (posture, "fall" if is_fall(film.row) else "adl")

    folds = []
    for part in parts:
        learned = with_mirrored(windows_of(part.train, label))
        asked = windows_of([f for f in part.test if is_fall(f.row)], label)
        if asked:
            vectors = Fold(makers.items(learned, POSTURES), makers.items(asked, POSTURES))
            folds.append(judged(vectors))
    return Question(
        name="posture",
        title="Posture, frame by frame inside fall clips",
        folds=tuple(folds),
        baselines=baselines_of(folds),
        notes=(*notes, MACHINES, "learned from all clips and their mirror images"),
    )


def clip_question(
    parts: Sequence[Part], rows: Sequence[Row], makers: Describer, notes: Sequence[str]
) -> Question:
    """One item a clip, beside baselines that know only where it was filmed, and how."""
    cameras = Counter(clip_of(row) for row in rows)

    def items(films: Sequence[Film]) -> Items:
        labels = [FALL_CLASSES[is_fall(film.row)] for film in films]
        return makers.clip_items(films, labels, FALL_CLASSES)

    def filmed(items: Items) -> Sequence[str]:
        return [str(cameras[clip_of_name(name)]) for name in items.names]

    folds = tuple(Fold(items(part.train), items(part.test)) for part in parts)
    return Question(
        name="fall_clips",
        title="Fall or no fall, by clip",
        folds=folds,
        positive="fall",
        baselines={
            "room": known_key(rooms),
            "number of cameras": known_key(filmed),
            "clip length": by_number(times(folds)),
        },
        notes=(*notes, "all falls are in one office where nothing else happens, and only they were "
               "filmed by two cameras: see the baselines before the numbers"),
    )  # fmt: skip


def fall_questions(
    parts: Sequence[Part], courses: Mapping[str, Course], makers: Describer, notes: Sequence[str]
) -> list[Question]:
    """The same training, each kind of negative by itself: its false rate and the recall."""

    def label(film: Film, t_s: float) -> tuple[str, str] | None:
        course = courses.get(clip_of(film.row))
        tag = None if course is None else tag_at(film.row, course, t_s)
        return None if tag is None else (tag if tag in WINDOW_CLASSES else "other", tag)

    folds = [
        judged(
            Fold(
                makers.items(with_mirrored(windows_of(part.train, label)), WINDOW_CLASSES),
                makers.items(windows_of(part.test, label), WINDOW_CLASSES),
            )
        )
        for part in parts
    ]
    return [
        Question(
            name=f"false_falls_{tag}",
            title=TITLES[tag],
            folds=tuple(kept for fold in folds if (kept := only(fold, tag)) is not None),
            positive="fall",
            baselines=baselines_of(folds),
            notes=(*notes, ONSET, MACHINES, LEARNED),
        )
        for tag in NEGATIVES
    ]


def baselines_of(folds: Sequence[Fold]) -> dict[str, Baseline]:
    """What knows the room or the time alone, and the machines without heads."""
    return {
        "room": known_key(rooms),
        "time since start": by_number(times(folds)),
        **machines(folds[0].train),
    }


def only(fold: Fold, tag: str) -> Fold | None:
    """Judged on falls and one kind of what is none; None when nothing is left to judge."""
    kept = [i for i, own in enumerate(fold.test.tags) if own in ("fall", tag)]
    return Fold(fold.train, fold.test.pick(kept)) if kept else None


def rooms(items: Items) -> list[str]:
    """Scene of each item: its group is data set, person, scene."""
    return [group.rpartition("|")[2] for group in items.groups]


def times(folds: Sequence[Fold]) -> dict[str, float]:
    """When each item ends, by name."""
    names = [name for fold in folds for part in (fold.train, fold.test) for name in part.names]
    return {name: float(name.rpartition("@")[2]) for name in names}


def clip_of_name(name: str) -> str:
    """``fall-01`` of ``.../fall-01-cam0.mp4@5.20``"""
    return name.rpartition("@")[0].rpartition("/")[2].rpartition("-")[0]


def notes_of(
    sides: Sides, parts: Sequence[Part], seen: Sequence[Row], films: Sequence[Film]
) -> tuple[str, ...]:
    """Backbones, groups, and what was left out."""
    notes = [BACKBONE, PERSONS, "camera 1 is there for falls alone and is never looked at"]
    if sides.note:
        notes.append(sides.note)
    if len(films) < len(seen):
        notes.append(f"{len(seen) - len(films)} clips could not be read and are left out")
    return tuple(notes)


SUITE = FallsSuite()
