"""A report's sections: one for each data set, task, and side of the split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.vocabulary import SOUNDS
from engines.training.baselines import Clips, has_sound, knows_the_room, majority
from engines.training.labels import Label
from engines.training.metrics import Score, area_under_curve, confusion, score
from engines.training.scoring import VIEWS, ClipScores
from engines.training.split import FILE_DISJOINT, SHARED_RECORDINGS, is_seen
from engines.training.tasks import (
    Judged,
    binary_tasks,
    judge_contained,
    judge_sound,
    judge_windows,
)

UNSEEN, SEEN = "unseen", "trained on"


@dataclass(frozen=True, slots=True)
class Line:
    """One method of one section."""

    method: str
    score: Score
    auc: float | None
    is_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report."""

    dataset: str
    task: str
    side: str  # UNSEEN or SEEN: whether the model was trained on these groups
    note: str
    lines: tuple[Line, ...]
    confusion: Mapping[str, Mapping[str, int]]  # of the gate

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def all_sections(
    results: Sequence[tuple[ClipScores, Label]], trained_on: Sequence[str]
) -> list[Section]:
    """Every task that some data set's labels can judge."""
    sections = []
    for dataset in sorted({c.row.dataset for c, _ in results}):
        own = [(c, label) for c, label in results if c.row.dataset == dataset]
        for side in (UNSEEN, SEEN):
            clips = [pair for pair in own if is_seen(pair[0].row, trained_on) == (side == SEEN)]
            sections += dataset_sections(dataset, side, note_on(dataset, trained_on), clips)
    return sections


def note_on(dataset: str, trained_on: Sequence[str]) -> str:
    """What a reader must know before believing a data set's numbers; empty when nothing."""
    notes = []
    if dataset in FILE_DISJOINT:
        notes.append("file-disjoint only: true groups are unknown")
    relative = SHARED_RECORDINGS.get(dataset)
    if relative in trained_on:
        notes.append(f"shares some recordings with {relative}, which was trained on")
    return "; ".join(notes)


def dataset_sections(dataset: str, side: str, note: str, clips: Clips) -> list[Section]:
    """The sections of one data set and side."""
    sections = []
    for task in binary_tasks():
        views = {view: task.judge(clips, view) for view in VIEWS}
        extra = {"has sound": has_sound(clips, task), "knows the room": knows_the_room(clips, task)}
        sections.append(_section(dataset, task.action, side, note, views, extra))
    for name, judge in (("decisions", judge_windows), ("clip action", judge_contained)):
        views = {view: judge(clips, view) for view in VIEWS}
        sections.append(_section(dataset, name, side, note, views, {}))
    for sound in SOUNDS:
        views = {"gate": judge_sound(clips, sound)}
        sections.append(_section(dataset, f"sound {sound}", side, note, views, {}))
    return [section for section in sections if section is not None]


def _section(
    dataset: str,
    task: str,
    side: str,
    note: str,
    views: Mapping[str, Judged | None],
    extra: Mapping[str, Judged | None],
) -> Section | None:
    gate = views["gate"]
    if gate is None:
        return None
    baselines = {"majority": majority(gate), **extra}
    lines = [_line(name, judged, True) for name, judged in baselines.items() if judged]
    lines += [_line(name, judged, False) for name, judged in views.items() if judged]
    return Section(dataset, task, side, note, tuple(lines), confusion(gate.true, gate.said))


def _line(method: str, judged: Judged, is_baseline: bool) -> Line:
    auc = None
    if judged.scores is not None and judged.positive is not None:
        auc = area_under_curve(judged.scores, judged.positive)
    return Line(method, score(judged.true, judged.hits, judged.groups), auc, is_baseline)
