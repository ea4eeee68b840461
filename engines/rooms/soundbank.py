"""Recorded sounds with permissive licences, to be mixed into rendered rooms.

Found by GATEHOUSE_DATA (default ``../shared/data``). What was mixed in is named in the truth file.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.random import Generator

from edge.errors import MediaError, MissingFileError
from edge.values import AUDIO_RATE_HZ
from engines.rooms.aliases import ACTORS, ELSEWHERE, aliases
from engines.rooms.scene import F64

Split = Literal["train", "test"]

HOUSEHOLD = "household"
"""The kind of everything that sounds like a home and is none of SOUNDS."""

_KINDS: dict[str, dict[str, str]] = {
    "noise_of_life": {
        "FemaleScream": "scream", "MaleScream": "scream", "Cough": "cough",
        "GlassBreaking": "glass_break", "BabyCry": "cry", "FemaleCry": "cry", "Speech": "speech",
        "Dishes": "dishes_water", "Water": "dishes_water", "DoorClapping": "door",
        "DoorOpening": "door", "HairDryer": HOUSEHOLD, "ElectricalShaver": HOUSEHOLD,
        "Keyboard": HOUSEHOLD, "Keys": HOUSEHOLD, "Paper": HOUSEHOLD, "Sneeze": HOUSEHOLD,
        "Yawn": HOUSEHOLD, "Laugh": HOUSEHOLD, "HandsClapping": HOUSEHOLD,
    },
    "covid19_cough": {"covid19_cough": "cough"},
    "kitchen20": {
        "clean-dishes": "dishes_water", "cutlery": "dishes_water", "plates": "dishes_water",
        "water-flowing": "dishes_water", "chopping": HOUSEHOLD, "cupboard": HOUSEHOLD,
        "drawer": HOUSEHOLD, "eat": HOUSEHOLD, "microwave": HOUSEHOLD, "peel": HOUSEHOLD,
    },
    "debian_game_sounds": {
        "scream_pain": "scream", "glass": "glass_break", "door": "door", "footsteps": "step",
    },
}  # fmt: skip
_OUTDOORS = re.compile(r"dirt|glass|grass|gravel|ice|metal|sand|snow|water|splash|flesh|fencegate")
_BLOCK = 8  # noise_of_life names no origin, but neighbouring numbers often share one


@dataclass(frozen=True, slots=True)
class Clip:
    """One recorded sound."""

    path: str  # relative to the data directory
    sound: F64  # (N,) at AUDIO_RATE_HZ, silence trimmed, peak 1


def base_recording(dataset: str, name: str) -> str:
    """Return what a file was cut from, as far as its ``name`` tells: the unit of a fair split.

    kitchen20: the freesound id or take; game sounds: the actor or the material; noise_of_life: a
    block of neighbouring numbers, which is a guess; covid19_cough: the file, one person each.
    Files that were found to be of one recording have one base whatever their names, see aliases.py.
    """
    if name in (same := aliases(dataset)):
        return same[name]
    if dataset == "kitchen20":
        return re.sub(r"^fold\d+_\d+-|-[A-Z]-\d+$|\(\d+\)", "", name)
    if dataset == "debian_game_sounds":
        base = re.sub(r"(_(death|falling|pain)\d+(_\d+)?|\.?\d+|_(open|close))$", "", name)
        return ACTORS.get(base, base)
    if dataset == "noise_of_life" and (numbered := re.fullmatch(r"(\D+)(\d+)", name)):
        return f"{numbered[1]}{int(numbered[2]) // _BLOCK}"
    return name


def split_of(dataset: str, name: str) -> Split:
    """Return the side a file is on: a quarter of the base recordings are for testing."""
    base = base_recording(dataset, name)
    if base.startswith(ELSEWHERE):
        return "test"
    if dataset == "noise_of_life" and (numbered := re.search(r"\d+$", base)):
        return "test" if int(numbered[0]) % 4 == 1 else "train"  # some of every class
    return "test" if sha256(f"{dataset}|{base}".encode()).digest()[0] < 64 else "train"


class SoundBank:
    """The recorded sounds of one split by kind.  Raises: MissingFileError without a manifest."""

    def __init__(self, root: Path, split: Split) -> None:
        """root: the directory of ``manifest.csv``."""
        self._root, self.split = root, split
        self._paths: dict[str, list[str]] = defaultdict(list)
        try:
            lines = (root / "manifest.csv").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise MissingFileError(
                f"{root}/manifest.csv is not there; set GATEHOUSE_DATA"
            ) from error
        for row in csv.DictReader(lines):
            kind = _KINDS.get(row["dataset"], {}).get(row["label"])
            stem = Path(row["path"]).stem
            if kind is None or (kind in ("step", "door") and _OUTDOORS.search(stem)):
                continue
            if split_of(row["dataset"], stem) == split:
                self._paths[kind].append(row["path"])

    @classmethod
    def find(cls, split: Split) -> SoundBank | None:
        """Open the bank of GATEHOUSE_DATA; None when there is no data, or nothing to decode it."""
        root = Path(os.environ.get("GATEHOUSE_DATA", "../shared/data"))
        usable = find_spec("soundfile") is not None and (root / "manifest.csv").exists()
        return cls(root, split) if usable else None

    def paths(self, kind: str) -> tuple[str, ...]:
        """Return the files of one kind."""
        return tuple(self._paths.get(kind, ()))

    def draw(self, kind: str, rng: Generator, max_s: float) -> Clip | None:
        """Choose a sound of this kind, at most ``max_s`` long; None when there is none.

        Raises: MediaError when a file cannot be decoded.
        """
        paths = self._paths.get(kind)
        if not paths:
            return None
        path = paths[int(rng.integers(len(paths)))]
        return Clip(path, _trimmed(_decoded(self._root / path), max_s))


def _decoded(path: Path) -> F64:
    try:
        import soundfile

        pcm, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (ImportError, OSError) as error:
        raise MediaError("no soundfile package; run: pip install gatehouse-edge[train]") from error
    except RuntimeError as error:
        raise MediaError(f"{path}: cannot be decoded; copy it again") from error
    if rate != AUDIO_RATE_HZ:
        raise MediaError(f"{path}: {rate} Hz; convert it to {AUDIO_RATE_HZ} Hz")
    return np.asarray(pcm.mean(axis=1), np.float64)


def _trimmed(sound: F64, max_s: float) -> F64:
    """Start where it becomes audible, end where it falls silent, fade the cut, peak 1."""
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < 1e-4:
        return np.zeros(1)
    audible = np.flatnonzero(np.abs(sound) > 0.06 * peak)
    first = max(0, int(audible[0]) - AUDIO_RATE_HZ // 100)
    last = min(int(audible[-1]) + AUDIO_RATE_HZ // 20, first + round(max_s * AUDIO_RATE_HZ))
    kept = sound[first:last] / peak
    fade = min(len(kept), AUDIO_RATE_HZ // 20)
    kept[len(kept) - fade :] *= np.linspace(1, 0, fade)
    return np.asarray(kept, np.float64)
