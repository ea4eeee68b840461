from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge.vocabulary import Modality
from engines.training.cache import Clip
from engines.training.finetune import FinetuneSettings
from engines.training.labels import LabelMap
from engines.training.lane import work_key
from engines.training.manifest import Row

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
