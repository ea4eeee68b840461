"""Which clips may be trained on: the one place that decides it, by groups that are honest.

A group is what clips share beyond their label: a source video, a person, a recording they were cut
from. Manifests sometimes name the file instead; then the group is derived from the file's name.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Literal

from engines.rooms.soundbank import base_recording, split_of
from engines.training.manifest import Row

Side = Literal["train", "test", "never"]

RULE = (
    "surv_fight: source videos whose sha256('surv_fight|' + group) begins with a byte below 77 "
    "(30 %) are for testing; recorded sounds: a quarter of the base recordings, see "
    "engines/rooms/soundbank.py; rooms: persons, voices and sounds of --split test; every other "
    "set is never trained on"
)

TEST_BYTES = 77
RECORDED_SOUNDS = ("noise_of_life", "covid19_cough", "kitchen20", "debian_game_sounds")
TRAINABLE = ("rooms", "surv_fight", *RECORDED_SOUNDS)
"""Sets whose licences allow weights that ship. Nothing else may enter training."""

FILE_DISJOINT = ("alarms", "clean_speech", "noise_of_life", "scream_extra", "covid19_cough")
"""Sets whose true groups are unknown: results on them are file-disjoint and claim nothing more."""

SHARED_RECORDINGS = {"esc50": "noise_of_life"}
"""Set -> another that holds some of the same recordings: trained on one, the other is half seen."""


def group_of(row: Row) -> str:
    """The unit that must not be on both sides of a split, unique over all data sets."""
    stem = PurePosixPath(row.name).stem
    if row.dataset in RECORDED_SOUNDS:
        return f"{row.dataset}|{base_recording(row.dataset, stem)}"
    if row.dataset == "rooms":  # body|seed: the same person in another room is the same group
        body = row.group.split("|")[0]
        return f"rooms|{row.group if body == 'bodynone' else body}"
    if row.dataset == "scream_extra":  # 169810__missozzy__..._0 and _1 are of one recording
        return f"{row.dataset}|{stem.rsplit('_', 1)[0]}"
    if row.dataset == "alarms":  # pieces of 1 s; neighbours in number are of one recording
        kind, _, number = stem.rpartition("_")
        return f"{row.dataset}|{kind}|{int(number) // 20 if number.isdigit() else number}"
    if row.dataset == "urfd":  # person|scene|clip
        return f"{row.dataset}|{row.group.rpartition('|')[0] or row.group}"
    if row.dataset == "esc50":  # fold-source-take-class; takes A, B, ... are of one source
        return f"{row.dataset}|{'-'.join(stem.split('-')[:2])}"
    return f"{row.dataset}|{row.group}"


def side_of(row: Row) -> Side:
    """Where a clip belongs, by a fixed rule (RULE) that needs no list."""
    if row.dataset not in TRAINABLE:
        return "never"
    if row.dataset == "rooms":
        return "test" if PurePosixPath(row.name).name.startswith("test-") else "train"
    if row.dataset in RECORDED_SOUNDS:
        return split_of(row.dataset, PurePosixPath(row.name).stem)
    return "test" if _byte(row.group, row.dataset) < TEST_BYTES else "train"


def is_seen(row: Row, trained_on: Collection[str]) -> bool:
    """Whether a model that learned from these data sets may have learned from this clip's group.

    A set that the rule never trains on but the model did has no side that was kept out.
    """
    return row.dataset in trained_on and side_of(row) != "test"


def is_held_out(row: Row, share: float = 0.15) -> bool:
    """Whether a training clip's group serves for stopping and calibration instead."""
    return _byte(group_of(row), "held-out") < round(256 * share)


def _byte(group: str, salt: str) -> int:
    return sha256(f"{salt}|{group}".encode()).digest()[0]
