from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.training.manifest import Row, read_manifest
from engines.training.split import TRAINABLE, group_of, is_seen, side_of


def row(dataset: str, name: str, group: str) -> Row:
    return Row(Path(name), name, dataset, "rgb", "x", group)


@pytest.mark.parametrize("dataset", ["urfd", "esc50", "utd_mhad", "safe_fall", "alarms", "other"])
def test_sets_without_a_permissive_licence_are_never_trained_on(dataset: str) -> None:
    assert dataset not in TRAINABLE
    assert side_of(row(dataset, "a/b.ogg", "g")) == "never"


def test_all_clips_of_a_source_video_are_on_one_side() -> None:
    sides = {side_of(row("surv_fight", f"video/{i}.mp4", "abc")) for i in range(20)}
    assert len(sides) == 1


def test_about_a_third_of_the_source_videos_are_for_testing() -> None:
    sides = [side_of(row("surv_fight", "v.mp4", f"video{i}")) for i in range(500)]
    assert 0.22 < sides.count("test") / 500 < 0.38


def test_rendered_test_rooms_are_not_trained_on() -> None:
    assert side_of(row("rooms", "test-0-00001-walk-4s.mcap", "body1|seed2")) == "test"
    assert side_of(row("rooms", "train-0-00001-walk-4s.mcap", "body1|seed2")) == "train"


def test_groups_that_are_file_names_are_replaced_by_what_the_files_share() -> None:
    takes = [f"scream_extra/169810__missozzy__female-scream-01_{i}.ogg" for i in (0, 1)]
    assert len({group_of(row("scream_extra", name, name)) for name in takes}) == 1
    takes = [f"esc50/x/1-19898-{take}-41.ogg" for take in "ABC"]
    assert len({group_of(row("esc50", name, "fold1")) for name in takes}) == 1
    rooms = [row("rooms", "a.mcap", f"body3|seed{i}") for i in (1, 2)]
    assert len({group_of(r) for r in rooms}) == 1


def test_every_label_of_the_recorded_sets_has_a_meaning() -> None:
    from engines.training.labels import LabelMap

    manifest = Path(os.environ.get("GATEHOUSE_DATA", "../shared/data")) / "manifest.csv"
    if not manifest.exists():
        pytest.skip("needs the recorded clips (GATEHOUSE_DATA)")
    labels = LabelMap()
    rows = read_manifest(manifest)
    assert rows
    for r in rows:
        assert labels.label(r.dataset, r.label).allowed
        assert group_of(r)


def test_a_person_in_a_scene_of_urfd_is_one_group() -> None:
    falls = [row("urfd", f"fall-{i}.mp4", f"P1|office|fall-{i}") for i in range(3)]
    assert len({group_of(r) for r in falls}) == 1
    assert group_of(row("urfd", "a.mp4", "P2|office|fall-9")) != group_of(falls[0])


def test_only_groups_that_were_kept_out_of_a_set_are_unseen() -> None:
    kept_out = row("rooms", "test-0-00001-walk-4s.mcap", "body1|seed2")
    learned = row("rooms", "train-0-00001-walk-4s.mcap", "body2|seed3")
    assert not is_seen(kept_out, ["rooms"])
    assert is_seen(learned, ["rooms"])
    assert not is_seen(learned, ["surv_fight"])
    assert is_seen(row("urfd", "a.mp4", "P1|office|a"), ["urfd"])
