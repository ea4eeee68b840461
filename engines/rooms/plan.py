"""Which clips a run of the generator makes, which are there, and the manifest of a folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.vocabulary import ACTIONS
from engines.rooms.soundbank import Split
from engines.rooms.write import truth_path, write_atomically

SCENE = "scene"
DEMO = "demo"
STORIES = ("falls", "negatives", "violence", "calls")
"""What a scene is about; negatives hold nothing that a carer must come for."""

MIXED = (
    "falls", "negatives", "falls", "negatives", "violence", "negatives",
    "falls", "negatives", "calls", "negatives", "falls", "negatives",
)  # fmt: skip
"""Stories in turn in a mixed set."""

MODALITIES = "rgb+depth+audio"
COLUMNS = ("path", "dataset", "modalities", "label", "group")


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """One clip to be made; its name says everything that its content depends on."""

    index: int
    label: str  # one of ACTIONS, SCENE or DEMO
    split: Split
    seed: int
    duration_s: float
    story: str | None = None  # what a SCENE is about, one of STORIES; None: anything

    @property
    def name(self) -> str:
        """File name without suffix."""
        label = f"{self.label}-{self.story}" if self.story else self.label
        return f"{self.split}-{self.seed}-{self.index:05d}-{label}-{self.duration_s:g}s"

    def scene_seed(self, attempt: int) -> int:
        """Return the seed of the scene; every attempt has its own."""
        if self.label == DEMO and attempt == 0:
            return self.seed
        side = 0 if self.split == "train" else 1
        state = np.random.SeedSequence([self.seed, side, self.index, attempt]).generate_state(1)
        return int(state[0])

    def path(self, out: Path) -> Path:
        """Return where the recording goes."""
        return out / f"{self.name}.mcap"

    def is_finished(self, out: Path) -> bool:
        """Whether recording and ground truth are there; both appear only when whole."""
        path = self.path(out)
        return path.exists() and truth_path(path).exists()


def clip_plans(
    clips: int, seed: int, split: Split, duration_s: float, label: str | None = None
) -> list[ClipPlan]:
    """Plan ``clips`` clips, the classes of ACTIONS in turn; or all of one ``label``."""
    return [
        ClipPlan(i, label or ACTIONS[i % len(ACTIONS)], split, seed, duration_s)
        for i in range(clips)
    ]


def scene_plans(
    count: int, seed: int, split: Split, duration_s: float, kinds: Sequence[str]
) -> list[ClipPlan]:
    """Plan ``count`` long scenes, the kinds of story in turn."""
    return [
        ClipPlan(i, SCENE, split, seed, duration_s, kinds[i % len(kinds)]) for i in range(count)
    ]


def finished_clips(out: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every whole clip of a folder with its ground truth, by name."""
    for path in sorted(out.glob("*.mcap")):
        if truth_path(path).exists():
            yield path, json.loads(truth_path(path).read_text(encoding="utf-8"))


def write_manifest(out: Path) -> int:
    """Write ``manifest.csv`` of all whole clips in a folder; return their number."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    count = 0
    for path, truth in finished_clips(out):
        body = truth["bodies"][0] if truth["bodies"] else "none"
        group = f"body{body}|seed{truth['seed']}"
        table.writerow([path.name, "rooms", MODALITIES, truth["label"], group])
        count += 1
    write_atomically(out / "manifest.csv", text.getvalue())
    return count
