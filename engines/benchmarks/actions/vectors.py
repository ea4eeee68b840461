"""Vectors of clips and of their other views, kept in the work folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import GatehouseError, MediaError
from edge.values import F32, Mask
from engines.benchmarks.actions.clips import read_clip
from engines.benchmarks.actions.maps import depth_numbers, first_numbers, flow_numbers
from engines.benchmarks.actions.views import View, mirrored, plain_view, random_view, seen
from engines.benchmarks.code import code_digest
from engines.benchmarks.items import F16, Workbench
from engines.processes import worker_pool
from engines.training.cache import cached_path, is_current
from engines.training.manifest import Row

OTHERS = 3  # random views of a clip that is learned from
WIDTH = 16_384  # of a vector after ``sketch``
KINDS = ("depth", "flow", "first")
CODE = (
    ("engines.benchmarks.actions", "clips"),
    ("engines.benchmarks.actions", "maps"),
    ("engines.benchmarks.actions", "vectors"),
    ("engines.benchmarks.actions", "views"),
    ("engines.training", "datasets"),
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Vectors:
    """One clip's views, in this order: itself, its mirror image, then others with theirs."""

    row: Row
    seconds: float
    depth: F16  # (V, WIDTH)
    flow: F16  # (V, WIDTH)
    first: F16  # (V, WIDTH) of the first picture alone

    @property
    def mirror(self) -> Mask:
        """(V,) which of the views are mirror images"""
        return np.asarray(np.arange(len(self.depth)) % 2 == 1, np.bool_)


def read_vectors(
    rows: Sequence[Row], learned: frozenset[str], bench: Workbench, progress: Progress
) -> list[Vectors]:
    """All clips that can be read; those that are learned from, by name, in more views.

    Raises: MediaError when none can be read.
    """
    folder = Path(bench.work) / "depth_actions" / code_digest(CODE)
    folders = {row.name: folder / ("learned" if row.name in learned else "judged") for row in rows}
    paths = {row.name: cached_path(folders[row.name], row) for row in rows}
    todo = [row for row in rows if not is_current(paths[row.name], row.path)]
    problems: list[str] = []
    if todo:
        with worker_pool(min(bench.workers, len(todo))) as pool:
            jobs = [pool.submit(make_vectors, row, paths[row.name], row.name in learned)
                    for row in todo]  # fmt: skip
            for number, job in enumerate(as_completed(jobs)):
                problems += [problem] if (problem := job.result()) else []
                progress("depth clips", number + 1, len(jobs))
    there = [row for row in rows if paths[row.name].exists()]
    if rows and not there:
        raise MediaError(f"none of {len(rows)} clips can be read, the first: {problems[0]}")
    return [load_vectors(row, paths[row.name]) for row in there]


def load_vectors(row: Row, path: Path) -> Vectors:
    """Read back what ``make_vectors`` kept."""
    with np.load(path) as arrays:
        return Vectors(row, float(arrays["seconds"]), *(arrays[kind] for kind in KINDS))


def make_vectors(row: Row, path: Path, learned: bool) -> str | None:
    """Look at one clip and keep its vectors; returns what went wrong, or None."""
    try:
        clip = read_clip(row)
    except (GatehouseError, ValueError, KeyError) as error:
        return f"{row.path}: {error}"
    made: dict[str, list[F32]] = {kind: [] for kind in KINDS}
    for view in views_of(row.name, learned):
        body, flow = seen(clip, view)
        made["depth"].append(sketch(depth_numbers(body)))
        made["flow"].append(sketch(flow_numbers(body, flow)))
        made["first"].append(sketch(first_numbers(body)))
    arrays = {kind: np.stack(vectors).astype(np.float16) for kind, vectors in made.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, seconds=np.float64(clip.seconds), **arrays)  # type: ignore[arg-type]
    partial.replace(path)
    return None


def views_of(name: str, learned: bool) -> list[View]:
    """The clip, and other views if it is learned from, each followed by its mirror image."""
    rng = np.random.default_rng(int(sha256(name.encode()).hexdigest()[:8], 16))
    views = [plain_view(), *(random_view(rng) for _ in range(OTHERS if learned else 0))]
    return [each for view in views for each in (view, mirrored(view))]


def sketch(vector: F32) -> F32:
    """(WIDTH,) with about the same inner products as the vectors themselves.

    Charikar, Chen, Farach-Colton 2002, "Finding frequent items in data streams" (count sketch).
    """
    place, sign = _hashes(len(vector))
    return np.bincount(place, vector * sign, WIDTH).astype(np.float32)


@cache
def _hashes(count: int) -> tuple[NDArray[np.int64], F32]:
    rng = np.random.default_rng([count, 83])
    signs = np.where(rng.random(count) < 0.5, np.float32(-1), np.float32(1))
    return rng.integers(0, WIDTH, count), signs
