"""The whole-stream test: long scenes through the runtime's pipeline, alarms against the truth.

Scores of encoders say little about nights in a care home. Here every recording goes through what
``gatehouse replay`` does, decision stage included, and what counts is alarms: how many of the
events raised theirs, how soon, and how many alarms an hour were false. The scenes are dense with
what is easily mistaken for a fall, so false alarms an hour are those of a bad hour, not of a day.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path

from edge.models import ModelStore, open_models
from edge.settings import DecisionSettings, ModelSettings
from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import SceneTruth, read_scene
from engines.benchmarks.streams.match import SceneResult, match
from engines.benchmarks.streams.summary import Summary, summarise
from engines.benchmarks.streams.sweep import OperatingPoint, operating_curve
from engines.benchmarks.streams.trace import StreamAlarm, Trace, evidence, replayed
from engines.processes import worker_pool

Progress = Callable[[str, int, int], None]
"""Task, done, total."""

SWEPT = (AlarmClass.FALL, AlarmClass.ON_FLOOR, AlarmClass.VIOLENCE, AlarmClass.DISTRESS_CALL)
_CHUNK = 2  # recordings a worker takes at once; it opens the models once for them


@dataclass(frozen=True)
class StreamReport:
    """Everything about one run; ``streams.report`` writes it, ``streams.pictures`` draws it."""

    model: str
    trained_on: tuple[str, ...]
    settings: DecisionSettings
    summary: Summary
    scenes: tuple[SceneResult, ...]
    curves: tuple[tuple[OperatingPoint, ...], ...]  # one a class of SWEPT that had an event
    truths: tuple[SceneTruth, ...] = field(repr=False)
    traces: tuple[Trace, ...] = field(repr=False)


def run_stream(
    recordings: Sequence[Path],
    models: Path | None,
    workers: int,
    progress: Progress,
    settings: DecisionSettings | None = None,
) -> StreamReport:
    """Replay rendered scenes, each with its truth beside it, and judge the alarms.

    models: model directory, None: the shipped one   settings: None: the shipped defaults
    Raises: MissingFileError, MediaError, ModelError; ValueError without recordings.
    """
    if not recordings:
        raise ValueError("the whole-stream test needs at least one recording")
    decision = settings or DecisionSettings()
    truths = [read_scene(path) for path in recordings]
    replays = _replay_all(recordings, models, workers, progress, decision)
    traces = [trace for trace, _ in replays]
    results = [
        match(truth, alarms, trace.watched_s, evidence(trace, decision))
        for truth, (trace, alarms) in zip(truths, replays, strict=True)
    ]
    summary = summarise(results)
    curves = [
        tuple(operating_curve(traces, truths, kind, decision))
        for kind in SWEPT
        if summary.of(kind).events
    ]
    manifest = ModelStore(models).manifest
    return StreamReport(
        model=manifest.name, trained_on=manifest.trained_on, settings=decision, summary=summary,
        scenes=tuple(results), curves=tuple(curves), truths=tuple(truths), traces=tuple(traces),
    )  # fmt: skip


def replay_some(
    recordings: Sequence[Path], models: Path | None, settings: DecisionSettings
) -> list[tuple[Trace, list[StreamAlarm]]]:
    """What one worker does."""
    opened = open_models(ModelSettings(directory=models, threads=1))
    return [replayed(path, opened, settings) for path in recordings]


def _replay_all(
    recordings: Sequence[Path],
    models: Path | None,
    workers: int,
    progress: Progress,
    settings: DecisionSettings,
) -> list[tuple[Trace, list[StreamAlarm]]]:
    """In the order of ``recordings``."""
    os.environ["OMP_NUM_THREADS"] = "1"
    chunks = [recordings[i : i + _CHUNK] for i in range(0, len(recordings), _CHUNK)]
    progress("replaying", 0, len(recordings))
    with worker_pool(workers) as pool:
        jobs = {pool.submit(replay_some, chunk, models, settings): chunk for chunk in chunks}
        done = 0
        for job in as_completed(jobs):
            job.result()  # raises what stopped it
            done += len(jobs[job])
            progress("replaying", done, len(recordings))
        return [replay for job in jobs for replay in job.result()]
