"""Run files through the whole chain, as fast as the machine goes; same bytes, same lines.

Nothing here looks at a clock: capture times pace the decisions, and the file's own digest stands
for the boot id, so that alarm ids repeat too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.compose import make_decider, make_window, open_file
from edge.errors import SourceError
from edge.faults import FaultScript
from edge.faults_apply import FaultySource
from edge.models import Models
from edge.pipeline import Pipeline
from edge.settings import DecisionSettings, WindowSettings
from edge.stages import Source, Synchroniser
from edge.values import Alarm, Decision, Fused, Step, Tick
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

DEVICE = "replay"
"""Stands for the device in alarm ids."""

SCORE_DIGITS = 8  # float32 has no more than 8 after the point for numbers below 1
TIME_DIGITS = 3


def replay_file(
    path: Path,
    models: Models,
    window: WindowSettings | None = None,
    decision: DecisionSettings | None = None,
    faults: FaultScript | None = None,
) -> Iterator[Decision]:
    """Yield every decision on a file, in order of capture time.

    faults: what goes wrong on the way; but for broker outages, see ``faults_broker``
    Raises: MissingFileError; MediaError, which may come after the decisions on the sound part.
    """
    source = open_file(path)
    if faults is not None:
        source = FaultySource(source, faults)
    room = path.stem
    decider = make_decider(room, decision or DecisionSettings(), DEVICE, source.digest)
    pipeline = Pipeline(models.encoders, models.fusion, {room: decider}, models.finder, models.form)
    grid = make_window(source.streams, window or WindowSettings())
    for items in until_ticks(source, grid):
        yield from pipeline.feed([(room, item) for item in items])


def until_ticks(source: Source, grid: Synchroniser) -> Iterator[list[Step | Tick]]:
    """Group grid points up to each tick, so that the encoders get batches; data alone decides.

    Raises: SourceError, after the last tick of the sound part.
    """
    group: list[Step | Tick] = []
    damage: SourceError | None = None
    try:
        for sample in source.samples():
            for item in grid.push(sample):
                group.append(item)
                if isinstance(item, Tick):
                    yield group
                    group = []
    except SourceError as error:
        damage = error
    yield group + grid.flush()
    if damage is not None:
        raise damage


def seconds(fused: Fused, t_ns: int) -> float:
    """Seconds of capture time from the recording's start to ``t_ns``."""
    return round((t_ns - fused.origin_ns) / 1e9, TIME_DIGITS)


def decision_line(path: Path, decision: Decision) -> str:
    """Write one decision as the JSON line of ``gatehouse replay --json``, without line end."""
    fused = decision.fused
    line = {
        "path": str(path),
        "t": seconds(fused, fused.t_ns),
        "room": fused.room,
        "scores": scores_of(fused),
        "gate": {m.value: round(fused.gate[m], SCORE_DIGITS) for m in MODALITIES},
        "missing": {m.value: fused.missing[m].value for m in MODALITIES if m in fused.missing},
        "alarms": [alarm_of(fused, alarm) for alarm in decision.changed],
    }
    return json.dumps(line, allow_nan=False)


def scores_of(fused: Fused) -> dict[str, float | None] | None:
    """All actions and sounds by name; sounds are None without sound; None: no decision."""
    if fused.actions is None:
        return None
    scores: dict[str, float | None] = {
        name: round(float(score), SCORE_DIGITS)
        for name, score in zip(ACTIONS, fused.actions, strict=True)
    }
    for index, name in enumerate(SOUNDS):
        sounds = fused.sounds
        scores[name] = None if sounds is None else round(float(sounds[index]), SCORE_DIGITS)
    return scores


def alarm_of(fused: Fused, alarm: Alarm) -> dict[str, Any]:
    """Describe an alarm that changed with this decision."""
    return {
        "id": alarm.id,
        "class": alarm.alarm_class.value,
        "state": alarm.state.value,
        "onset_t": seconds(fused, alarm.onset_ns),
    }
