"""Self-supervised questions: what recordings tell of themselves, and whether that helps to label.

Rendered rooms with persons disjoint, films with source videos disjoint. The encoders stay frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import MissingFileError
from edge.vocabulary import Modality
from engines.benchmarks.features import encode_rows, encoder_digest, model_store
from engines.benchmarks.items import Fold, Items, Question, Workbench
from engines.benchmarks.pretexts import notes
from engines.benchmarks.pretexts.probe import (
    ProbeSettings,
    baselines_of,
    cached_rows,
    labelled_tenth,
    labelled_windows,
    probe_rows,
    verdicts,
)
from engines.benchmarks.pretexts.rooms import RoomSizes, room_sides
from engines.benchmarks.pretexts.tasks import (
    Side,
    angles,
    arrow,
    directions,
    middle,
    moments,
    order,
    pairs,
    rotation,
    windows,
)
from engines.benchmarks.pretexts.trunk import Unlabelled
from engines.benchmarks.pretexts.views import BACKWARD, TURNED, encode_views, open_views
from engines.benchmarks.splits import Sides, sides_of

FILMS = "surv_fight"
FILM_MODALITIES = (Modality.RGB, Modality.FLOW, Modality.AUDIO)
SEED = 0  # of who is paired with whom

Progress = Callable[[str, int, int], None]
Make = Callable[[Side], Items]


@dataclass(frozen=True, slots=True)
class PretextSuite:
    """Direction, order, turns, what belongs together; and a probe with a tenth of the labels."""

    name: str = "selfsup"
    title: str = "Self-supervised: direction, order, turns, what belongs together"
    sizes: RoomSizes = field(default_factory=RoomSizes)
    order_clips: int = 300  # of the training side; each comes in six orders
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """See items.Suite; rooms that are missing in ``bench.work`` are rendered first."""
        rooms = room_sides(bench, self.sizes)
        train, test = encoded(rooms, bench, (BACKWARD, *TURNED), progress)
        seen = notes.seen("rooms", model_store(bench).manifest)
        told = (seen, *([rooms.note] if rooms.note else []))
        asked = [
            question("arrow_rooms", "Rooms: forwards or backwards?", arrow, train, test,
                     (*told, *notes.ARROW)),
            question("order_rooms", "Rooms: in which order are the thirds?",
                     order, train.only(self.order_clips), test, (*told, *notes.ORDER)),
            question("turn_rooms", "Rooms: turned by how much?", rotation, train, test,
                     (*told, *notes.TURN)),
            *belonging(train, test, told),
            self._probe(train, test, bench, told, progress),
        ]  # fmt: skip
        return [q for q in (*asked, *films(bench, progress)) if can_be_asked(q)]

    def _probe(
        self, train: Side, test: Side, bench: Workbench, told: Sequence[str], progress: Progress
    ) -> Question:
        known, asked = labelled_windows(train), labelled_windows(test)
        plain = windows([train.plain[n] for n in sorted(train.plain)], middle, asked.modalities)
        data = Unlabelled(plain, directions(train), angles(train))
        key = (self.probe, encoder_digest(bench), known.names, asked.names)
        rows = cached_rows(
            Path(bench.work) / "probe",
            key,
            lambda: probe_rows(data, known, asked, self.probe, progress),
        )
        return Question(
            name="probe_rooms",
            title="Rooms: actions with a tenth of the labels",
            folds=(Fold(labelled_tenth(known, self.probe.share, SEED), asked),),
            baselines=baselines_of(rows),
            notes=(*told, *notes.PROBE, *verdicts(rows, asked)),
        )


def question(
    name: str, title: str, make: Make, train: Side, test: Side, told: Sequence[str]
) -> Question:
    """One division of one task.  Raises: ValueError when a group is on both sides."""
    fold = Fold(make(train), make(test))
    shared = set(fold.train.groups) & set(fold.test.groups)
    if shared:
        raise ValueError(f"{name}: {min(shared)!r} is learned from and judged")
    return Question(name, title, (fold,), notes=tuple(told))


def can_be_asked(question: Question) -> bool:
    """Whether both sides have items: clips of a manifest may lack what a question needs."""
    return all(len(fold.train) and len(fold.test) for fold in question.folds)


def belonging(train: Side, test: Side, told: Sequence[str]) -> list[Question]:
    """Sound, depth and flow with RGB: of another clip, then of another moment of the same clip."""
    asked = []
    for second in (Modality.AUDIO, Modality.DEPTH, Modality.FLOW):
        named = second.value

        def other_clip(side: Side, second: Modality = second) -> Items:
            return pairs(side, second, SEED)

        def other_time(side: Side, second: Modality = second) -> Items:
            return moments(side, second)

        asked += [
            question(f"{named}_of_clip", f"Rooms: is this {named} of this picture's clip?",
                     other_clip, train, test, (*told, *notes.BELONGING, *notes.OTHER_CLIP)),
            question(f"{named}_of_moment", f"Rooms: is this {named} of this picture's moment?",
                     other_time, train, test, (*told, *notes.BELONGING, *notes.OTHER_TIME)),
        ]  # fmt: skip
    return asked


def films(bench: Workbench, progress: Progress) -> list[Question]:
    """The direction of time in recorded film."""
    sides = sides_of(bench, [FILMS])
    train, test = encoded(sides, bench, (BACKWARD,), progress)
    told = [notes.seen(FILMS, model_store(bench).manifest), *([sides.note] if sides.note else [])]

    def make(side: Side) -> Items:
        return arrow(side, FILM_MODALITIES)

    title = "Film of fights: forwards or backwards?"
    return [question("arrow_films", title, make, train, test, (*told, *notes.ARROW_FILMS))]


def encoded(
    sides: Sides, bench: Workbench, views: Sequence[str], progress: Progress
) -> tuple[Side, Side]:
    """Both sides in all views; clips that cannot be read are left out.

    Raises: MissingFileError when one side is empty.
    """
    rows = [*sides.train, *sides.test]
    if not sides.train or not sides.test:
        raise MissingFileError("no clips for training or none for testing; see --data and --work")
    plain = {clip.row.name: clip for clip in encode_rows(rows, bench, progress).clips}
    store = open_views(bench)
    readable = [row for row in rows if row.name in plain]
    encode_views(store, readable, views, bench.workers, progress)

    def side_of(chosen: Sequence[str]) -> Side:
        seen = {
            view: {
                name: store.load(plain[name].row, view)
                for name in chosen
                if not store.missing(plain[name].row, [view])
            }
            for view in views
        }
        return Side({name: plain[name] for name in chosen}, seen)

    def names(part: Sequence[object]) -> list[str]:
        return [row.name for row in readable if row in part]

    return side_of(names(sides.train)), side_of(names(sides.test))


SUITE = PretextSuite()
