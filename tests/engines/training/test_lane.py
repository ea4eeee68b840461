from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.vocabulary import Modality
from engines.training import lane
from engines.training.cache import Clip
from engines.training.clips import STORY
from engines.training.finetune import FinetuneSettings, TrainedStream
from engines.training.labels import LabelMap
from engines.training.lane import work_key
from engines.training.manifest import Row
from engines.training.spoilers import NO_DEPTH

SETTINGS = FinetuneSettings(Modality.FLOW, steps=100, minutes=9.5)


def clips(*names: str) -> list[Clip]:
    label = LabelMap().label("surv_fight", "fight")
    rows = [Row(Path(n), n, "surv_fight", "rgb", "fight", "v") for n in names]
    return [Clip(row, label, Path("x.npz")) for row in rows]


def test_an_interrupted_run_knows_its_work_again_with_other_minutes_left() -> None:
    later = replace(SETTINGS, minutes=4.2)
    assert work_key(SETTINGS, clips("a", "b")) == work_key(later, clips("b", "a"))


def test_other_settings_clips_or_labels_are_other_work() -> None:
    keys = {
        work_key(SETTINGS, clips("a", "b")),
        work_key(SETTINGS, clips("a", "c")),
        work_key(replace(SETTINGS, seed=1), clips("a", "b")),
        work_key(
            SETTINGS, [replace(c, label=replace(c.label, contains="fall")) for c in clips("a", "b")]
        ),
    }
    assert len(keys) == 4


def test_single_actions_come_first_then_stories_and_plain_cameras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def finetune(clips, held_out, settings, kept, report, start=None):  # type: ignore[no-untyped-def]
        rounds.append(({c.row.name for c in clips}, settings, kept, start))
        return TrainedStream(None, None, {"steps": float(settings.steps)})

    monkeypatch.setattr(lane, "finetune", finetune)
    walk, plain = clips("walk", "plain")
    story = replace(walk, row=replace(walk.row, name="story", label=STORY))
    everything = [walk, replace(plain, spoiled=NO_DEPTH), story]
    settings = replace(SETTINGS, refine=25)
    done = lane.in_two_rounds(everything, [], settings, tmp_path / "a.pt", lambda *_: None)
    (first, how, kept, start), (second, later, again, before) = rounds
    assert (first, second) == ({"walk"}, {"walk", "plain", "story"})
    assert (how.steps, later.steps) == (SETTINGS.steps, 25)
    assert later.backbone_rate == SETTINGS.backbone_rate / 2
    assert how.minutes + later.minutes == SETTINGS.minutes
    assert kept != again
    assert start is None
    assert before.facts == {"steps": SETTINGS.steps}
    assert done.facts == {"first_steps": SETTINGS.steps, "steps": 25}
