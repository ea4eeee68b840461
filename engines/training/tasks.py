"""How a clip is judged from its decisions, and which clips can be judged at all: the one place.

- violence: the mean over the clip's decisions of the violence score, against the alarm's threshold;
- fall: the highest fall score of any decision, against the alarm's threshold;
- actions: with ground truth every decision is an item and the highest score is its class; without,
  a clip with a known action is an item, and among the actions that its data set knows the one with
  the highest score of any decision is its class;
- sounds: the highest score of any decision, against 0.5, each sound against all clips without it.

A clip without any decision counts as "nothing found". A single modality is judged on the clips in
which it is present.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.settings import DecisionSettings
from edge.values import F32, Mask
from edge.vocabulary import ACTIONS, SOUNDS
from engines.training.labels import Label
from engines.training.metrics import F64
from engines.training.scoring import ClipScores
from engines.training.split import group_of

SOUND_THRESHOLD = 0.5
FUSED_VIEWS = ("gate", "gate_sound_dropped", "mean")
"""These answer for every clip; a single modality only for those in which it is present."""

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Judged:
    """One way of judging, on the items it has an opinion of."""

    true: tuple[str, ...]
    said: tuple[str, ...]
    groups: tuple[str, ...]
    scores: F64 | None = None  # (N,) of the positive class of a binary task
    positive: Mask | None = None

    @property
    def hits(self) -> Mask:
        """(N,)"""
        return np.array([a == b for a, b in zip(self.true, self.said, strict=True)], np.bool_)


def clip_score(scores: F32, action: str, pool: Callable[..., float]) -> float:
    """One action's score of a clip.  scores: (K, A), NaN: no opinion   returns: NaN without any"""
    column = scores[:, ACTIONS.index(action)]
    heard = column[np.isfinite(column)]
    return float(pool(heard)) if len(heard) else float("nan")


@dataclass(frozen=True, slots=True)
class BinaryTask:
    """Is this action in the clip?"""

    action: str
    pool: Callable[..., float]
    threshold: float

    def truth(self, label: Label) -> bool | None:
        """What the label says; None: it does not."""
        if label.allowed == {self.action} or label.contains == self.action:
            return True
        return False if self.action not in label.allowed else None

    def judge(self, clips: Sequence[tuple[ClipScores, Label]], view: str) -> Judged | None:
        """None when the clips are not of both kinds."""
        known = [(c, t) for c, label in clips if (t := self.truth(label)) is not None]
        scores = np.array([clip_score(c.actions[view], self.action, self.pool) for c, _ in known])
        if view in FUSED_VIEWS:
            scores = np.nan_to_num(scores)
        kept = [i for i in range(len(known)) if np.isfinite(scores[i])]
        positive = np.array([known[i][1] for i in kept], np.bool_)
        if not positive.any() or positive.all():
            return None
        said = [self._name(bool(scores[i] >= self.threshold)) for i in kept]
        groups = tuple(group_of(known[i][0].row) for i in kept)
        true = tuple(self._name(bool(p)) for p in positive)
        return Judged(true, tuple(said), groups, scores[kept], positive)

    def _name(self, positive: bool) -> str:
        return self.action if positive else f"no {self.action}"


def binary_tasks() -> tuple[BinaryTask, ...]:
    """Violence and falls, with the thresholds that raise the alarms."""
    rules = DecisionSettings()
    return (
        BinaryTask("violence", np.mean, rules.violence.enter),
        BinaryTask("fall", np.max, rules.fall.enter),
    )


def judge_windows(clips: Sequence[tuple[ClipScores, Label]], view: str) -> Judged | None:
    """Every decision of clips with ground truth; None without any."""
    true, said, groups = [], [], []
    for clip, _ in clips:
        if clip.true_actions is None:
            continue
        for action, scores in zip(clip.true_actions, clip.actions[view], strict=True):
            if action is not None and np.isfinite(scores).all():
                true.append(action)
                said.append(ACTIONS[int(np.argmax(scores))])
                groups.append(group_of(clip.row))
    return Judged(tuple(true), tuple(said), tuple(groups)) if len(set(true)) > 1 else None


def judge_contained(clips: Sequence[tuple[ClipScores, Label]], view: str) -> Judged | None:
    """Clips whose label names an action; None when fewer than two actions are named."""
    named = [(c, label.contains) for c, label in clips if label.contains and not c.true_actions]
    known = sorted({action for _, action in named})
    if len(known) < 2:
        return None
    true, said, groups = [], [], []
    for clip, action in named:
        scores = [clip_score(clip.actions[view], name, np.max) for name in known]
        heard = bool(np.isfinite(scores).all())
        if heard or view in FUSED_VIEWS:
            true.append(action)
            said.append(known[int(np.argmax(scores))] if heard else NOTHING)
            groups.append(group_of(clip.row))
    return Judged(tuple(true), tuple(said), tuple(groups)) if len(set(true)) > 1 else None


def judge_sound(clips: Sequence[tuple[ClipScores, Label]], sound: str) -> Judged | None:
    """One sound against the clips that are known to be without it; None without both kinds."""
    index = SOUNDS.index(sound)
    scores, positive, groups = [], [], []
    for clip, label in clips:
        for target, score in _sound_items(clip, label, index):
            if np.isfinite(target):
                scores.append(score)
                positive.append(target == 1)
                groups.append(group_of(clip.row))
    mask = np.array(positive, np.bool_)
    if not mask.any() or mask.all():
        return None
    names = {True: sound, False: f"no {sound}"}
    true = tuple(names[bool(p)] for p in positive)
    said = tuple(names[bool(s >= SOUND_THRESHOLD)] for s in scores)
    return Judged(true, said, tuple(groups), np.array(scores, np.float64), mask)


def _sound_items(clip: ClipScores, label: Label, index: int) -> list[tuple[float, float]]:
    """(target, score): of each decision with ground truth, else of the clip."""
    heard = np.nan_to_num(clip.sounds)
    if clip.true_sounds is not None:
        pairs = zip(clip.true_sounds[:, index], heard[:, index], strict=True)
        return [(float(target), float(score)) for target, score in pairs]
    if not clip.has_sound or label.sounds is None:
        return []
    return [(float(label.sound_targets()[index]), float(heard[:, index].max(initial=0.0)))]
