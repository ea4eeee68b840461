from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.robustness import copied_kinds, troubled
from engines.benchmarks.weather.conditions import (
    ABSENT,
    BAD,
    HOUSEHOLD,
    HURTS,
    MILD,
    Condition,
    at_strength,
    bad_conditions,
    graded_conditions,
    spoiler_of,
)
from engines.benchmarks.weather.films import training_kinds
from engines.benchmarks.weather.noise import Noise
from engines.benchmarks.weather.store import Held
from engines.training.clips import clips_of
from engines.training.datasets import ClipInputs, read_inputs
from engines.training.labels import LabelMap
from engines.training.manifest import Row
from engines.training.spoilers import KINDS, make_spoiler

TEST = Row(Path("t.mcap"), "test-900-00001-walk-4s.mcap", "rooms", "rgb", "walk", "body50|seed1")
NOISE = Noise((np.random.default_rng(3).normal(0, 1, 20_000).astype(np.float32),))


def seen(source: Held, condition: Condition) -> ClipInputs:
    return read_inputs(source, spoiler_of(condition, TEST, NOISE, 0.01))


def cues(inputs: ClipInputs, modality: Modality) -> F32:
    return inputs.parts[modality].cues[-3:].mean(axis=0)


def test_every_kind_of_training_is_judged_and_recorded_noise_besides() -> None:
    assert set(HURTS) == {*KINDS, HOUSEHOLD}
    assert {c.kind for c in bad_conditions()} == set(HURTS)
    names = [c.name for c in (*bad_conditions(), *graded_conditions())]
    assert len(set(names)) == len(names) - 3  # the worst of the three graded kinds is in both


def test_the_same_kind_gets_other_draws_in_training_and_in_test() -> None:
    test, training = at_strength("dark", BAD), Condition("dark", training=True)
    assert test.kind == training.kind
    assert test.name != training.name
    assert test.seed(TEST) != training.seed(TEST)
    assert test.seed(TEST) != at_strength("dark", MILD).seed(TEST)


def test_a_training_condition_is_what_the_training_cache_holds(source: Held) -> None:
    condition = Condition("blurred", training=True)
    mine = read_inputs(source, spoiler_of(condition, TEST, None, 0.0))
    theirs = read_inputs(source, make_spoiler("blurred", condition.seed(TEST)))
    assert np.array_equal(mine.parts[Modality.RGB].tensors, theirs.parts[Modality.RGB].tensors)


def test_rooms_are_learned_from_with_the_troubles_that_the_training_chose() -> None:
    rows = [
        Row(Path(f"{i}.mcap"), f"train-0-{i:05d}-walk-4s.mcap", "rooms", "rgb", "walk", "body1|2")
        for i in range(24)
    ]
    spoiled = [c for c in clips_of(rows, LabelMap(), Path("inputs"), 4) if c.spoiled]
    kinds = copied_kinds(rows, 4)
    assert sorted((n, k) for n, own in kinds.items() for k in own) == sorted(
        (c.row.name, c.spoiled) for c in spoiled
    )
    chosen = troubled(rows, 4)
    assert len(chosen) == 6
    assert all(set(kinds[row.name]) & set(KINDS) for row in chosen)


def test_without_depth_the_pictures_are_cut_anew_and_without_a_camera_depth_is(
    source: Held,
) -> None:
    for kind, lost in ABSENT.items():
        assert set(Modality) - set(seen(source, Condition(kind)).parts) == set(lost)


def test_several_troubles_of_one_clip_differ() -> None:
    for count in (1, 2, 3):
        chosen = training_kinds(TEST, KINDS, count)
        assert len({c.kind for c in chosen}) == count


@pytest.mark.parametrize("kind", ["dark", "frozen", "depth_holes", "noisy_sound", HOUSEHOLD])
def test_the_cues_of_the_hurt_modality_move(source: Held, kind: str) -> None:
    clean, hurt = read_inputs(source), seen(source, at_strength(kind, BAD))
    gone = [m for m in HURTS[kind] if m not in hurt.parts]
    moved = [
        float(np.abs(cues(hurt, m) - cues(clean, m)).max()) for m in HURTS[kind] if m in hurt.parts
    ]
    assert gone or max(moved) > 0.05


def test_what_hurts_the_sound_leaves_the_pictures_alone(source: Held) -> None:
    condition = at_strength("noisy_sound", BAD)
    assert condition.is_sound
    assert set(seen(source, condition).parts) == {Modality.AUDIO}  # no time is spent on pictures
    hurt = seen(source, at_strength("depth_holes", BAD))
    clean = read_inputs(source)
    assert np.array_equal(hurt.parts[Modality.AUDIO].tensors, clean.parts[Modality.AUDIO].tensors)


def test_recorded_noise_is_as_loud_as_the_clip(source: Held) -> None:
    quiet = seen(source, Condition(HOUSEHOLD)).parts[Modality.AUDIO].tensors[-1] / 32768
    clean = read_inputs(source).parts[Modality.AUDIO].tensors[-1] / 32768
    added = quiet - clean
    assert np.sqrt(np.mean(added**2)) == pytest.approx(0.01, rel=0.1)
    assert abs(np.corrcoef(added, clean)[0, 1]) < 0.1


def test_patches_that_overlap_hear_the_same_noise(source: Held) -> None:
    noisy = seen(source, Condition(HOUSEHOLD)).parts[Modality.AUDIO]
    clean = read_inputs(source).parts[Modality.AUDIO]
    added = (noisy.tensors.astype(int) - clean.tensors.astype(int))[-2:]
    step = 8_000  # patches end every 0.5 s
    assert np.array_equal(added[0, step:], added[1, : added.shape[1] - step])


def test_household_noise_needs_recordings() -> None:
    with pytest.raises(ValueError, match="noise"):
        spoiler_of(Condition(HOUSEHOLD), TEST, None, 0.1)
