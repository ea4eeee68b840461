"""What a scene's ground truth asks of the alarms: which must come, by when, and which may."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import MediaError, MissingFileError
from edge.vocabulary import AlarmClass
from engines.training.truth import Interval, Truth, read_truth, truth_file

PATIENCE_S = 10.0
"""An alarm that comes later after the onset does not count as a detection."""

EARLY_S = 0.5
"""An alarm may be this much before the labelled onset: labels are not sharper than a decision."""

LYING_S = 5.0
"""Somebody on the floor for less need not raise an alarm."""

_SLACK_S = 2.0  # the window of a decision looks this far back
_SAME_CALL_S = 20.0  # calls this close are one event: an open alarm covers them
_BOUND_S = 1.0  # being on the floor this soon after a fall belongs to it
_CALLS = frozenset({"scream", "call_for_help"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that must raise an alarm."""

    alarm_class: AlarmClass
    onset_s: float  # since the recording's start
    end_s: float  # until when an alarm of the class belongs to it
    visible: float  # mean share of the picture the person covers meanwhile, 0 when out of sight

    def holds(self, t_s: float) -> bool:
        """Whether an alarm at this time belongs to it."""
        return self.onset_s - EARLY_S <= t_s <= self.end_s


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """A recording's ground truth as far as alarms go."""

    name: str
    story: str  # what the scene is about, "" when it does not say
    split: str  # side of its persons, voices and sounds: train or test
    person: str  # whom it follows
    dark: bool
    duration_s: float
    truth: Truth
    events: tuple[Event, ...]  # in order of onset
    excused: tuple[tuple[AlarmClass, float, float], ...]  # an alarm here is neither right nor wrong
    told: tuple[Interval, ...]  # episodes as the script calls them
    heard: tuple[Interval, ...]  # every sound by its kind, those without a class, too

    def context(self, t_s: float) -> Context:
        """What goes on when an alarm is raised."""
        return Context(
            action=self.truth.action_at(t_s) or "unknown",
            episode=next((e.name for e in self.told if e.start_s <= t_s <= e.end_s + 1), ""),
            sounds=tuple(sorted({h.name for h in self.heard if h.overlap(t_s - 2.0, t_s) > 0})),
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What the ground truth says of a moment."""

    action: str
    episode: str
    sounds: tuple[str, ...]  # kinds heard in the last 2 s


def read_scene(recording: Path) -> SceneTruth:
    """Read the truth beside a rendered recording.  Raises: MissingFileError, MediaError."""
    path = truth_file(recording)
    if not path.exists():
        raise MissingFileError(f"{path}: no ground truth; render the scene with its truth")
    truth = read_truth(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    try:
        notes, seen = data["notes"], _visibility(data["visible"], float(data["fps"]))
        events = tuple(sorted(events_of(truth, seen), key=lambda event: event.onset_s))
        return SceneTruth(
            name=recording.stem, story=str(notes.get("story", "")), split=str(data["split"]),
            person=str(data["bodies"][0]) if data["bodies"] else "", dark=bool(data["dark"]),
            duration_s=float(data["duration_s"]), truth=truth, events=events,
            excused=tuple(excuses_of(truth)), told=tuple(_told(str(notes.get("told", "")))),
            heard=tuple(Interval(s["kind"], s["start_s"], s["end_s"]) for s in data["sounds"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise MediaError(f"{path}: not the truth of a whole scene: {error}") from error


Seen = Callable[[float, float], float]


def events_of(truth: Truth, seen: Seen) -> Iterable[Event]:
    """What must raise an alarm.  seen: mean visibility between two times"""
    spans = truth.actions
    for fall in _named(spans, {"fall"}):
        end_s = _end_of_lying(spans, fall.end_s)
        yield _event(AlarmClass.FALL, fall.start_s, end_s + _SLACK_S, seen)
    for lying in _named(spans, {"on_floor"}):
        from_fall = any(abs(f.end_s - lying.start_s) < _BOUND_S for f in _named(spans, {"fall"}))
        if not from_fall and lying.end_s - lying.start_s >= LYING_S:
            yield _event(AlarmClass.ON_FLOOR, lying.start_s, lying.end_s + _SLACK_S, seen)
    for attack in _named(spans, {"violence"}):
        yield _event(AlarmClass.VIOLENCE, attack.start_s, attack.end_s + _SLACK_S, seen)
    calls = [sound for sound in truth.sounds if sound.name in _CALLS]
    for call in _joined(calls, _SAME_CALL_S):
        yield _event(AlarmClass.DISTRESS_CALL, call.start_s, call.end_s + _SLACK_S, seen)
    for crash in _joined(_named(truth.sounds, {"glass_break"}), _SAME_CALL_S):
        yield _event(AlarmClass.GLASS_BREAK, crash.start_s, crash.end_s + _SLACK_S, seen)


def excuses_of(truth: Truth) -> Iterable[tuple[AlarmClass, float, float]]:
    """Times at which an alarm is true in substance, though another class covers the event.

    Whoever is on the floor for a moment or after a fall is on the floor; whoever is knocked down
    in a fight has fallen.
    """
    for lying in _named(truth.actions, {"on_floor"}):
        yield AlarmClass.ON_FLOOR, lying.start_s - EARLY_S, lying.end_s + _SLACK_S
        for fight in _named(truth.actions, {"violence"}):
            if abs(fight.end_s - lying.start_s) < _BOUND_S:
                yield AlarmClass.FALL, fight.start_s, lying.start_s + _SLACK_S


def _event(kind: AlarmClass, onset_s: float, end_s: float, seen: Seen) -> Event:
    return Event(kind, onset_s, end_s, seen(onset_s, end_s))


def _named(spans: Sequence[Interval], names: set[str]) -> list[Interval]:
    return _joined([span for span in spans if span.name in names], 0.05)


def _joined(spans: Sequence[Interval], gap_s: float) -> list[Interval]:
    """Neighbours less than ``gap_s`` apart become one."""
    joined: list[Interval] = []
    for span in sorted(spans, key=lambda s: s.start_s):
        if joined and span.start_s - joined[-1].end_s <= gap_s:
            last = joined[-1]
            joined[-1] = Interval(last.name, last.start_s, max(last.end_s, span.end_s))
        else:
            joined.append(span)
    return joined


def _end_of_lying(spans: Sequence[Interval], fallen_s: float) -> float:
    after = [s for s in _named(spans, {"on_floor"}) if abs(s.start_s - fallen_s) < _BOUND_S]
    return after[0].end_s if after else fallen_s


def _visibility(shares: Sequence[float], fps: float) -> Seen:
    def mean(start_s: float, end_s: float) -> float:
        part = shares[max(0, int(start_s * fps)) : max(1, int(end_s * fps))]
        return round(sum(part) / len(part), 5) if part else 0.0

    return mean


def _told(notes: str) -> Iterable[Interval]:
    for note in notes.split("; ") if notes else []:
        name, times = note.split(" ")
        start_s, end_s = times.split("-")
        yield Interval(name, float(start_s), float(end_s))


def as_row(event: Event) -> dict[str, Any]:
    """For JSON."""
    return {
        "alarm_class": event.alarm_class.value,
        "onset_s": event.onset_s,
        "end_s": event.end_s,
        "visible": event.visible,
    }
