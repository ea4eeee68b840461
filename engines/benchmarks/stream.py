"""The whole-stream test: long scenes through the runtime's pipeline, alarms against the truth.

Scores of encoders say little about nights in a care home. Here every recording goes through what
``gatehouse replay`` does, decision stage included, and what counts is alarms: how many of the
events raised theirs, how soon, and how many alarms an hour were false. The scenes are dense with
what is easily mistaken for a fall, so false alarms an hour are those of a bad hour, not of a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.models import ModelStore
from edge.settings import DecisionSettings
from edge.vocabulary import AlarmClass
from engines.benchmarks.items import Question, Workbench
from engines.benchmarks.streams.events import SceneTruth, read_scene
from engines.benchmarks.streams.match import SceneResult, match
from engines.benchmarks.streams.pictures import figures_of
from engines.benchmarks.streams.replays import Progress, traces_of
from engines.benchmarks.streams.report import as_json, tables
from engines.benchmarks.streams.scenes import scene_files
from engines.benchmarks.streams.summary import Summary, summarise
from engines.benchmarks.streams.sweep import OperatingPoint, operating_curve
from engines.benchmarks.streams.trace import Trace, decided, evidence
from engines.benchmarks.suites import Details

SWEPT = (AlarmClass.FALL, AlarmClass.ON_FLOOR, AlarmClass.VIOLENCE, AlarmClass.DISTRESS_CALL)
WORK = "stream"  # folder of kept scores in the work folder


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


@dataclass(frozen=True, slots=True)
class StreamSuite:
    """Satisfies suites.Detailed: what it finds out is no comparison of methods."""

    name: str = "stream"
    title: str = "Whole scenes: alarms raised, missed and false"

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """None: nothing is trained here."""
        return []

    def details(self, bench: Workbench, progress: Progress) -> Details:
        """Judge the alarms of ``bench.scenes``, or of scenes of test persons rendered on demand.

        Raises: MissingFileError, MediaError, ModelError, StoreError.
        """
        models = None if bench.models is None else Path(bench.models)
        work = Path(bench.work) / WORK
        report = run_stream(scene_files(bench), models, work, bench.workers, progress)
        return Details(tables(report), as_json(report), tuple(figures_of(report)))


def run_stream(
    recordings: Sequence[Path],
    models: Path | None,
    work: Path,
    workers: int,
    progress: Progress,
    settings: DecisionSettings | None = None,
) -> StreamReport:
    """Replay rendered scenes, each with its truth beside it, and judge the alarms.

    models: model directory, None: the shipped one   work: where scores are kept
    settings: None: the shipped defaults
    Raises: MissingFileError, MediaError, ModelError; ValueError without recordings.
    """
    if not recordings:
        raise ValueError("the whole-stream test needs at least one recording")
    decision = settings or DecisionSettings()
    truths = [read_scene(path) for path in recordings]
    traces = traces_of(recordings, models, work, workers, progress)
    results = [
        match(truth, decided(trace, decision), trace.watched_s, evidence(trace, decision))
        for truth, trace in zip(truths, traces, strict=True)
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


SUITE = StreamSuite()
