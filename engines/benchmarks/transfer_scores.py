"""What a model as it is says of recorded clips, through the runtime's pipeline; kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge.compose import make_decider, make_window
from edge.errors import GatehouseError, MediaError
from edge.models import Models, open_models
from edge.pipeline import Pipeline
from edge.replay import DEVICE, until_ticks
from edge.settings import DecisionSettings, ModelSettings, WindowSettings
from edge.values import F32, AlarmState, Fused
from edge.vocabulary import MODALITIES, AlarmClass, Modality
from engines.benchmarks.code import DECODING, code_digest
from engines.benchmarks.features import model_store
from engines.benchmarks.items import Workbench
from engines.processes import worker_pool
from engines.training.cache import cached_path, is_current
from engines.training.datasets import open_row
from engines.training.manifest import Row
from engines.training.scoring import Listener, summary

CHUNK = 8
FALLS = (AlarmClass.FALL, AlarmClass.LONG_LIE)
VIEWS = (*(m.value for m in MODALITIES), "mean", "gate")
CODE = (
    *DECODING,
    ("edge", "features"),
    ("edge", "pipeline"),
    ("edge", "settings"),
    ("edge.decision", ""),
    ("edge.encoders", ""),
    ("edge.fusion", ""),
    ("engines.training", "scoring"),
)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Said:
    """Of one clip; K decisions."""

    row: Row
    actions: dict[str, F32]  # view -> (K, A); NaN: no opinion
    gate: F32  # (K, M)
    speed: float  # the fastest window's mean optical flow, see edge/signals.py; 0 without
    alarm: bool  # whether the decision stage confirmed a fall


def said_of(rows: Sequence[Row], bench: Workbench, progress: Progress) -> list[Said]:
    """Score clips; what is in the work folder already is used. Clips without decisions are left out

    Raises: ModelError; MediaError when no clip can be read.
    """
    store = model_store(bench)
    told = "|".join(f"{name} {digest}" for name, digest in sorted(store.manifest.digests.items()))
    model = sha256(told.encode()).hexdigest()[:12]
    folder = Path(bench.work) / "transfer" / f"{model}-{code_digest(CODE)}"
    paths = {row.name: cached_path(folder, row) for row in rows}
    todo = [row for row in rows if not is_current(paths[row.name], row.path)]
    problems: list[str] = []
    if todo:
        chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
        with worker_pool(min(bench.workers, len(chunks))) as pool:
            jobs = [pool.submit(score_rows, chunk, paths, bench.models) for chunk in chunks]
            for number, job in enumerate(as_completed(jobs)):
                problems += job.result()
                progress("score clips", number + 1, len(jobs))
    there = [row for row in rows if paths[row.name].exists()]
    if rows and not there:
        raise MediaError(f"none of {len(rows)} clips can be read, the first: {problems[0]}")
    return [load_said(row, paths[row.name]) for row in there]


def score_rows(rows: Sequence[Row], paths: dict[str, Path], models: str | None) -> list[str]:
    """Some clips, in a process of their own; returns one line for each that cannot be read."""
    import cv2

    cv2.setNumThreads(1)
    directory = None if models is None else Path(models)
    opened = open_models(ModelSettings(directory=directory, threads=1))
    problems = []
    for row in rows:
        try:
            save_said(paths[row.name], score_row(row, opened))
        except GatehouseError as error:
            problems.append(str(error))
    return problems


def score_row(row: Row, models: Models) -> Said:
    """One clip, as ``gatehouse replay`` runs it.  Raises: MissingFileError, MediaError."""
    source, listener = open_row(row), Listener(models.fusion)
    pipeline = Pipeline(models.encoders, listener, {"clip": listener}, models.finder)
    for items in until_ticks(source, make_window(source.streams, WindowSettings())):
        pipeline.feed([("clip", item) for item in items])
    if not listener.fused:
        raise MediaError(f"{row.path}: holds nothing to judge; check that it is not empty")
    scores = summary(row, listener, models.fusion)
    flow = MODALITIES.index(Modality.FLOW)
    speed = max(float(window.quality[0, flow, 0]) for window in listener.windows)
    views = {view: scores.actions[view] for view in VIEWS}
    return Said(row, views, scores.gate, speed, raises_alarm(listener.fused))


def raises_alarm(decisions: Sequence[Fused]) -> bool:
    """Whether the decision stage with its default rules confirms a fall."""
    decider = make_decider(decisions[0].room, DecisionSettings(), DEVICE, "transfer")
    changed = [alarm for fused in decisions for alarm in decider.decide(fused).changed]
    return any(a.alarm_class in FALLS and a.state is not AlarmState.CANDIDATE for a in changed)


def save_said(path: Path, said: Said) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    views = {f"view_{view}": scores for view, scores in said.actions.items()}
    facts = {"speed": np.float64(said.speed), "alarm": np.bool_(said.alarm)}
    np.savez(partial, gate=said.gate, **facts, **views)  # type: ignore[arg-type]  # names, no options
    partial.replace(path)


def load_said(row: Row, path: Path) -> Said:
    """Read back."""
    with np.load(path) as arrays:
        actions = {view: arrays[f"view_{view}"] for view in VIEWS}
        speed, alarm = float(arrays["speed"]), bool(arrays["alarm"])
        return Said(row, actions, arrays["gate"], speed, alarm)
