"""What the runtime said of a recording, kept so that thresholds can be tried without encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.decision.decider import RoomDecider
from edge.decision.hold import Hold
from edge.decision.ids import AlarmIds
from edge.decision.rules import RAISED, rule_for, score_of
from edge.decision.smoothing import Smoothing
from edge.errors import MediaError
from edge.models import Models
from edge.replay import DEVICE, replay_file
from edge.settings import DecisionSettings
from edge.values import F32, AlarmState, Decision, Fused
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass


@dataclass(frozen=True, slots=True)
class Trace:
    """The scores of one recording, N decisions; NaN where none could be made."""

    name: str
    t_ns: NDArray[np.int64]  # (N,) capture time
    origin_ns: int  # of the first sample
    actions: F32  # (N, ACTIONS)
    sounds: F32  # (N, SOUNDS)
    gate: F32  # (N, MODALITIES)

    @property
    def t_s(self) -> NDArray[np.float64]:
        """(N,) seconds since the recording's start."""
        return np.asarray((self.t_ns - self.origin_ns) / 1e9)

    @property
    def watched_s(self) -> float:
        """How long decisions could be made, as far as the last one."""
        return float(self.t_s[-1]) if len(self.t_ns) else 0.0

    def fused(self) -> Iterator[Fused]:
        """The scores as the decision stage takes them."""
        for row, t_ns in enumerate(self.t_ns):
            yield Fused(
                room=self.name, t_ns=int(t_ns), origin_ns=self.origin_ns,
                actions=_or_none(self.actions[row]), sounds=_or_none(self.sounds[row]),
                experts=None, gate=dict(zip(MODALITIES, map(float, self.gate[row]), strict=True)),
                missing={},
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StreamAlarm:
    """One alarm as a carer would see it."""

    alarm_class: AlarmClass  # as which it was confirmed
    t_s: float  # when it was confirmed, since the recording's start
    onset_s: float  # when the device says that the evidence began
    score: float
    long_lie_s: float | None = None  # when it became one: an update, not another alarm


def replayed(
    path: Path, models: Models, settings: DecisionSettings
) -> tuple[Trace, list[StreamAlarm]]:
    """Run one recording through the runtime's own pipeline and decision stage.

    Raises: MissingFileError, MediaError.
    """
    decisions = list(replay_file(path, models, decision=settings))
    return trace_of(path.stem, [d.fused for d in decisions]), alarms_of(decisions)


def trace_of(name: str, fused: Sequence[Fused]) -> Trace:
    """Keep the scores.  Raises: MediaError when there are none at all."""
    if not fused:
        raise MediaError(f"{name}: too short for a single decision")

    def rows(values: Iterable[F32 | None], width: int) -> F32:
        empty = np.full(width, np.nan, np.float32)
        return np.stack([empty if value is None else value for value in values])

    return Trace(
        name=name,
        t_ns=np.array([f.t_ns for f in fused], np.int64),
        origin_ns=fused[0].origin_ns,
        actions=rows((f.actions for f in fused), len(ACTIONS)),
        sounds=rows((f.sounds for f in fused), len(SOUNDS)),
        gate=np.array([[f.gate[m] for m in MODALITIES] for f in fused], np.float32),
    )


def decided(trace: Trace, settings: DecisionSettings) -> list[StreamAlarm]:
    """Run only the decision stage on kept scores; equal settings give the replay's alarms."""
    return raised(trace.fused(), settings)


def raised(
    fused: Iterable[Fused], settings: DecisionSettings, kinds: Sequence[AlarmClass] = RAISED
) -> list[StreamAlarm]:
    """The same on scores in order of time.  kinds: classes to raise, see RoomDecider"""
    decider = RoomDecider("scene", settings, AlarmIds(DEVICE, "scores"), kinds)
    return alarms_of(decider.decide(one) for one in fused)


def alarms_of(decisions: Iterable[Decision]) -> list[StreamAlarm]:
    """Alarms in order of confirmation; repetitions and escalations are the same alarm."""
    alarms: dict[str, StreamAlarm] = {}
    for decision in decisions:
        origin_ns = decision.fused.origin_ns
        for alarm in decision.changed:
            if alarm.state is AlarmState.CONFIRMED and alarm.id not in alarms:
                alarms[alarm.id] = StreamAlarm(
                    alarm.alarm_class, (decision.fused.t_ns - origin_ns) / 1e9,
                    (alarm.onset_ns - origin_ns) / 1e9, alarm.score,
                )  # fmt: skip
            elif alarm.alarm_class is AlarmClass.LONG_LIE and alarm.id in alarms:
                first = alarms[alarm.id]
                if first.long_lie_s is None:
                    alarms[alarm.id] = StreamAlarm(
                        first.alarm_class, first.t_s, first.onset_s, first.score,
                        (decision.fused.t_ns - origin_ns) / 1e9,
                    )  # fmt: skip
    return list(alarms.values())


def evidence(trace: Trace, settings: DecisionSettings) -> dict[AlarmClass, list[float]]:
    """When each class's own scores call for an alarm, in s, were no other alarm open already."""
    times: dict[AlarmClass, list[float]] = {kind: [] for kind in RAISED}
    for kind, held_s in times.items():
        hold, smoothing = Hold(rule_for(kind, settings)), Smoothing(settings.smoothing_s)
        for fused, t_s in zip(trace.fused(), trace.t_s, strict=True):
            score = smoothing.update(fused.t_ns, score_of(kind, fused))
            if hold.update(fused.t_ns, score) and score is not None:
                held_s.append(float(t_s))
    return times


def save_trace(trace: Trace, folder: Path) -> Path:
    """Write ``NAME.npz``."""
    path = folder / f"{trace.name}.npz"
    np.savez_compressed(
        path, name=np.array(trace.name), t_ns=trace.t_ns, origin_ns=np.array(trace.origin_ns),
        actions=trace.actions, sounds=trace.sounds, gate=trace.gate,
    )  # fmt: skip
    return path


def load_trace(path: Path) -> Trace:
    """Raises: MediaError when the file is something else."""
    try:
        with np.load(path, allow_pickle=False) as data:
            values = {f.name: data[f.name] for f in fields(Trace)}
    except (OSError, ValueError, KeyError) as error:
        raise MediaError(f"{path}: not the scores of a recording") from error
    return Trace(
        str(values["name"]), values["t_ns"], int(values["origin_ns"]),
        values["actions"], values["sounds"], values["gate"],
    )  # fmt: skip


def _or_none(row: F32) -> F32 | None:
    return None if np.isnan(row).any() else row
