from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError, MissingFileError
from edge.vocabulary import ACTIONS, SOUNDS
from engines.training.labels import TABLE, LabelMap, load_label_map, parse_entry


def test_every_entry_of_the_table_is_well_formed() -> None:
    for dataset, entries in TABLE.items():
        for name, entry in entries.items():
            label = parse_entry(entry, f"{dataset}: {name}")
            assert label.contains is None or label.contains in label.allowed


def test_a_fight_is_violence_and_no_fight_is_anything_else() -> None:
    labels = LabelMap()
    violence = ACTIONS.index("violence")
    fight = labels.label("surv_fight", "fight").action_mask()
    none = labels.label("surv_fight", "noFight").action_mask()
    assert fight.sum() == 1
    assert fight[violence]
    assert none.sum() == len(ACTIONS) - 1
    assert not none[violence]


def test_an_unsure_sound_is_unknown_and_others_are_negative() -> None:
    targets = LabelMap().label("noise_of_life", "MaleScream").sound_targets()
    assert targets[SOUNDS.index("scream")] == 1
    assert np.isnan(targets[SOUNDS.index("call_for_help")])
    assert targets[SOUNDS.index("cough")] == 0


def test_a_story_says_nothing_but_what_its_ground_truth_does() -> None:
    label = LabelMap().label("rooms", "scene")
    assert label.contains is None
    assert label.action_mask().all()


def test_a_set_without_sound_labels_masks_all_sounds() -> None:
    assert np.isnan(LabelMap().label("surv_fight", "fight").sound_targets()).all()


def test_a_label_map_adds_data_sets_and_replaces_labels(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text("mine: {punch: {only: [violence]}}\nurfd: {crouch: {never: [fall]}}\n")
    labels = load_label_map(file)
    assert labels.label("mine", "punch").allowed == {"violence"}
    assert labels.label("urfd", "crouch").contains is None
    assert labels.label("urfd", "squat").contains == "crouch_pick_up"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("mine: {punch: {onyl: [violence]}}", "onyl"),
        ("mine: {punch: {only: [boxing]}}", "must be a list of some of"),
        ("mine: {punch: {only: [violence], never: [fall]}}", "exclude each other"),
        ("mine: {punch: {contains: boxing}}", "is no action"),
        ("mine: {punch: violence}", "must be a mapping"),
        ("mine: {punch: {only: []}}", "no action is left"),
        ("mine: 2026-02-30", "not YAML"),
        ("- a", "must map data sets"),
        ("a: [", "not YAML"),
    ],
)
def test_mistakes_in_a_label_map_are_named(tmp_path: Path, text: str, remedy: str) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=remedy):
        load_label_map(file)


def test_a_missing_label_map_and_an_unknown_label_say_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        load_label_map(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="--label-map"):
        LabelMap().label("surv_fight", "dance")
