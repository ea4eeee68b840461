"""Which whole scenes are judged: those of given folders, or rendered ones of test persons."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EX_OK, EX_UNAVAILABLE, MissingFileError, StoreError
from engines.benchmarks.items import Workbench
from engines.training.truth import truth_file

SCENES, SEED = 24, 90
"""Stories in turn: falls, negatives, violence, calls; dark rooms and visitors come by chance."""


def scene_files(bench: Workbench) -> list[Path]:
    """Recordings with their truth: of ``bench.scenes``, else rendered into the work folder.

    Raises: MissingFileError for a folder without scenes; StoreError when rendering fails.
    """
    if bench.scenes:
        return [path for folder in bench.scenes for path in scenes_in(Path(folder))]
    folder = Path(bench.work) / "scenes"
    if len(finished(folder)) < SCENES:
        render(folder, SCENES, SEED, bench.workers)
    return scenes_in(folder)


def scenes_in(folder: Path) -> list[Path]:
    """All whole scenes of a folder by name.  Raises: MissingFileError when there is none."""
    found = finished(folder)
    if not found:
        raise MissingFileError(
            f"{folder}: no scene with its truth; render some: "
            f"python -m engines rooms --out {folder} --scenes {SCENES} --kind mixed"
        )
    return found


def finished(folder: Path) -> list[Path]:
    """Whole scenes; recordings appear under their name only when they are whole."""
    return [path for path in sorted(folder.glob("*.mcap")) if truth_file(path).exists()]


def render(folder: Path, scenes: int, seed: int, workers: int) -> None:
    """Let the generator fill a folder; what is there already is kept.  Raises: StoreError."""
    status = subprocess.run(
        rendering(folder, scenes, seed, workers), check=False, stdout=sys.stderr
    ).returncode
    if status != EX_OK:
        error = StoreError(f"rendering failed with status {status}; its message is above")
        error.exit_code = status if status > 0 else EX_UNAVAILABLE
        raise error


def rendering(folder: Path, scenes: int, seed: int, workers: int) -> Sequence[str]:
    """The generator's command: persons, voices and sounds of the test side."""
    command = [sys.executable, "-m", "engines", "rooms", "--out", str(folder), "--split", "test"]
    command += ["--scenes", str(scenes), "--kind", "mixed", "--seed", str(seed)]
    return [*command, "--workers", str(workers)]
