"""Depth pictures of rendered rooms with the box of the observed person, for training the finder."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import GatehouseError, MediaError
from edge.preprocess.finder import COLUMNS, ROWS, small_depth
from edge.sources.recording import Recording
from edge.values import F32, Stream
from engines.training.cache import Clip, is_current
from engines.training.finetune import Report
from engines.training.truth import truth_file

log = logging.getLogger(__name__)

TRUTH_SIZE = (320, 240)  # pixels in which rendering counts


@dataclass(frozen=True, slots=True)
class FinderFrames:
    """Small depth pictures with what rendering says of them."""

    depth: NDArray[np.uint16]  # (N, ROWS, COLUMNS) mm
    boxes: F32  # (N, 4) left, top, right, bottom in [0, 1]; NaN when nobody is visible
    alone: NDArray[np.bool_]  # (N,) nobody else is in the room


def read_frames(clip: Clip, every: int, directory: Path) -> FinderFrames:
    """A rendered clip's frames, from their file in ``directory`` once that is there.

    Raises: MediaError when recording or ground truth cannot be read.
    """
    name = sha256(f"{clip.row.name}|{every}".encode()).hexdigest()[:16]
    path = directory / f"{name}.npz"
    if not is_current(path, clip.row.path):
        frames = _frames_of(clip.row.path, every)
        directory.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, depth=frames.depth, boxes=frames.boxes, alone=frames.alone)
        partial.replace(path)
    with np.load(path) as arrays:
        return FinderFrames(arrays["depth"], arrays["boxes"], arrays["alone"])


def _frames_of(path: Path, every: int) -> FinderFrames:
    try:
        truth = json.loads(truth_file(path).read_text(encoding="utf-8"))
        noted, people = truth["boxes"], len(truth["bodies"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"{path}: no ground truth of boxes; render the clip again") from error
    recording = Recording(path)
    depth, boxes = [], []
    samples = recording.samples(frozenset({Stream.DEPTH}))
    for number, (sample, box) in enumerate(zip(samples, noted, strict=False)):
        if number % every == every // 2:
            depth.append(small_depth(sample.data))
            boxes.append(box_of(box))
    return FinderFrames(
        np.array(depth, np.uint16).reshape(-1, ROWS, COLUMNS),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(depth), people < 2),
    )


def box_of(noted: Sequence[int] | None) -> tuple[float, float, float, float]:
    """A box of the ground truth, first and last pixels, in [0, 1]; NaN for None."""
    if noted is None:
        return (np.nan,) * 4
    width, height = TRUTH_SIZE
    left, top, right, bottom = noted
    return left / width, top / height, (right + 1) / width, (bottom + 1) / height


def collect_frames(
    clips: Sequence[Clip], every: int, directory: Path, report: Report
) -> FinderFrames:
    """The frames of all clips that were rendered; others have no boxes.

    Raises: MediaError when not one can be read; a few that cannot are logged and left out.
    """
    rendered = [clip for clip in clips if clip.row.dataset == "rooms" and not clip.spoiled]
    parts = []
    for number, clip in enumerate(rendered):
        try:
            parts.append(read_frames(clip, every, directory))
        except GatehouseError as error:
            log.warning("%s", error)
        report(number + 1, len(rendered), 0.0)
    if not parts:
        raise MediaError("no rendered room with boxes could be read; render rooms first")
    return FinderFrames(
        np.concatenate([part.depth for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.alone for part in parts]),
    )


def changed(
    depth: NDArray[np.uint16], box: F32, rng: np.random.Generator
) -> tuple[NDArray[np.uint16], F32]:
    """The same scene by another camera: a part of the picture, mirrored, noisy, with holes."""
    span = rng.uniform(0.65, 1.0, 2) if rng.random() < 0.7 else np.ones(2)
    origin = rng.uniform(0, 1 - span)
    x = (origin[0] + span[0] * (np.arange(COLUMNS) + 0.5) / COLUMNS) * COLUMNS
    y = (origin[1] + span[1] * (np.arange(ROWS) + 0.5) / ROWS) * ROWS
    picture = depth[np.ix_(y.astype(int), x.astype(int))]
    box = np.clip((box - np.tile(origin, 2)) / np.tile(span, 2), 0, 1).astype(np.float32)
    if box[2] - box[0] < 0.02 or box[3] - box[1] < 0.02:  # left the picture
        box = np.full(4, np.nan, np.float32)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        box = np.array([1 - box[2], box[1], 1 - box[0], box[3]], np.float32)
    scale = rng.uniform(0.85, 1.2)
    noise = 1 + rng.uniform(0, 0.015) * rng.standard_normal(picture.shape, np.float32)
    holes = rng.random(picture.shape) < rng.uniform(0, 0.25) ** 2
    if rng.random() < 0.15:  # sunlight takes whole patches
        coarse = rng.random((ROWS // 4, COLUMNS // 4)) < rng.uniform(0, 0.6)
        holes |= coarse.repeat(4, axis=0).repeat(4, axis=1)
    mm = np.clip(picture * (scale * noise), 0, 65_535)
    return np.where(holes, 0, mm).astype(np.uint16), box
