from __future__ import annotations

from collections.abc import Callable

from engines.training.baselines import has_sound, knows_the_room, majority
from engines.training.labels import Label
from engines.training.scoring import ClipScores
from engines.training.tasks import binary_tasks

Pair = tuple[ClipScores, Label]
Clips = Callable[..., Pair]


def test_the_sound_baseline_says_violence_whenever_there_is_sound(fights: list[Pair]) -> None:
    judged = has_sound(fights, binary_tasks()[0])
    assert judged is not None
    assert judged.said == ("violence", "violence", "no violence", "violence")


def test_the_room_baseline_knows_urfd_by_its_scenes(clip: Clips, fights: list[Pair]) -> None:
    clips = [
        clip("urfd", "fall_from_sitting", "walk", "P1|office|fall-1"),
        clip("urfd", "squat", "walk", "roomA|roomA|adl-1"),
    ]
    judged = knows_the_room(clips, binary_tasks()[1])
    assert judged is not None
    assert judged.hits.all()
    assert knows_the_room(fights, binary_tasks()[0]) is None


def test_the_majority_is_the_most_frequent_class(fights: list[Pair]) -> None:
    judged = binary_tasks()[0].judge(fights[1:], "gate")
    assert judged is not None
    assert set(majority(judged).said) == {"no violence"}
