"""Rendered rooms for suites that need them: what a folder lacks is rendered first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EX_OK, EX_UNAVAILABLE, StoreError
from engines.benchmarks.items import Workbench
from engines.benchmarks.splits import Sides, divide, extra_rows, read_splits
from engines.rooms.soundbank import Split
from engines.training.manifest import Row, read_manifest

TRAIN_SEED, TEST_SEED = 0, 900


@dataclass(frozen=True, slots=True)
class RoomSizes:
    """How many clips of 4 s; classes come in turn, so multiples of 15 are balanced."""

    train: int = 600
    test: int = 120


def room_sides(bench: Workbench, sizes: RoomSizes) -> Sides:
    """Clips of ``work/rooms`` and ``work/testrooms``, or of ``bench.manifest``, divided.

    Raises: StoreError when they cannot be rendered.
    """
    extra = extra_rows(bench, ("rooms",))
    rows = room_rows(Path(bench.work) / "rooms", "train", sizes.train, TRAIN_SEED, bench.workers)
    if not extra:
        folder = Path(bench.work) / "testrooms"
        rows += room_rows(folder, "test", sizes.test, TEST_SEED, bench.workers)
    return divide(rows, extra, read_splits())


def room_rows(folder: Path, split: Split, count: int, seed: int, workers: int) -> list[Row]:
    """The first ``count`` clips of a folder, rendered unless it has as many."""
    rows = rows_at(folder)
    if len(rows) < count:
        render(folder, split, count, seed, workers)
        rows = rows_at(folder)
    return rows[:count]


def rows_at(folder: Path) -> list[Row]:
    """Clips of a folder by name; those of its manifest that are really there."""
    manifest = folder / "manifest.csv"
    rows: Sequence[Row] = read_manifest(manifest) if manifest.exists() else ()
    return sorted((row for row in rows if row.path.exists()), key=lambda row: row.name)


def render(folder: Path, split: Split, clips: int, seed: int, workers: int) -> None:
    """Let the generator fill a folder; what is there already is kept.  Raises: StoreError."""
    command = [sys.executable, "-m", "engines", "rooms", "--out", str(folder), "--split", split]
    command += ["--clips", str(clips), "--seed", str(seed), "--workers", str(workers)]
    status = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    if status != EX_OK:
        error = StoreError(f"rendering failed with status {status}; its message is above")
        error.exit_code = status if status > 0 else EX_UNAVAILABLE
        raise error
