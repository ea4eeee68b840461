from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from edge.vocabulary import ACTIONS
from engines.training.cache import cached_path, decision_times, is_current, target_at
from engines.training.datasets import ClipInputs
from engines.training.labels import Label, LabelMap
from engines.training.manifest import Row
from engines.training.truth import Interval, Truth

S = 1_000_000_000


def test_a_spoiled_copy_is_kept_beside_the_clean_one() -> None:
    row = Row(Path("a"), "a", "rooms", "rgb", "walk", "g")
    paths = {cached_path(Path("d"), row, kind) for kind in (None, "dark", "blurred")}
    assert len(paths) == 3
    assert cached_path(Path("d"), row) in paths


def test_ground_truth_goes_before_the_label() -> None:
    truth = Truth((Interval("walk", 0, 2), Interval("sit_down", 2, 4)), ())
    label = LabelMap().label("rooms", "fall")
    assert target_at(label, truth, 1.5).allowed.tolist() == [a == "walk" for a in ACTIONS]
    assert target_at(Label(frozenset({"fall"})), None, 1.5).allowed[ACTIONS.index("fall")]


def test_a_clip_is_judged_at_its_deciding_ticks_and_between_them_when_asked() -> None:
    frames = np.arange(0, 3 * S, S // 4)
    ticks = np.array([S // 2, S, 2 * S])
    inputs = ClipInputs(frames, ticks, np.array([False, True, True]))
    assert decision_times(inputs) == [S, 2 * S]
    assert decision_times(inputs, 2) == [S, S + S // 2, 2 * S, 2 * S + S // 2]


def test_what_is_older_than_its_source_is_made_again(tmp_path: Path) -> None:
    made, source = tmp_path / "made", tmp_path / "source"
    source.touch()
    assert not is_current(made, source)
    made.touch()
    os.utime(made, ns=(10 * S, 10 * S))
    os.utime(source, ns=(9 * S, 9 * S))
    assert is_current(made, source)
    os.utime(source, ns=(11 * S, 11 * S))
    assert not is_current(made, source)
