from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.values import F32
from engines.benchmarks.sounds.same_recording import groups_by_waveform
from engines.benchmarks.sounds.waveforms import Recording
from engines.training.manifest import Row

ALL_ALIKE = np.ones(4, np.float32)


def recording(folder: Path, name: str, sound: NDArray[np.float64], label: str = "Cry") -> Recording:
    path = folder / f"{name}.npy"
    np.save(path, (sound * 8_000).astype(np.int16))
    row = Row(Path(name), name, "noise_of_life", "audio", label, name)
    return Recording(row, name, path)


@pytest.fixture
def takes(tmp_path: Path) -> list[Recording]:
    rng = np.random.default_rng(0)
    whole, other = rng.normal(0, 1, 60_000), rng.normal(0, 1, 60_000)
    return [
        recording(tmp_path, "a", whole[:40_000]),
        recording(tmp_path, "b", 0.3 * whole[15_000:] + 0.02 * other[:45_000]),
        recording(tmp_path, "c", other),
        recording(tmp_path, "d", whole[:40_000], label="Yawn"),
    ]


def vectors(takes: list[Recording]) -> dict[str, F32]:
    return {r.row.name: ALL_ALIKE for r in takes}


def test_overlapping_cuts_of_one_recording_are_one_group_at_any_level(
    takes: list[Recording], tmp_path: Path
) -> None:
    # it pulls the mean away, so that the others look alike
    far = recording(tmp_path, "z", np.random.default_rng(9).normal(0, 1, 5_000))
    known = {**vectors(takes), "z": -3 * ALL_ALIKE}
    groups = groups_by_waveform([*takes, far], known)
    assert groups["a"] == groups["b"] == "a"
    assert groups["c"] == "c"


def test_clips_of_different_labels_are_not_compared(takes: list[Recording]) -> None:
    groups = groups_by_waveform([takes[0], takes[3]], vectors(takes))
    assert groups == {"a": "a", "d": "d"}


def test_sounds_that_are_not_alike_are_not_compared(takes: list[Recording]) -> None:
    known = {"a": ALL_ALIKE, "b": -ALL_ALIKE}
    assert groups_by_waveform(takes[:2], known) == {"a": "a", "b": "b"}
