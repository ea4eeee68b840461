"""Films under bad weather: surv_fight with pictures, motion and sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from edge.errors import MissingFileError
from edge.vocabulary import Modality
from engines.benchmarks.features import Encoded, Piece, encode_rows, items_of, whole_clip
from engines.benchmarks.items import Fold, Items, Question, Workbench
from engines.benchmarks.splits import sides_of
from engines.benchmarks.violence import CLASSES, DATASET, MODALITIES, notes_of
from engines.benchmarks.weather.conditions import CLEAN, HURTS, Condition, bad_conditions
from engines.benchmarks.weather.noise import Noise
from engines.benchmarks.weather.parts import aligned, joined, under
from engines.benchmarks.weather.store import Order, WeatherStore, make_weather
from engines.training.manifest import Row
from engines.training.spoilers import KINDS

Progress = Callable[[str, int, int], None]

FILM_KINDS = tuple(kind for kind in KINDS if HURTS[kind] != (Modality.DEPTH,))
FILM_NOTE = (
    "heads learn from the films as they are and from copies of each with one trouble drawn by its "
    "name; few source videos: the gate is fitted on folds that its experts have not seen"
)


def training_kinds(row: Row, kinds: Sequence[str], count: int) -> tuple[Condition, ...]:
    """Which troubles a training clip is learned from with: follows from its name alone."""
    start = int(sha256(f"spoiled|{row.name}".encode()).hexdigest()[:8], 16)
    chosen = [kinds[(start + i * (len(kinds) // count)) % len(kinds)] for i in range(count)]
    return tuple(Condition(kind, training=True) for kind in dict.fromkeys(chosen))


def film_questions(
    bench: Workbench, store: WeatherStore, noise: Noise, copies: int, progress: Progress
) -> list[Question]:
    """As they are, with every trouble, and with each modality absent.

    Raises: MissingFileError without films.
    """
    sides = sides_of(bench, [DATASET])
    if not sides.train or not sides.test:
        raise MissingFileError(f"no clips of {DATASET} to learn from and to judge; see --data")
    encoded = encode_rows([*sides.train, *sides.test], bench, progress)
    by_name = {clip.row.name: clip for clip in encoded.clips}
    train = [by_name[row.name] for row in sides.train if row.name in by_name]
    test = [by_name[row.name] for row in sides.test if row.name in by_name]
    bad = bad_conditions(tuple(k for k in HURTS if HURTS[k] != (Modality.DEPTH,)))
    orders = [Order(c.row, training_kinds(c.row, FILM_KINDS, copies)) for c in train]
    orders += [Order(c.row, bad) for c in test]
    make_weather(store, orders, noise, bench.workers, progress, "films in bad weather")
    copied = [store.load(c, k) for c in train for k in training_kinds(c.row, FILM_KINDS, copies)]
    learned = film_items([*train, *(clip for clip in copied if clip is not None)])
    clean = under(film_items(test), CLEAN)
    spoiled = [under(aligned(film_items(store.load_all(test, c)), clean), c.name) for c in bad]
    absent = [under(clean.without(m), f"no_{m.value}") for m in MODALITIES]
    notes = (*notes_of(bench, sides, encoded), FILM_NOTE)
    return [
        Question(
            f"films_{name}",
            title,
            (Fold(learned, items),),
            "accuracy",
            "fight",
            notes=notes,
            by_tag=True,
        )
        for name, title, items in (
            ("clean", "Films as they are", clean),
            ("spoiled", "Films, every trouble", joined(spoiled)),
            ("absent", "Films, one modality absent", joined(absent)),
        )
    ]


def film_items(clips: Sequence[Encoded]) -> Items:
    """One item a film, with nothing where nothing is left."""

    def label(piece: Piece) -> str:
        return piece.clip.row.label

    pieces = [piece for clip in clips for piece in whole_clip(clip)]
    return replace(items_of(pieces, CLASSES, MODALITIES, label), tags=())
