"""Bad weather: rendered rooms and films with one sensor absent, spoiled or late.

This is what gating is for: a fixed rule cannot know whom to trust today. All methods learn from the
same clean and spoiled training clips; the troubles of the test are made by the same code with other
draws, and the noise laid under the sound is of recordings that nothing learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import MissingFileError
from edge.vocabulary import Modality
from engines.benchmarks.features import Encoded, Piece, decision_windows
from engines.benchmarks.heads import MEAN
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
)
from engines.benchmarks.runner import Answered
from engines.benchmarks.scene_figure import best_simplex, scene_figure
from engines.benchmarks.shipped import GATE, shipped_question
from engines.benchmarks.weather import notes
from engines.benchmarks.weather.conditions import (
    ABSENT,
    CLEAN,
    GRADED,
    Condition,
    bad_conditions,
    graded_conditions,
)
from engines.benchmarks.weather.films import film_questions
from engines.benchmarks.weather.noise import Noise, load_noise, noise_rows
from engines.benchmarks.weather.parts import aligned, blind, joined, under
from engines.benchmarks.weather.pictures import (
    cost_figure,
    curve_figure,
    difference_figure,
    table_figure,
    weights_figure,
)
from engines.benchmarks.weather.scene import EPISODES, troubled_scene
from engines.benchmarks.weather.store import Order, WeatherStore, make_weather, open_weather
from engines.training.clips import clips_of
from engines.training.labels import LabelMap
from engines.training.manifest import Row, read_manifest
from engines.training.spoilers import KINDS
from engines.training.truth import read_truth, truth_file

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Spoiling:
    """How much bad weather heads learn from."""

    every: int = 4  # training clips, as engines/training/clips.py chooses them and their troubles
    film_copies: int = 2  # troubles of each training film


@dataclass(frozen=True, slots=True)
class RobustnessSuite:
    """Rooms, films, and one scene in which the sensors fail in turn."""

    name: str = "robustness"
    title: str = "Bad weather: one sensor absent, spoiled or late"
    sizes: RoomSizes = field(default_factory=lambda: RoomSizes(train=4000, test=120))
    spoiling: Spoiling = field(default_factory=Spoiling)

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """Clean, absent, spoiled, by strength; what cues and strangers are worth.  See Suite."""
        every = self.spoiling.every
        rooms = open_rooms(bench, self.sizes, lambda rows: troubled(rows, every), progress)
        store, noise = open_weather(bench), household_noise(bench)
        train = training_items(rooms, store, self.spoiling, bench.workers, progress)
        asked = room_questions(rooms, store, noise, train, bench, progress)
        row = demo_row()
        scene = scene_items(troubled_scene(store, row), read_truth(truth_file(row.path)))
        asked += [
            ask("scene", "One scene, sensors failing in turn", train, scene, notes.SCENE),
            shipped_question("scene_shipped", "The same scene, the model as it ships", scene,
                             bench, notes.SCENE, by_tag=False),
        ]  # fmt: skip
        try:
            films = film_questions(bench, store, noise, self.spoiling.film_copies, progress)
        except MissingFileError:
            films = []
        return [*asked, *films]

    def figures(
        self, answered: Sequence[Answered], result: SuiteResult, bench: Workbench
    ) -> Sequence[Figure]:
        """Tables of conditions, gate minus mean, weights of what is hurt, curves, the scene."""
        by_name = {one.question.name: one for one in answered}
        made = []
        for stem, title in (("rooms", "Rooms"), ("films", "Films")):
            if f"{stem}_clean" in by_name:
                made += set_figures(stem, title, by_name, result)
        gate = best_simplex(result, "rooms_spoiled")
        if gate is not None:
            shown = [result_single(result, "rooms_clean"), MEAN, "product", gate]
            clean, graded = by_name["rooms_clean"], by_name["rooms_strengths"]
            made += [curve_figure(kind, f"Rooms: {kind.replace('_', ' ')} by strength", clean,
                                  graded, shown) for kind in GRADED]  # fmt: skip
            truth = read_truth(truth_file(demo_row().path))
            made.append(scene_figure("scene", by_name["scene"], truth, gate, EPISODES))
        return [*made, *shipped_figures(by_name)]


def household_noise(bench: Workbench) -> Noise:
    """Recorded noise of the testing side.  Raises: MissingFileError."""
    manifest = Path(bench.data) / "manifest.csv"
    if not manifest.exists():
        raise MissingFileError(f"{manifest} is not there; set GATEHOUSE_DATA or --data")
    return load_noise(noise_rows(read_manifest(manifest)))


def training_items(
    rooms: Rooms, store: WeatherStore, how: Spoiling, workers: int, progress: Progress
) -> Items:
    """Windows as they are and spoiled; those of held-out persons are tagged."""
    by_name = {clip.row.name: clip for clip in (*rooms.seen, *rooms.held)}
    kinds = copied_kinds(rooms.candidates, how.every)
    orders = [
        Order(clip.row, tuple(Condition(kind, training=True) for kind in kinds[name]))
        for name, clip in by_name.items()
    ]
    make_weather(store, orders, None, workers, progress, "training rooms in bad weather")
    copies = [
        made
        for order in orders
        for condition in order.conditions
        if (made := store.load(by_name[order.row.name], condition)) is not None
    ]
    held = {clip.row.name for clip in rooms.held}

    def windows(clip: Encoded) -> list[Piece]:
        return decision_windows(clip) if clip.row.name in held else settled_windows(clip)

    return rooms.items(pieces_of([*rooms.seen, *rooms.held, *copies], windows))


def copied_kinds(rows: Sequence[Row], every: int) -> dict[str, list[str]]:
    """The troubles that a training gives copies of each clip, by clip name."""
    kinds: dict[str, list[str]] = {row.name: [] for row in rows}
    for clip in clips_of(rows, LabelMap(), Path(), every):
        if clip.spoiled is not None:
            kinds[clip.row.name].append(clip.spoiled)
    return kinds


def troubled(rows: Sequence[Row], every: int) -> list[Row]:
    """Training clips of which there is a copy with a trouble."""
    kinds = copied_kinds(rows, every)
    return [row for row in rows if set(kinds[row.name]) & set(KINDS)]


def room_questions(
    rooms: Rooms,
    store: WeatherStore,
    noise: Noise,
    train: Items,
    bench: Workbench,
    progress: Progress,
) -> list[Question]:
    """All that is asked of test rooms, one window a clip."""
    bad, graded, gone = bad_conditions(), graded_conditions(), [Condition(k) for k in ABSENT]
    wanted = tuple(dict.fromkeys([*bad, *graded, *gone]))
    orders = [Order(clip.row, wanted) for clip in rooms.test]
    make_weather(store, orders, noise, bench.workers, progress, "test rooms in bad weather")
    clean = under(rooms.items(pieces_of(rooms.test), {}), CLEAN)

    def in_weather(conditions: Sequence[Condition]) -> Items:
        return joined(
            [
                under(aligned(rooms.items(pieces_of(store.load_all(rooms.test, c))), clean), c.name)
                for c in conditions
            ]
        )

    simply = (Modality.RGB, Modality.FLOW, Modality.AUDIO)  # the others are as they were
    absent = joined([*(under(clean.without(m), f"no_{m.value}") for m in simply), in_weather(gone)])
    spoiled = in_weather(bad)
    told = (*rooms.notes, *notes.ROOMS)
    return [
        ask("rooms_clean", "Rooms as they are", train, clean, told),
        ask("rooms_spoiled", "Rooms, every trouble", train, spoiled, (*told, *notes.SPOILED)),
        ask("rooms_absent", "Rooms, one modality absent", train, absent, (*told, *notes.ABSENT)),
        ask("rooms_strengths", "Rooms, troubles by strength", train, in_weather(graded), told),
        ask("rooms_no_cues", "Rooms, every trouble, without quality cues", blind(train),
            blind(spoiled), (*told, notes.NO_CUES)),
        shipped_question("rooms_shipped", "Rooms, every trouble, the model as it ships", spoiled,
                         bench, notes.SPOILED, by_tag=True),
        shipped_question("rooms_shipped_absent", "Rooms, one modality absent, the model as it "
                         "ships", absent, bench, notes.ABSENT, by_tag=True),
        shipped_question("rooms_shipped_clean", "Rooms as they are, the model as it ships", clean,
                         bench, rooms.notes, by_tag=False),
    ]  # fmt: skip


def ask(name: str, title: str, train: Items, test: Items, told: Sequence[str]) -> Question:
    """One division; every class counts alike, and every condition has its own numbers."""
    by_tag = name.startswith("rooms")
    return Question(name, title, (Fold(train, test),), notes=tuple(told), by_tag=by_tag)


def result_single(result: SuiteResult, question: str) -> str:
    """The best single modality of a question."""
    return next(q.best_single for q in result.questions if q.name == question)


def shipped_figures(by_name: Mapping[str, Answered]) -> list[Figure]:
    """Whom the gate of the model leaves: over all clips, and in time."""
    clean, spoiled = by_name["rooms_shipped_clean"], by_name["rooms_shipped"]
    title = "Rooms: whom the shipped gate leaves"
    truth = read_truth(truth_file(demo_row().path))
    return [
        weights_figure("rooms-trust-shipped", title, clean, spoiled, GATE),
        scene_figure("scene-shipped", by_name["scene_shipped"], truth, GATE, EPISODES),
    ]


def set_figures(
    stem: str, title: str, by_name: dict[str, Answered], result: SuiteResult
) -> list[Figure]:
    """Of rooms or of films."""
    clean, spoiled, absent = (by_name[f"{stem}_{n}"] for n in ("clean", "spoiled", "absent"))
    parts = [clean, absent, spoiled]
    made = [table_figure(f"{stem}-conditions", f"{title}: every condition", parts)]
    gate = best_simplex(result, f"{stem}_spoiled")
    if gate is not None:
        made += [
            cost_figure(f"{stem}-cost", f"{title}: one modality dead", clean, absent, gate),
            difference_figure(f"{stem}-gain", f"{title}: gate minus mean", parts, gate),
            weights_figure(f"{stem}-trust", f"{title}: whom the gate leaves", clean, spoiled, gate),
        ]
    return made


SUITE = RobustnessSuite()
