from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.training.labels import Label
from engines.training.scoring import VIEWS, ClipScores
from engines.training.tasks import binary_tasks, judge_contained, judge_sound, judge_windows

Pair = tuple[ClipScores, Label]
Clips = Callable[..., Pair]


def test_violence_is_judged_against_the_alarms_threshold(fights: list[Pair]) -> None:
    judged = binary_tasks()[0].judge(fights, "gate")
    assert judged is not None
    assert judged.true == ("violence", "violence", "no violence", "no violence")
    assert judged.said == ("violence", "no violence", "no violence", "no violence")


def test_a_clip_without_any_opinion_counts_as_nothing_found_for_the_gate_only(
    fights: list[Pair],
) -> None:
    silent, label = fights[0]
    silent = ClipScores(
        silent.row,
        None,
        silent.times_s,
        {v: silent.actions[v] * np.nan for v in VIEWS},
        silent.sounds,
    )
    clips = [(silent, label), *fights[1:]]
    task = binary_tasks()[0]
    by_gate, by_flow = task.judge(clips, "gate"), task.judge(clips, "flow")
    assert by_gate is not None
    assert by_flow is not None
    assert by_gate.said[0] == "no violence"
    assert len(by_flow.true) == 3


def test_a_contained_action_is_chosen_among_those_the_set_knows(clip: Clips) -> None:
    clips = [clip("utd_mhad", "a24", "stand_up", "s1"), clip("utd_mhad", "a3", "fall", "s2")]
    judged = judge_contained(clips, "gate")
    assert judged is not None
    assert judged.true == ("stand_up", "wave")
    assert judged.said[0] == "stand_up"
    assert set(judged.said) <= {"stand_up", "wave"}


def test_with_ground_truth_every_decision_is_an_item(clip: Clips) -> None:
    done, label = clip("rooms", "walk", "walk", "body1|seed1")
    views = done.actions
    true = ("walk", None, "stand")
    known = ClipScores(done.row, None, done.times_s, views, done.sounds, done.gate, true)
    judged = judge_windows([(known, label)], "gate")
    assert judged is not None
    assert judged.true == ("walk", "stand")
    assert judged.said == ("walk", "walk")


def test_the_gate_is_wrong_where_it_has_no_opinion_and_a_single_modality_is_not_asked(
    clip: Clips,
) -> None:
    clips = [clip("utd_mhad", a, said, a) for a, said in (("a24", "stand_up"), ("a3", "wave"))]
    deaf, label = clip("utd_mhad", "a25", "sit_down", "s3")
    nothing = {view: deaf.actions[view] * np.nan for view in VIEWS}
    clips.append((ClipScores(deaf.row, None, deaf.times_s, nothing, deaf.sounds), label))
    by_gate, by_depth = judge_contained(clips, "gate"), judge_contained(clips, "depth")
    assert by_gate is not None
    assert by_depth is not None
    assert by_gate.hits.tolist() == [True, True, False]
    assert len(by_depth.true) == 2


def test_a_sound_is_judged_against_the_clips_known_to_be_without_it(clip: Clips) -> None:
    clips = [
        clip("noise_of_life", "Cough", "walk", "a", name="cough-001.ogg"),
        clip("noise_of_life", "Keys", "walk", "b", name="keys-001.ogg"),
        clip("noise_of_life", "Sneeze", "walk", "c", name="sneeze-001.ogg"),  # may hold a cough
        clip("noise_of_life", "Keys", "walk", "d", name="keys-099.ogg", sound=False),
    ]
    judged = judge_sound(clips, "cough")
    assert judged is not None
    assert judged.true == ("cough", "no cough")
    assert judged.said == ("no cough", "no cough")
