from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra train)")
pytest.importorskip("onnx", reason="onnx is not installed (extra train)")

import torch

from edge.errors import MediaError
from edge.preprocess.finder import COLUMNS, GRID_COLUMNS, GRID_ROWS, ROWS, PersonFinder
from engines.training.cache import Clip
from engines.training.finder import (
    FinderSettings,
    finder_loss,
    fit,
    score,
    targets_of,
    train_finder,
)
from engines.training.finder_frames import (
    FinderFrames,
    box_of,
    changed,
    collect_frames,
    read_frames,
)
from engines.training.labels import Label
from engines.training.manifest import Row

DEMO = Path(str(files("edge") / "data" / "demo.mcap"))
BOX = np.array([0.4, 0.3, 0.5, 0.7], np.float32)
NOBODY = np.full(4, np.nan, np.float32)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def quiet(done: int, total: int, loss: float) -> None:
    pass


def clip_of(path: Path) -> Clip:
    row = Row(path, path.name, "rooms", "rgb+depth+audio", "fall", "body1|seed1")
    return Clip(row, Label(), path.with_suffix(".npz"))


def blocks(number: int) -> FinderFrames:
    """Walls with one near block each."""
    rng = np.random.default_rng(0)
    depth = np.full((number, ROWS, COLUMNS), 4_000, np.uint16)
    boxes = np.zeros((number, 4), np.float32)
    for picture, box in zip(depth, boxes, strict=True):
        x, y = rng.integers(5, COLUMNS - 20), rng.integers(5, ROWS - 30)
        picture[y : y + 24, x : x + 12] = 2_500
        box[:] = x / COLUMNS, y / ROWS, (x + 12) / COLUMNS, (y + 24) / ROWS
    return FinderFrames(depth, boxes, np.ones(number, np.bool_))


def test_a_short_training_learns_to_find_a_block_before_a_wall() -> None:
    frames = blocks(48)
    data, _ = fit(frames, FinderSettings(steps=60, batch=8, minutes=2), quiet)
    assert score(PersonFinder(data), blocks(24))["finder_held_out_found"] > 0.5


def test_the_same_seed_gives_the_same_network() -> None:
    settings = FinderSettings(steps=3, batch=4, seed=5)
    one, other = fit(blocks(8), settings, quiet), fit(blocks(8), settings, quiet)
    assert one == other


def test_targets_peak_in_the_middle_and_know_the_edges_there() -> None:
    targets = targets_of(BOX, alone=True)
    row, column = np.unravel_index(targets[0].argmax(), targets[0].shape)
    x, y = (column + 0.5) / GRID_COLUMNS, (row + 0.5) / GRID_ROWS
    assert (targets[0] == 1).sum() >= 1
    assert [x - targets[2, row, column], y - targets[3, row, column]] == pytest.approx(BOX[:2])
    assert [x + targets[4, row, column], y + targets[5, row, column]] == pytest.approx(BOX[2:])
    assert (targets[1] == 1).all()


def test_beside_a_second_person_only_the_box_itself_teaches() -> None:
    targets = targets_of(BOX, alone=False)
    assert 0 < targets[1].sum() < 0.2 * targets[1].size
    assert targets_of(NOBODY, alone=False)[1].sum() == 0
    assert targets_of(NOBODY, alone=True)[1].all()


def test_the_true_answer_costs_least() -> None:
    targets = torch.from_numpy(targets_of(BOX, alone=True))[None]
    near = torch.where(targets[:, :1] == 1, 6.0, -6.0)
    true = torch.cat([near, torch.logit(targets[:, 2:6].clamp(1e-3, 0.999))], dim=1)
    best = float(finder_loss(true, targets))
    wide, blind = true.clone(), true.clone()
    wide[:, 1:] += 0.5
    blind[:, 0] = -6.0
    assert best < 0.05
    assert float(finder_loss(wide, targets)) > best + 0.1
    assert float(finder_loss(blind, targets)) > best + 1


def test_a_changed_picture_takes_its_box_along() -> None:
    frames, rng = blocks(1), np.random.default_rng(1)
    seen = 0
    for _ in range(30):
        depth, box = changed(frames.depth[0], frames.boxes[0], rng)
        if np.isnan(box[0]):
            continue
        seen += 1
        ahead = np.median(depth[depth > 0]) * 0.85
        rows, columns = np.nonzero((depth > 0) & (depth < ahead))
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        assert np.median(columns) / COLUMNS == pytest.approx(middle[0], abs=0.06)
        assert np.median(rows) / ROWS == pytest.approx(middle[1], abs=0.06)
    assert seen > 10


def test_boxes_count_whole_pixels() -> None:
    assert box_of([0, 0, 319, 239]) == (0, 0, 1, 1)
    assert np.isnan(box_of(None)).all()


def test_frames_of_a_recording_are_read_once_and_kept(tmp_path: Path) -> None:
    first = read_frames(clip_of(DEMO), 30, tmp_path)
    assert len(first.depth) > 5
    assert first.depth.shape[1:] == (ROWS, COLUMNS)
    assert len(first.boxes) == len(first.alone) == len(first.depth)
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    again = read_frames(clip_of(DEMO), 30, tmp_path)
    assert kept.stat().st_mtime_ns == before
    assert np.array_equal(again.boxes, first.boxes, equal_nan=True)


def test_clips_that_cannot_be_read_are_left_out_unless_all_are(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(b"no recording")
    frames = collect_frames([clip_of(broken), clip_of(DEMO)], 60, tmp_path / "kept", quiet)
    assert len(frames.depth) > 0
    with pytest.raises(MediaError, match="render rooms first"):
        collect_frames([clip_of(broken)], 60, tmp_path / "kept", quiet)


def test_a_finished_training_is_not_done_twice(tmp_path: Path) -> None:
    out, settings = tmp_path / "finder.onnx", FinderSettings(steps=2, batch=2, every_pictures=60)
    facts = train_finder([clip_of(DEMO)], [clip_of(DEMO)], settings, out, quiet)
    assert 0 <= facts["finder_held_out_found"] <= 1
    made = out.read_bytes()
    os.utime(out, (1, 1))
    assert train_finder([clip_of(DEMO)], [], settings, out, quiet) == facts
    assert out.stat().st_mtime == 1
    other = FinderSettings(steps=2, batch=2, every_pictures=60, seed=1)
    train_finder([clip_of(DEMO)], [], other, out, quiet)
    assert out.read_bytes() != made
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["facts"] != facts
