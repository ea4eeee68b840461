"""Clips of a training run: as many of each set, none of a test group."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.int8_training import training_inputs
from edge.errors import MissingFileError
from engines.training.cache import cached_path
from engines.training.manifest import Row, read_manifest

HEAD = "path,dataset,modalities,label,group\n"
ROOMS = [f"train-{i}.mcap,rooms,rgb,walk,body{i}|seed{i}" for i in range(8)]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rooms and recorded sounds; every clip was decoded, one of them in the dark as well."""
    rooms, data = tmp_path / "rooms", tmp_path / "data"
    rooms.mkdir()
    data.mkdir()
    monkeypatch.setenv("GATEHOUSE_DATA", str(data))
    (rooms / "manifest.csv").write_text(HEAD + "\n".join([*ROOMS, "test-0.mcap,rooms,rgb,sit,b|s"]))
    sounds = [f"audio/kitchen20/{i}.ogg,kitchen20,audio,cough,{i}" for i in range(40)]
    never = ["audio/esc50/0.ogg,esc50,audio,cough,0"]
    (data / "manifest.csv").write_text(HEAD + "\n".join([*sounds, *never]))
    for row in rows_of(tmp_path):
        decoded(tmp_path, row)
    decoded(tmp_path, rows_of(tmp_path)[0], "dark")
    return tmp_path


def rows_of(work: Path) -> list[Row]:
    return [
        *read_manifest(work / "rooms" / "manifest.csv"),
        *read_manifest(work / "data" / "manifest.csv"),
    ]


def decoded(work: Path, row: Row, kind: str | None = None) -> Path:
    path = cached_path(work / "inputs", row, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_each_set_has_the_same_share_and_bad_weather_is_among_it(work: Path) -> None:
    found = training_inputs(work, 1000)
    dark = cached_path(work / "inputs", rows_of(work)[0], "dark")
    assert sum(path.parent.name == "rooms" for path in found) == len(ROOMS) + 1
    assert dark in found
    few = training_inputs(work, 10)
    assert [path.parent.name for path in few] == ["rooms"] * 5 + ["kitchen20"] * 5
    assert training_inputs(work, 10) == few


def test_test_groups_and_sets_that_never_train_are_left_out(work: Path) -> None:
    found = set(training_inputs(work, 1000))
    rooms, (esc50,) = rows_of(work)[:9], [r for r in rows_of(work) if r.dataset == "esc50"]
    assert cached_path(work / "inputs", rooms[-1]) not in found
    assert cached_path(work / "inputs", esc50) not in found
    assert sum(path.parent.name == "kitchen20" for path in found) < 40


def test_a_folder_without_decoded_clips_is_named(work: Path) -> None:
    for path in (work / "inputs").rglob("*.npz"):
        path.unlink()
    for folder in (work, work / "elsewhere"):
        with pytest.raises(MissingFileError, match=r"python -m engines train"):
            training_inputs(folder, 10)
