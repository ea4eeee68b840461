from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.training.cache import Clip
from engines.training.clips import STORIES, clips_of, divide, may_be_heard, training_rows
from engines.training.labels import Label, LabelMap
from engines.training.manifest import Row
from engines.training.spoilers import KINDS, NO_DEPTH

FIRST = "path,dataset,modalities,label,group\n"


def room(i: int, body: int = 0) -> Row:
    name = f"train-0-{i:05d}-walk-4s.mcap"
    return Row(Path(name), name, "rooms", "rgb", "walk", f"body{body}|seed{i}")


def test_nothing_of_the_test_side_and_no_other_set_enters_training(tmp_path: Path) -> None:
    rooms, data = tmp_path / "rooms", tmp_path / "data"
    for folder in (rooms, data):
        folder.mkdir()
    names = ("train-0-00001-walk-4s.mcap", "test-0-00001-walk-4s.mcap")
    lines = [f"{name},rooms,rgb,walk,body1|seed1\n" for name in names]
    (rooms / "manifest.csv").write_text(FIRST + "".join(lines))
    films = [f"{i}.mp4,surv_fight,rgb,fight,video{i}\n" for i in range(60)]
    others = ["a.mp4,urfd,rgb,crouch,a|b|c\n", "b.ogg,esc50,audio,cat,fold1\n"]
    (data / "manifest.csv").write_text(FIRST + "".join([*films, *others]))
    rows = training_rows(rooms, data)
    assert {row.dataset for row in rows} == {"rooms", "surv_fight"}
    assert [row.name for row in rows if row.dataset == "rooms"] == [names[0]]
    assert 30 < len(rows) < 55


def test_stories_are_learned_from_beside_the_clips(tmp_path: Path) -> None:
    told = tmp_path / STORIES / "negatives"
    told.mkdir(parents=True)
    for folder, name in ((tmp_path, "train-0-00001-walk-4s.mcap"), (told, "train-9-0-scene.mcap")):
        line = f"{name},rooms,rgb,scene,body1|seed1\n"
        (folder / "manifest.csv").write_text(FIRST + line)
    rows = training_rows(tmp_path, tmp_path / "none")
    assert [row.path.parent for row in rows] == [tmp_path, told]


@pytest.mark.parametrize(("source", "heard"), [("glassBreaking-000", True), ("cough-1", False)])
def test_a_room_with_a_recorded_sound_for_testing_is_not_learned_from_by_ear(
    tmp_path: Path, source: str, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engines.training.clips.split_of",
        lambda dataset, name: "train" if name.startswith("glass") else "test",
    )
    path = f"audio/noise_of_life/Kind/{source}.ogg"
    truth = {"spans": [], "sounds": [], "recorded_sounds": [path]}
    (tmp_path / "a.truth.json").write_text(json.dumps(truth))
    row = Row(tmp_path / "a.mcap", "a.mcap", "rooms", "rgb", "walk", "body1|seed1")
    assert may_be_heard(Clip(row, Label(), tmp_path / "a.npz")) is heard


def test_every_third_room_and_all_that_are_held_out_are_also_spoiled() -> None:
    clips = clips_of([room(i, body=i % 40) for i in range(600)], LabelMap(), Path("inputs"), 3)
    train, held_out = divide(clips)
    spoiled = [sum(clip.spoiled in KINDS for clip in part) for part in (train, held_out)]
    whole = [sum(clip.spoiled is None for clip in part) for part in (train, held_out)]
    assert spoiled[1] == whole[1] > 0
    assert 0.25 < spoiled[0] / whole[0] < 0.42
    assert {clip.spoiled for clip in clips if clip.spoiled} == {*KINDS, NO_DEPTH}
    assert 0.4 < sum(clip.spoiled == NO_DEPTH for clip in clips) / sum(whole) < 0.6
    assert len({clip.inputs for clip in clips}) == len(clips)


@pytest.mark.parametrize("spoiled_every", [0, 1])
def test_a_person_is_either_learned_from_or_held_out(spoiled_every: int) -> None:
    rows = [room(i, body=i % 40) for i in range(80)]
    train, held_out = divide(clips_of(rows, LabelMap(), Path("inputs"), spoiled_every))
    assert train
    assert held_out
    assert not {c.group for c in train} & {c.group for c in held_out}
