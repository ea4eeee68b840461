from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from engines.training.labels import Label
from engines.training.scoring import ClipScores
from engines.training.sections import SEEN, UNSEEN, all_sections, note_on

Pair = tuple[ClipScores, Label]
Clips = Callable[..., Pair]


def test_a_report_separates_unseen_groups_and_is_plain_json(clip: Clips) -> None:
    clips = [
        clip("surv_fight", kind, "walk", f"v{i}", name=f"{kind}{i}")
        for i in range(30)
        for kind in ("fight", "noFight")
    ]
    sections = all_sections(clips, ["surv_fight"])
    assert {section.side for section in sections} == {UNSEEN, SEEN}
    assert all_sections(clips, ["rooms"])[0].side == UNSEEN
    assert "majority" in json.dumps([section.as_json() for section in sections])


def test_what_the_model_learned_from_without_a_rule_is_never_called_unseen(
    fights: list[Pair],
) -> None:
    clips = [(replace(c, row=replace(c.row, dataset="urfd")), label) for c, label in fights]
    assert {section.side for section in all_sections(clips, ["urfd"])} == {SEEN}
    assert {section.side for section in all_sections(clips, [])} == {UNSEEN}


def test_a_set_that_shares_recordings_with_one_trained_on_says_so() -> None:
    assert "noise_of_life" in note_on("esc50", ["noise_of_life"])
    assert note_on("esc50", ["rooms"]) == ""
    assert "file-disjoint" in note_on("alarms", [])
