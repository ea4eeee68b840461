from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import ConfigError, MissingFileError
from engines.benchmarks.items import Workbench
from engines.benchmarks.splits import (
    FILE,
    RULES,
    build_splits,
    divide,
    folds_of,
    is_train,
    read_splits,
    sides_of,
)
from engines.rooms.bodies import TEST_BODIES, TRAIN_BODIES
from engines.training.manifest import Row, read_manifest
from engines.training.split import TRAINABLE, group_of, side_of

COMMITTED = Path(__file__).parents[3] / "engines/benchmarks" / FILE
HEAD = "path,dataset,modalities,label,group\n"


def row(dataset: str, name: str, group: str) -> Row:
    return Row(Path(name), name, dataset, "rgb", "x", group)


@pytest.fixture
def recorded() -> list[Row]:
    """Rows of the recorded sets."""
    manifest = Path(os.environ.get("GATEHOUSE_DATA", "../shared/data")) / "manifest.csv"
    if not manifest.exists():
        pytest.skip("needs the recorded clips (GATEHOUSE_DATA)")
    return read_manifest(manifest)


def test_the_committed_file_is_what_the_rule_makes(recorded: list[Row]) -> None:
    assert json.loads(COMMITTED.read_text()) == build_splits(recorded)


def test_training_and_the_benchmarks_agree_on_what_may_ship(recorded: list[Row]) -> None:
    splits = read_splits()
    for r in recorded:
        if r.dataset in TRAINABLE:
            assert is_train(r, splits) == (side_of(r) == "train"), r.name
        if is_train(r, splits):
            assert group_of(r) not in splits[r.dataset].test


def test_every_set_has_both_sides_and_no_group_on_both() -> None:
    splits = read_splits()
    assert set(splits) == set(RULES)
    for split in splits.values():
        assert split.train
        assert split.test
        assert not split.train & split.test


def test_bodies_of_the_renderer_are_on_the_sides_it_says() -> None:
    rooms = read_splits()["rooms"]
    assert rooms.train == {f"rooms|body{i}" for i in TRAIN_BODIES}
    assert rooms.test == {f"rooms|body{i}" for i in TEST_BODIES}
    empty = row("rooms", "test-0-00000-empty-4s.mcap", "bodynone|seed1")
    assert not is_train(empty, read_splits())
    assert is_train(replace(empty, name="train-0-00000-empty-4s.mcap"), read_splits())


@pytest.mark.parametrize(
    ("dataset", "name", "group", "trained"),
    [
        ("utd_mhad", "a1_s1_t1.mp4", "s1", True),
        ("utd_mhad", "a1_s2_t1.mp4", "s2", False),
        ("utd_mhad", "a1_s7_t1.mp4", "s7", False),  # odd, but not in the file
        ("msr_action3d", "a01_s04_e01.mp4", "s04", False),
        ("esc50", "x/1-19898-A-41.ogg", "fold1", True),
        ("esc50", "x/5-19898-A-41.ogg", "fold5", False),
        ("urfd", "fall-01-cam0.mp4", "P1|office|fall-01", True),
        ("urfd", "fall-25-cam0.mp4", "P5|office|fall-25", False),
        ("safe_fall", "08-1.ogg", "fold08", False),
        ("alarms", "fire_1.ogg", "fire_1", False),
        ("unheard_of", "a.mp4", "g", False),
    ],
)
def test_groups_that_the_file_does_not_name_are_for_testing(
    dataset: str, name: str, group: str, trained: bool
) -> None:
    if dataset == "esc50" and trained:
        group_in_file = min(read_splits()["esc50"].train).partition("|")[2]
        name = f"x/{group_in_file}-A-41.ogg"
    assert is_train(row(dataset, name, group), read_splits()) == trained


def test_more_clips_are_judged_instead_and_their_groups_leave_training() -> None:
    rows = [row("utd_mhad", f"a1_s{i}_t1.mp4", f"s{i}") for i in (1, 2, 3)]
    sides = divide(rows, [], read_splits())
    assert [r.group for r in sides.train] == ["s1", "s3"]
    assert [r.group for r in sides.test] == ["s2"]
    assert sides.note == ""
    more = [row("utd_mhad", f"b{i}.mp4", f"s{i}") for i in (3, 7)]
    sides = divide(rows, more, read_splits())
    assert [r.group for r in sides.train] == ["s1"]
    assert list(sides.test) == more
    assert "1 clips of the same groups" in sides.note


def test_clips_of_another_manifest_are_found_under_their_own_root(tmp_path: Path) -> None:
    own, more = tmp_path / "own", tmp_path / "more"
    for folder in (own, more):
        folder.mkdir()
    (own / "manifest.csv").write_text(HEAD + "a.mp4,utd_mhad,depth,a1,s1\n")
    (more / "list.csv").write_text(
        HEAD + "a.mp4,utd_mhad,depth,a1,s8\nb.ogg,esc50,audio,dog,fold5\n"
    )
    bench = Workbench(str(own), "", None, 1, str(more / "list.csv"), str(more))
    sides = sides_of(bench, ["utd_mhad"])
    assert [r.path for r in sides.test] == [more / "a.mp4"]
    assert sides.test[0].name != sides.train[0].name
    assert sides_of(bench, ["urfd"]).test == ()
    with pytest.raises(MissingFileError, match="GATEHOUSE_DATA"):
        sides_of(replace(bench, data=str(tmp_path)), ["utd_mhad"])


def test_folds_share_no_group_and_cover_both_sides() -> None:
    splits = read_splits()
    folds = folds_of("urfd", splits)
    assert sum(len(fold) for fold in folds) == len(frozenset().union(*folds))
    assert frozenset().union(*folds) == splits["urfd"].train | splits["urfd"].test
    with pytest.raises(ConfigError, match="esc50"):
        folds_of("esc50", splits)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not a split file"),
        ("{", "not a split file"),
        ('{"x": {"rule": "", "train": ["a"], "test": ["a"]}}', "'a' is on both sides"),
        ('{"x": {"rule": "", "train": [], "test": [], "folds": [["a"], ["a"]]}}', "in two folds"),
    ],
)
def test_a_damaged_split_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_splits(tmp_path / "s.json")
