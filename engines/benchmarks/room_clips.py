"""Rendered rooms as items: who is learned from, windows, and labels by ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from edge.errors import MissingFileError
from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.features import (
    Encoded,
    Piece,
    decision_windows,
    encode_rows,
    items_of,
    last_window,
    model_store,
    windows_at,
)
from engines.benchmarks.heads import HELD
from engines.benchmarks.items import Items, Workbench
from engines.benchmarks.pretexts.rooms import RoomSizes, room_sides
from engines.benchmarks.splits import Sides
from engines.training.cache import decision_times
from engines.training.manifest import Row
from engines.training.split import is_held_out
from engines.training.truth import Truth, read_truth, truth_file

SETTLED_NS = 2_000_000_000  # from here on a window is full
DATASET = "rooms"

Progress = Callable[[str, int, int], None]
Windows = Callable[[Encoded], list[Piece]]
Choose = Callable[[Sequence[Row]], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Rooms:
    """Encoded clips of both sides; persons, rooms, voices and sounds are disjoint."""

    seen: tuple[Encoded, ...]  # persons that the encoders may have learned from
    held: tuple[Encoded, ...]  # other training persons, from whom no encoder learned
    test: tuple[Encoded, ...]
    candidates: tuple[Row, ...]  # all training clips, encoded or not
    truths: Mapping[str, Truth]  # by clip name
    notes: tuple[str, ...]

    def items(self, pieces: Iterable[Piece], tags: Mapping[str, str] | None = None) -> Items:
        """Pieces with what they show by ground truth.  tags: by clip name; default: HELD or none"""
        own = {clip.row.name: HELD for clip in self.held} if tags is None else tags
        return items_of(
            pieces, ACTIONS, MODALITIES, self.label_of, lambda p: own.get(p.clip.row.name, "")
        )

    def label_of(self, piece: Piece) -> str | None:
        """The action at the end of a window; None where nothing is said of it."""
        return self.truths[piece.clip.row.name].action_at(piece.t_s)


def open_rooms(bench: Workbench, sizes: RoomSizes, choose: Choose, progress: Progress) -> Rooms:
    """Encode all test clips, all of held-out persons, and what ``choose`` takes of the others.

    Rooms that are missing in ``bench.work`` are rendered first.
    choose: is given all training clips by name, and may keep what it likes
    Raises: StoreError, MediaError; MissingFileError when a side is empty.
    """
    sides = room_sides(bench, sizes)
    held = [row for row in sides.train if is_held_out(row)]
    seen = [row for row in choose(sides.train) if not is_held_out(row)]
    if not seen or not held or not sides.test:
        raise MissingFileError("too few rooms to learn from, to hold out or to judge; see --work")
    encoded = encode_rows([*seen, *held, *sides.test], bench, progress)
    by_name = {clip.row.name: clip for clip in encoded.clips}
    truths = {name: read_truth(truth_file(clip.row.path)) for name, clip in by_name.items()}

    def of(rows: Sequence[Row]) -> tuple[Encoded, ...]:
        return tuple(by_name[row.name] for row in rows if row.name in by_name)

    told = notes_of(bench, sides, held)
    return Rooms(of(seen), of(held), of(sides.test), sides.train, truths, told)


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """At most ``count`` rows, evenly over the list but with no period of its own.

    Classes come in turn, so every n-th row might show few of them.
    """
    if len(rows) <= count:
        return list(rows)
    order = np.random.default_rng(0).permutation(len(rows))[:count]
    return [rows[i] for i in np.sort(order)]


def notes_of(bench: Workbench, sides: Sides, held: Sequence[Row]) -> tuple[str, ...]:
    """What the encoders had seen, and how the sides differ."""
    manifest = model_store(bench).manifest
    known = DATASET in manifest.trained_on
    notes = [
        "rendered rooms; test clips have other persons, rooms, voices and recorded sounds",
        f"encoders of {manifest.name} had learned from "
        + ("training persons except the held-out ones" if known else "no rendered room"),
        "gates and temperatures are fitted on what experts say of persons they have not learned "
        f"from: of the other folds, and of {len(held)} clips of held-out training persons, from "
        "whom no encoder learned either",
        "sounds are composed: they were written from the same script as the motion",
    ]
    return tuple([*notes, sides.note] if sides.note else notes)


def settled_windows(clip: Encoded, every: int = 2) -> list[Piece]:
    """Every n-th decision on a full window, the last one among them."""
    full = [t for t in decision_times(clip.inputs) if t >= SETTLED_NS]
    return windows_at(clip, full[::-1][::every][::-1])


def pieces_of(clips: Iterable[Encoded], windows: Windows = last_window) -> list[Piece]:
    """The windows of some clips, one after another."""
    return [piece for clip in clips for piece in windows(clip)]


def demo_row() -> Row:
    """The recording of the demo: one scene of 40 s with a person, room and sounds for testing.

    Raises: MissingFileError.
    """
    path = Path(str(files("edge") / "data" / "demo.mcap"))
    if not path.exists() or not truth_file(path).exists():
        raise MissingFileError(f"{path}: no demo recording with its truth; reinstall the package")
    return Row(path, f"edge/data/{path.name}", DATASET, "rgb+depth+audio", "scene", "demo")


def scene_items(clip: Encoded, truth: Truth) -> Items:
    """Every decision on a long scene; of one group. Tags are seconds since the scene's start."""
    return items_of(
        decision_windows(clip),
        ACTIONS,
        MODALITIES,
        lambda piece: truth.action_at(piece.t_s),
        lambda piece: f"{piece.t_s:.3f}",
    )
