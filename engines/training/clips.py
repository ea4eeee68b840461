"""Gathers the clips of a training run: rendered rooms and the permissive recorded sets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

from edge.errors import GatehouseError
from engines.rooms.soundbank import split_of
from engines.training.cache import Clip, cached_path, has_anything
from engines.training.datasets import load_inputs
from engines.training.labels import LabelMap
from engines.training.manifest import Row, read_manifest
from engines.training.split import TRAINABLE, is_held_out, side_of
from engines.training.spoilers import KINDS, NO_DEPTH

log = logging.getLogger(__name__)

STORIES = "stories"
"""Folder beside the rendered clips with those of a minute, by kind."""

STORY = "scene"
"""Their label in the manifest."""


def training_rows(rooms: Path, data: Path) -> list[Row]:
    """Every row that may be trained on; recorded sets only when ``data`` has a manifest."""
    rows = read_manifest(rooms / "manifest.csv")
    for stories in sorted(rooms.glob(f"{STORIES}/*/manifest.csv")):
        rows += read_manifest(stories)
    recorded = data / "manifest.csv"
    if recorded.exists():
        rows += [r for r in read_manifest(recorded) if r.dataset in TRAINABLE]
    return [row for row in rows if side_of(row) == "train"]


def clips_of(rows: Sequence[Row], labels: LabelMap, inputs: Path, spoiled_every: int) -> list[Clip]:
    """A clip for each row, and spoiled copies of every n-th room, of all that are held out.

    The gate is fitted on the latter: it must have seen every kind of bad weather often. Half of the
    rooms come as a plain camera shows them too, so that pictures are known in its wider crops.
    """
    clips, rooms = [], 0
    for row in rows:
        label = labels.label(row.dataset, row.label)
        clips.append(Clip(row, label, cached_path(inputs, row)))
        if row.dataset != "rooms" or not spoiled_every:
            continue
        rooms += 1
        if rooms % spoiled_every == 0 or is_held_out(row):
            kind = KINDS[_draw(row) % len(KINDS)]
            clips.append(Clip(row, label, cached_path(inputs, row, kind), kind))
        if _draw(row) // len(KINDS) % 2 == 0:
            clips.append(Clip(row, label, cached_path(inputs, row, NO_DEPTH), NO_DEPTH))
    return clips


def may_be_heard(clip: Clip) -> bool:
    """Whether no recorded sound that was mixed into a rendered clip is one for testing.

    What is known to be the same recording grows (rooms/aliases.py), rendered clips stay.
    """
    truth = clip.truth()
    mixed = () if truth is None else (PurePosixPath(path) for path in truth.recorded)
    return all(split_of(path.parts[1], path.stem) == "train" for path in mixed)


def _draw(row: Row) -> int:
    """A number that knows the clip's name and nothing else."""
    return int.from_bytes(sha256(f"spoiled|{row.name}".encode()).digest()[:4], "big")


def is_plain(clip: Clip) -> bool:
    """One action, seen by a whole device: what encoders learn first."""
    return clip.spoiled is None and clip.row.label != STORY


def usable(clips: Sequence[Clip]) -> list[Clip]:
    """Clips that were decoded and have something to learn from."""
    kept = []
    for clip in clips:
        try:
            if clip.inputs.exists() and has_anything(load_inputs(clip.inputs, frozenset())):
                kept.append(clip)
        except (GatehouseError, OSError, ValueError) as error:
            log.warning("%s: %s; left out", clip.inputs, error)
    return kept


def divide(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Training clips, and those of held-out groups for stopping and calibration."""
    held_out = [clip for clip in clips if is_held_out(clip.row)]
    return [clip for clip in clips if not is_held_out(clip.row)], held_out
