"""Views of clips that a home never shows, backwards and turned, encoded once and kept as features.

The view as it is comes from ``engines.benchmarks.features``. A file holds what windows are made of
and nothing else: features, their places, cues and times; its folder is named after the encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import GatehouseError
from edge.models import ModelStore, load_encoders, load_finder, read_finder
from edge.preprocess.finder import PersonFinder
from edge.stages import Encoder
from edge.values import WINDOW_NS
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.code import DECODING, code_digest
from engines.benchmarks.features import Encoded, encoder_digest, model_store
from engines.benchmarks.items import F16, Workbench
from engines.benchmarks.pretexts.backwards import Backwards
from engines.benchmarks.pretexts.rotated import QUARTERS, rotated, thinned
from engines.processes import worker_pool
from engines.training.cache import cached_path, is_current
from engines.training.datasets import ClipInputs, Part, encoder_batch, open_row, read_inputs
from engines.training.manifest import Row
from engines.training.split import group_of

BACKWARD = "backward"
TURNED = tuple(f"turned-{quarters}" for quarters in range(QUARTERS))
EVERY = 3  # frames; a turned picture needs no motion to be recognised
CHUNK = 8  # clips that one job encodes: compiling the encoders takes as long as one clip
BATCH = 16
TIMES = ("frames_ns", "ticks_ns", "decides")
OWN = tuple(("engines.benchmarks.pretexts", name) for name in ("backwards", "rotated", "views"))

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ViewStore:
    """Where the features of one set of encoders are kept."""

    folder: Path
    models: Path

    def path(self, row: Row, view: str) -> Path:
        """Of one clip's view."""
        return cached_path(self.folder / view, row)

    def missing(self, row: Row, views: Sequence[str]) -> list[str]:
        """Views that are not there or older than the recording."""
        return [view for view in views if not is_current(self.path(row, view), row.path)]

    def load(self, row: Row, view: str) -> Encoded:
        """Times, places and cues without tensors; and the features of what is there."""
        with np.load(self.path(row, view)) as arrays:
            present = [m for m in MODALITIES if f"{m.value}_features" in arrays]
            parts = {
                m: Part(np.zeros(0), arrays[f"{m.value}_places"], arrays[f"{m.value}_cues"])
                for m in present
            }
            frames_ns, ticks_ns, decides = (arrays[name] for name in TIMES)
            own = {m: arrays[f"{m.value}_features"] for m in present}
            return Encoded(row, group_of(row), ClipInputs(frames_ns, ticks_ns, decides, parts), own)

    def save(
        self, row: Row, view: str, inputs: ClipInputs, encoded: Mapping[Modality, F16]
    ) -> None:
        """The file appears whole or not at all."""
        arrays: dict[str, NDArray[np.generic]] = {
            "frames_ns": inputs.frames_ns,
            "ticks_ns": inputs.ticks_ns,
            "decides": inputs.decides,
        }
        for modality, features in encoded.items():
            arrays[f"{modality.value}_features"] = features
            arrays[f"{modality.value}_places"] = inputs.parts[modality].places
            arrays[f"{modality.value}_cues"] = inputs.parts[modality].cues
        path = self.path(row, view)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, **arrays)  # type: ignore[arg-type]  # stubs mistake names for options
        partial.replace(path)


def open_views(bench: Workbench) -> ViewStore:
    """The store of the workbench's encoders and of this preprocessing.  Raises: ModelError."""
    store = model_store(bench)
    finder = sha256(read_finder(store) or b"").hexdigest()[:8]
    name = f"{encoder_digest(bench)}-{code_digest([*DECODING, *OWN])}-{finder}"
    return ViewStore(Path(bench.work) / "views" / name, store.directory)


def middle_ns(inputs: ClipInputs) -> int:
    """End of the 2 s window in the middle of a clip: played backwards it shows the same stretch."""
    end_ns = int(inputs.ticks_ns[-1])
    return end_ns if end_ns < WINDOW_NS else (end_ns + WINDOW_NS) // 2


def encode_views(
    store: ViewStore, rows: Sequence[Row], views: Sequence[str], workers: int, progress: Progress
) -> list[str]:
    """Make what is missing; returns one line for each clip that could not be read."""
    todo = [row for row in rows if store.missing(row, views)]
    if not todo:
        return []
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    problems: list[str] = []
    done, task = len(rows) - len(todo), f"views of {rows[0].dataset}"
    progress(task, done, len(rows))
    with worker_pool(min(workers, len(chunks))) as pool:
        jobs = {pool.submit(encode_chunk, store, chunk, tuple(views)): chunk for chunk in chunks}
        for job in as_completed(jobs):
            problems += job.result()
            done += len(jobs[job])
            progress(task, done, len(rows))
    return problems


def encode_chunk(store: ViewStore, rows: Sequence[Row], views: Sequence[str]) -> list[str]:
    """Some clips, in a process of their own."""
    from edge.encoders.openvino import OpenVinoBackend

    models = ModelStore(store.models)
    encoders, finder = load_encoders(models, OpenVinoBackend(1), MODALITIES), load_finder(models)
    problems = []
    for row in rows:
        try:
            for view, inputs in views_of(row, store.missing(row, views), finder):
                store.save(row, view, inputs, encoded_by(encoders, inputs))
        except GatehouseError as error:
            problems.append(str(error))
    return problems


def views_of(
    row: Row, views: Sequence[str], finder: PersonFinder | None
) -> Iterator[tuple[str, ClipInputs]]:
    """Encoder inputs of the window in the middle of a clip, seen otherwise."""
    if BACKWARD in views:
        backward = read_inputs(Backwards(open_row(row)), finder=finder)
        yield BACKWARD, thinned(backward, middle_ns(backward), 1)
    if set(views) <= {BACKWARD}:
        return
    inputs = read_inputs(open_row(row), finder=finder)
    few = thinned(inputs, middle_ns(inputs), EVERY)
    for quarters, view in enumerate(TURNED):
        if view in views:
            yield view, rotated(few, quarters)


def encoded_by(encoders: Mapping[Modality, Encoder], inputs: ClipInputs) -> dict[Modality, F16]:
    """Features of everything that a clip has."""
    return {
        modality: np.concatenate(
            [
                encoders[modality].encode(encoder_batch(modality, part.tensors[i : i + BATCH]))
                for i in range(0, len(part.tensors), BATCH)
            ]
        ).astype(np.float16)
        for modality, part in inputs.parts.items()
        if len(part.tensors)
    }
