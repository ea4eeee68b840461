"""Scores of whole scenes, replayed once and kept: thresholds are then tried without encoders."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.errors import MissingFileError, StoreError
from edge.models import ModelStore, open_models
from edge.settings import DecisionSettings, ModelSettings
from engines.benchmarks.code import DECODING, code_digest
from engines.benchmarks.streams.trace import Trace, load_trace, replayed, save_trace
from engines.processes import worker_pool

Progress = Callable[[str, int, int], None]
"""Task, done, total."""

SCORING = (
    *DECODING[:-1],
    ("edge.fusion", ""),
    ("edge.encoders", ""),
    ("edge", "features"),
    ("edge", "pipeline"),
    ("edge", "models"),
)
"""What lies between a recording and its scores; the decision stage does not."""

_CHUNK = 2  # recordings a worker takes at once; it opens the models once for them


def traces_of(
    recordings: Sequence[Path], models: Path | None, work: Path, workers: int, progress: Progress
) -> list[Trace]:
    """Replay what was not replayed before by the same model and code; in the order given.

    models: model directory, None: the shipped one   work: where scores are kept
    Raises: MissingFileError, MediaError, ModelError, StoreError.
    """
    kept = [trace_path(path, work, model_key(models)) for path in recordings]
    todo = [pair for pair in zip(recordings, kept, strict=True) if not pair[1].exists()]
    os.environ["OMP_NUM_THREADS"] = "1"
    done = len(recordings) - len(todo)
    progress("replaying", done, len(recordings))
    chunks = [todo[i : i + _CHUNK] for i in range(0, len(todo), _CHUNK)]
    if chunks:
        with worker_pool(min(workers, len(chunks))) as pool:
            jobs = {pool.submit(replay_some, chunk, models): len(chunk) for chunk in chunks}
            for job in as_completed(jobs):
                job.result()  # raises what stopped it
                done += jobs[job]
                progress("replaying", done, len(recordings))
    return [load_trace(path) for path in kept]


def replay_some(pairs: Sequence[tuple[Path, Path]], models: Path | None) -> None:
    """What one worker does.  pairs: recording, where its scores go"""
    opened = open_models(ModelSettings(directory=models, threads=1))
    for recording, kept in pairs:
        trace, _ = replayed(recording, opened, DecisionSettings())
        keep(trace, kept)


def keep(trace: Trace, path: Path) -> None:
    """Write ``path`` whole or not at all.  Raises: StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as part:
            save_trace(trace, Path(part)).replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose another --work") from error


def model_key(models: Path | None) -> str:
    """Name a model and the code that runs it by what they are.  Raises: ModelError."""
    digests = ModelStore(models).manifest.digests
    told = "|".join(f"{name}={digests[name]}" for name in sorted(digests))
    return sha256(f"{told}|{code_digest(SCORING)}".encode()).hexdigest()[:12]


def trace_path(recording: Path, work: Path, model: str) -> Path:
    """Where a recording's scores are kept.  Raises: MissingFileError."""
    try:
        facts = recording.stat()
    except OSError as error:
        raise MissingFileError(f"{recording}: cannot be read; render it again") from error
    told = f"{recording.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
    own = sha256(told.encode()).hexdigest()[:12]
    return work / "scores" / model / own / f"{recording.stem}.npz"
