"""Which clips are taken, and which of their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.int8_clips import demo_recording, rows_of, sample
from edge.errors import MediaError, MissingFileError
from edge.vocabulary import Modality
from engines.training.datasets import ClipInputs, Part, save_inputs


def write_inputs(path: Path, frames: int, first: int) -> Path:
    """RGB frames whose pixels are their number."""
    numbers = np.arange(first, first + frames, dtype=np.uint8)
    tensors = np.tile(numbers[:, None, None, None], (1, 128, 128, 3))
    part = Part(tensors, np.arange(frames), np.zeros((frames, 2), np.float32))
    times = np.arange(frames)
    save_inputs(path, ClipInputs(times, times[:0], np.zeros(0, np.bool_), {Modality.RGB: part}))
    return path


def numbers(batches: tuple[np.ndarray, ...]) -> list[int]:
    return [int(frame[0, 0, 0]) for batch in batches for frame in batch]


def test_frames_are_spread_over_clips_and_checks_lie_between_ranges(tmp_path: Path) -> None:
    paths = [write_inputs(tmp_path / f"{i}.npz", 40, 100 * i) for i in range(2)]
    found = sample(paths, 10)
    assert set(found) == {Modality.RGB}
    taken = found[Modality.RGB]
    assert taken.count == 10
    assert numbers(taken.ranges)[0] == 0
    assert numbers(taken.checks)[-1] == 139
    assert not set(numbers(taken.ranges)) & set(numbers(taken.checks))
    assert sum(number >= 100 for number in numbers(taken.checks)) == 5


def test_of_more_clips_than_frames_some_are_left_out(tmp_path: Path) -> None:
    paths = [write_inputs(tmp_path / f"{i}.npz", 4, 10 * i) for i in range(9)]
    assert sample(paths, 4)[Modality.RGB].count <= 4


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(MediaError, match=r"other\.npz"):
        sample([tmp_path / "other.npz"], 16)


def test_folders_give_their_recordings_and_media(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.mp4").touch()
    (tmp_path / "in" / "notes.txt").touch()
    (tmp_path / "in" / "room.mcap").write_bytes(demo_recording().read_bytes())
    assert [row.path.name for row in rows_of([tmp_path])] == ["film.mp4", "room.mcap"]


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no recording"):
        rows_of([tmp_path])
    with pytest.raises(MissingFileError, match=r"absent\.mcap"):
        rows_of([tmp_path / "absent.mcap"])
