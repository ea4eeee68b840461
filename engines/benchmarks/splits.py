"""The one committed division of every data set: which groups are learned from, which are judged.

``splits.json`` names groups (``engines.training.split.group_of``). A group that it does not name is
for testing only, so recordings, persons and source videos added later can never be trained on by
mistake. ``build_splits`` writes down the rule; a test holds the file equal to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Literal

from edge.errors import ConfigError, MissingFileError
from engines.benchmarks.items import Workbench
from engines.training.manifest import Row, read_manifest
from engines.training.split import TRAINABLE, group_of, side_of

FILE = "splits.json"
ROOM_BODIES, ROOM_TEST_BODIES = 64, range(48, 64)
NOBODY = "rooms|bodynone|"
ODD_SUBJECTS = ("utd_mhad", "msr_action3d")

RULES: Mapping[str, str] = {
    "surv_fight": "by source video, as engines/training/split.py",
    "noise_of_life": "by base recording as names and waveforms tell, as engines/training/split.py",
    "covid19_cough": "by recording, one person each, as engines/training/split.py",
    "kitchen20": "by base recording, as engines/training/split.py",
    "debian_game_sounds": "by actor or material, as engines/training/split.py",
    "utd_mhad": "odd subjects train, even test",
    "msr_action3d": "odd subjects train, even test",
    "esc50": "fold 4 for testing; some recordings are also on the test side of noise_of_life",
    "urfd": "fallers P1, P2 and roomA, roomB_dark train, the rest test; who acts the daily "
    "activities is not labelled, so for them scenes are disjoint, not persons",
    "safe_fall": "folds 07 and 08 for testing",
    "rooms": "bodies 48-63 for testing; rooms without anybody by the split they were rendered for",
}
"""Sets that are divided. alarms, clean_speech and scream_extra are for testing only."""

URFD_FOLDS = (
    ("P1|office", "roomA|roomA"),
    ("P2|office", "roomB_dark|roomB_dark"),
    ("P3|office", "officeWall|officeWall"),
    ("P4|office", "bedroom|bedroom", "office2|office2"),
)


@dataclass(frozen=True, slots=True)
class SetSplit:
    """One data set's groups; the sides have none in common."""

    rule: str
    train: frozenset[str]
    test: frozenset[str]
    folds: tuple[frozenset[str], ...] = ()  # for cross-validation with backbones that saw none


Splits = Mapping[str, SetSplit]


def read_splits(path: Path | None = None) -> Splits:
    """The committed file, or another of its form.  Raises: MissingFileError, ConfigError."""
    source = files("engines.benchmarks") / FILE if path is None else path
    try:
        data = json.loads(source.read_text(encoding="utf-8"))
        splits = {
            str(name): SetSplit(
                str(entry["rule"]),
                frozenset(entry["train"]),
                frozenset(entry["test"]),
                tuple(frozenset(fold) for fold in entry.get("folds", ())),
            )
            for name, entry in data.items()
        }
    except OSError as error:
        raise MissingFileError(f"{source}: no split file; reinstall the package") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{source}: not a split file ({error}); restore it") from error
    for name, split in splits.items():
        check_split(name, split)
    return splits


def check_split(name: str, split: SetSplit) -> None:
    """Raises: ConfigError when a group is on both sides, or in two folds."""
    both = split.train & split.test
    if both:
        raise ConfigError(f"split of {name}: {min(both)!r} is on both sides; keep one")
    seen: set[str] = set()
    for fold in split.folds:
        if seen & fold:
            raise ConfigError(f"split of {name}: {min(seen & fold)!r} is in two folds; keep one")
        seen |= fold


