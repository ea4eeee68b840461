"""What a rendered room's ground truth says of a window.

The rule for actions, at a decision at time t:
1. ``fall`` when it covers at least 0.3 s of the last 1.0 s;
2. else another brief action when it covers at least 0.4 s of the last 0.8 s, the longest first;
3. else the action that covers most of the last 0.6 s.
The rule for sounds: heard when it covers 0.25 s of the last 2.0 s, or half its own length; unknown
when it covers less; not heard otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import MediaError
from edge.values import F32
from edge.vocabulary import ACTIONS, SOUNDS

BRIEF = frozenset({"sit_down", "stand_up", "lie_down", "get_up", "crouch_pick_up"})


@dataclass(frozen=True, slots=True)
class Interval:
    """Something that holds for a while, in seconds since the recording's start."""

    name: str
    start_s: float
    end_s: float

    def overlap(self, start_s: float, end_s: float) -> float:
        """Seconds shared with a stretch of time."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


@dataclass(frozen=True, slots=True)
class Truth:
    """A recording's ground truth."""

    actions: tuple[Interval, ...]
    sounds: tuple[Interval, ...]  # those of SOUNDS only
    recorded: tuple[str, ...] = ()  # those mixed in: audio/DATASET/.../NAME.ogg

    def action_at(self, t_s: float) -> str | None:
        """The action a decision at ``t_s`` should name; None before the first span."""
        fall = self._cover(1.0, t_s, lambda name: name == "fall")
        if fall and fall[0][0] >= 0.3:
            return "fall"
        brief = self._cover(0.8, t_s, BRIEF.__contains__)
        if brief and brief[0][0] >= 0.4:
            return brief[0][1]
        most = self._cover(0.6, t_s, lambda name: True)
        return most[0][1] if most else None

    def _cover(
        self, last_s: float, t_s: float, wanted: Callable[[str], bool]
    ) -> list[tuple[float, str]]:
        """Seconds of the last ``last_s`` that each wanted action covers, longest first."""
        seconds: dict[str, float] = {}
        for span in self.actions:
            shared = span.overlap(t_s - last_s, t_s)
            if shared > 0 and wanted(span.name):
                seconds[span.name] = seconds.get(span.name, 0.0) + shared
        return sorted(((s, name) for name, s in seconds.items()), reverse=True)

    def sounds_at(self, t_s: float) -> F32:
        """(SOUNDS,) 1 heard, 0 not, NaN unknown"""
        targets = np.zeros(len(SOUNDS), np.float32)
        for sound in self.sounds:
            shared = sound.overlap(t_s - 2.0, t_s)
            if shared <= 0:
                continue
            index = SOUNDS.index(sound.name)
            enough = shared >= min(0.25, 0.5 * (sound.end_s - sound.start_s))
            if enough:
                targets[index] = 1
            elif targets[index] != 1:
                targets[index] = np.nan
        return targets


def truth_file(recording: Path) -> Path:
    """Where a recording's ground truth lies."""
    return recording.with_suffix(".truth.json")


def read_truth(path: Path) -> Truth:
    """Raises: MediaError when it is not a truth file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        spans = [Interval(s["action"], s["start_s"], s["end_s"]) for s in data["spans"]]
        heard = [
            Interval(s["label"], s["start_s"], s["end_s"]) for s in data["sounds"] if s["label"]
        ]
        recorded = tuple(data.get("recorded_sounds", ()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"{path}: not a ground truth file; render the clip again") from error
    return Truth(_known(spans, ACTIONS, path), _known(heard, SOUNDS, path), recorded)


def _known(intervals: Sequence[Interval], names: Sequence[str], path: Path) -> tuple[Interval, ...]:
    strange = [i.name for i in intervals if i.name not in names]
    if strange:
        raise MediaError(f"{path}: {strange[0]!r} is not in the vocabulary; render the clip again")
    return tuple(intervals)
