from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engines.training.labels import Label
from engines.training.manifest import Row
from engines.training.scoring import ClipScores, deafened


def test_the_coin_takes_the_sound_from_half_of_the_clips_whatever_their_label() -> None:
    def rows(label: str) -> list[Row]:
        names = [f"{i}.mp4" for i in range(400)]
        return [Row(Path(n), n, "surv_fight", "rgb", label, "g") for n in names]

    fights, calm = ([deafened(row) for row in rows(label)] for label in ("fight", "noFight"))
    assert fights == calm
    assert 160 < sum(fights) < 240


def test_a_clip_has_sound_when_any_decision_heard_something(
    clip: Callable[..., tuple[ClipScores, Label]],
) -> None:
    heard, _ = clip("surv_fight", "fight", "walk", "v1")
    deaf, _ = clip("surv_fight", "fight", "walk", "v1", sound=False)
    assert heard.has_sound
    assert not deaf.has_sound
    once = deaf.sounds.copy()
    once[1] = 0.2
    assert replace(deaf, sounds=once).has_sound