def is_train(row: Row, splits: Splits) -> bool:
    """Whether a clip may be learned from in a benchmark."""
    group = group_of(row)
    if group.startswith(NOBODY):  # nobody to be disjoint by: as it was rendered
        return side_of(row) == "train"
    return row.dataset in splits and group in splits[row.dataset].train


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows of a suite."""

    train: tuple[Row, ...]
    test: tuple[Row, ...]
    note: str = ""  # says so when other clips than the committed test groups are judged


def divide(rows: Sequence[Row], extra: Sequence[Row], splits: Splits) -> Sides:
    """Both sides of ``rows``; ``extra`` clips replace the test side and are never learned from.

    Groups that occur among ``extra`` leave the training side, too.
    """
    train = [row for row in rows if is_train(row, splits)]
    if not extra:
        return Sides(tuple(train), tuple(row for row in rows if not is_train(row, splits)))
    judged = {group_of(row) for row in extra}
    kept = tuple(row for row in train if group_of(row) not in judged)
    note = f"judged on {len(extra)} clips of --manifest instead of the committed test groups"
    if len(kept) < len(train):
        note += f"; {len(train) - len(kept)} clips of the same groups were not learned from"
    return Sides(kept, tuple(extra), note)


def sides_of(bench: Workbench, datasets: Sequence[str], splits: Splits | None = None) -> Sides:
    """Both sides of these data sets, with the clips of ``bench.manifest`` that belong to them.

    Raises: MissingFileError when the recorded sets are not at hand.
    """
    manifest = Path(bench.data) / "manifest.csv"
    if not manifest.exists():
        raise MissingFileError(f"{manifest} is not there; set GATEHOUSE_DATA or --data")
    rows = [row for row in read_manifest(manifest) if row.dataset in datasets]
    return divide(rows, extra_rows(bench, datasets), read_splits() if splits is None else splits)


def extra_rows(bench: Workbench, datasets: Sequence[str]) -> list[Row]:
    """Clips of ``bench.manifest`` that belong to these data sets.

    Their names begin with a folder of their own: no cache takes them for clips of the same name.
    """
    if bench.manifest is None:
        return []
    manifest = Path(bench.manifest)
    root = manifest.parent if bench.root is None else Path(bench.root)
    folder = f"extra-{sha256(str(root.resolve()).encode()).hexdigest()[:8]}"
    rows = read_manifest(manifest, root)
    return [replace(row, name=f"{folder}/{row.name}") for row in rows if row.dataset in datasets]


def folds_of(name: str, splits: Splits) -> tuple[frozenset[str], ...]:
    """A set's cross-validation folds.  Raises: ConfigError when it has none."""
    if name not in splits or not splits[name].folds:
        raise ConfigError(f"split file: {name!r} has no folds; add them, or use its two sides")
    return splits[name].folds


def build_splits(rows: Sequence[Row]) -> dict[str, dict[str, object]]:
    """What the rule makes of a manifest, in the form of the file."""
    made: dict[str, dict[str, object]] = {}
    for name, rule in RULES.items():
        groups = {group_of(row): _side(row) for row in rows if row.dataset == name}
        if name == "rooms":
            groups = {
                f"rooms|body{i}": "test" if i in ROOM_TEST_BODIES else "train"
                for i in range(ROOM_BODIES)
            }
        sides = {side: sorted(g for g, s in groups.items() if s == side) for side in SIDES}
        made[name] = {"rule": rule, "train": sides["train"], "test": sides["test"]}
    made["urfd"]["folds"] = [[f"urfd|{scene}" for scene in fold] for fold in URFD_FOLDS]
    return made


SIDES: tuple[Literal["train", "test"], ...] = ("train", "test")


def _side(row: Row) -> str:
    if row.dataset in TRAINABLE:
        return side_of(row)
    group = group_of(row).partition("|")[2]
    if row.dataset in ODD_SUBJECTS:
        return "train" if int(group.lstrip("s")) % 2 else "test"
    if row.dataset == "esc50":
        return "test" if group.startswith("4-") else "train"
    if row.dataset == "safe_fall":
        return "test" if group in ("fold07", "fold08") else "train"
    return "train" if group in (*URFD_FOLDS[0], *URFD_FOLDS[1]) else "test"
