"""What one reaches without looking: print these beside every result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engines.training.labels import Label
from engines.training.scoring import ClipScores
from engines.training.split import group_of
from engines.training.tasks import BinaryTask, Judged

Clips = Sequence[tuple[ClipScores, Label]]


def majority(judged: Judged) -> Judged:
    """Always says the most frequent class."""
    most = Counter(judged.true).most_common(1)[0][0]
    return Judged(judged.true, (most,) * len(judged.true), judged.groups)


def has_sound(clips: Clips, task: BinaryTask) -> Judged | None:
    """Says yes when the clip has usable sound: in surv_fight that gives the label away."""
    known = [(c, t) for c, label in clips if (t := task.truth(label)) is not None]
    if not any(c.has_sound for c, _ in known) or all(c.has_sound for c, _ in known):
        return None
    yes, no = task.action, f"no {task.action}"
    return Judged(
        tuple(yes if t else no for _, t in known),
        tuple(yes if c.has_sound else no for c, _ in known),
        tuple(group_of(c.row) for c, _ in known),
    )


def knows_the_room(clips: Clips, task: BinaryTask) -> Judged | None:
    """Says what is most frequent in the clip's scene (person|scene|clip).

    All of urfd's falls happen in one office, and nothing else does.
    """
    known = [(c, t) for c, label in clips if (t := task.truth(label)) is not None]
    if not known or any(c.row.group.count("|") != 2 for c, _ in known):
        return None
    votes: dict[str, Counter[bool]] = {}
    for clip, truth in known:
        votes.setdefault(clip.row.group.split("|")[1], Counter())[truth] += 1
    yes, no = task.action, f"no {task.action}"
    said = [votes[c.row.group.split("|")[1]].most_common(1)[0][0] for c, _ in known]
    return Judged(
        tuple(yes if t else no for _, t in known),
        tuple(yes if s else no for s in said),
        tuple(group_of(c.row) for c, _ in known),
    )
