"""Films of one person, looked at once: pose, motion and light of every feature frame, kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import GatehouseError, MediaError
from edge.preprocess.flow import FlowEstimator, content, to_grey
from edge.values import F32, Step
from engines.benchmarks.code import code_digest
from engines.benchmarks.items import Workbench
from engines.benchmarks.postures.motion import motion_numbers
from engines.benchmarks.postures.movenet import MoveNet
from engines.benchmarks.postures.track import Box, Sight, Tracker
from engines.models.pretrained import weights_dir
from engines.processes import worker_pool
from engines.training.cache import cached_path, is_current
from engines.training.datasets import grid_items, open_row
from engines.training.manifest import Row
from engines.training.split import group_of

CODE = (
    ("engines.benchmarks.postures", "films"),
    ("engines.benchmarks.postures", "motion"),
    ("engines.benchmarks.postures", "movenet"),
    ("engines.benchmarks.postures", "track"),
    ("edge.preprocess", "flow"),
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Film:
    """One film; n feature frames, 7.5 a second."""

    row: Row
    group: str
    times_ns: NDArray[np.int64]  # (n,) from the first picture
    points: F32  # (n, 17, 3) see track.Sight
    sure: F32  # (n, turns)
    boxes: F32  # (n, 3) x, y, side
    features: F32  # (n, BACKBONE)
    mirrored: F32  # (n, BACKBONE)
    motion: F32  # (n, MOTION) see motion.py; zeros where there is no picture before
    light: F32  # (n,) mean of the picture in [0, 1]
    width: float  # of the picture, in its heights


ARRAYS = ("times_ns", "points", "sure", "boxes", "features", "mirrored", "motion", "light")
HALVES = ("features", "mirrored")


def read_films(rows: Sequence[Row], bench: Workbench, progress: Progress) -> list[Film]:
    """All films that can be read; what is in the work folder already is used.

    Raises: MissingFileError without the pose network; MediaError when no film can be read.
    """
    folder = Path(bench.work) / "falls" / f"films-{code_digest(CODE)}"
    paths = {row.name: cached_path(folder, row) for row in rows}
    todo = [row for row in rows if not is_current(paths[row.name], row.path)]
    problems: list[str] = []
    if todo:
        weights = weights_dir().resolve()
        MoveNet(weights)
        with worker_pool(min(bench.workers, len(todo))) as pool:
            jobs = [pool.submit(look_at, row, paths[row.name], weights) for row in todo]
            for number, job in enumerate(as_completed(jobs)):
                problems += [problem] if (problem := job.result()) else []
                progress("look at films", number + 1, len(jobs))
    there = [row for row in rows if paths[row.name].exists()]
    if rows and not there:
        raise MediaError(f"none of {len(rows)} films can be read, the first: {problems[0]}")
    return [load_film(row, paths[row.name]) for row in there]


def load_film(row: Row, path: Path) -> Film:
    """Read back what ``look_at`` kept."""
    with np.load(path) as arrays:
        read = {name: arrays[name] for name in ARRAYS}
        for name in HALVES:
            read[name] = read[name].astype(np.float32)
        return Film(row=row, group=group_of(row), width=float(arrays["width"]), **read)


def look_at(row: Row, path: Path, weights: Path) -> str | None:
    """Look at one film and keep what was seen; returns what went wrong, or None."""
    try:
        steps = [item for item in grid_items(open_row(row)) if isinstance(item, Step)]
        arrays = seen_in(steps, Tracker(MoveNet(weights)))
    except (GatehouseError, ValueError) as error:
        return f"{row.path}: {error}"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # stubs mistake names for options
    partial.replace(path)
    return None


def seen_in(steps: Sequence[Step], tracker: Tracker) -> dict[str, NDArray[np.generic]]:
    """Raises: ValueError when there is no picture."""
    frames = list(frames_of(steps, tracker))
    if not frames:
        raise ValueError("there is no picture in it")
    sights = [sight for _, sight, _, _ in frames]
    origin, shape = steps[0].t_ns, next(s.rgb.shape for s in steps if s.rgb is not None)
    return {
        "times_ns": np.array([t - origin for t, _, _, _ in frames], np.int64),
        "points": np.stack([s.points for s in sights]),
        "sure": np.stack([s.sure for s in sights]),
        "boxes": np.array([(s.box.x, s.box.y, s.box.side) for s in sights], np.float32),
        "features": np.stack([s.features for s in sights]).astype(np.float16),
        "mirrored": np.stack([s.mirrored for s in sights]).astype(np.float16),
        "motion": np.stack([motion for _, _, motion, _ in frames]),
        "light": np.array([light for _, _, _, light in frames], np.float32),
        "width": np.float32(shape[1] / shape[0]),
    }


def frames_of(steps: Sequence[Step], tracker: Tracker) -> Iterator[tuple[int, Sight, F32, float]]:
    """Time, person, motion and light of every feature frame that has a picture."""
    flow_of = FlowEstimator()
    before: NDArray[np.uint8] | None = None
    shown: NDArray[np.int8] | None
    for step in steps:
        grey = None if step.rgb is None else to_grey(step.rgb)
        if step.is_feature and step.rgb is not None and grey is not None:
            seen = content(*step.rgb.shape[:2])
            shown = None if before is None else flow_of(before, grey)[seen]
            sight = tracker(step.rgb, shown)
            yield step.t_ns, sight, motion_numbers(shown, sight.box), float(step.rgb.mean() / 255)
        before = grey


def box_of(film: Film, frame: int) -> Box:
    """Where the person was looked for."""
    x, y, side = film.boxes[frame]
    return Box(float(x), float(y), float(side))
