"""Trains the network that finds people in depth, on the boxes that rendering wrote down.

Only the observed person has a box. Where a second one is in the room, the picture teaches what a
person looks like but not what is none: its loss stays near the box.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.preprocess.finder import (
    GRID_COLUMNS,
    GRID_ROWS,
    Person,
    PersonFinder,
    channels_of,
    overlap,
)
from edge.values import F32
from engines.training.cache import Clip
from engines.training.finder_frames import FinderFrames, changed, collect_frames
from engines.training.finetune import Report

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_SPREAD = 0.15  # of the box, of the likelihood around its middle
_CORE = 0.3  # of that likelihood, beyond which a cell must know the box
_WARM_UP = 0.1  # of all steps


@dataclass(frozen=True, slots=True)
class FinderSettings:
    """How the network is trained."""

    steps: int = 5000
    minutes: float = 10.0  # of this process; fewer steps are made when that would not do
    batch: int = 48
    rate: float = 4e-3
    every_pictures: int = 6  # of 15 a second
    seed: int = 0


def train_finder(
    clips: Sequence[Clip],
    held_out: Sequence[Clip],
    settings: FinderSettings,
    out: Path,
    report: Report,
) -> dict[str, float]:
    """Train on rendered clips, or return the facts of the same training when ``out`` is its fruit.

    out: the network, ONNX; small frames are kept in ``finder_frames`` beside it   returns: facts
    """
    key = json.dumps([asdict(settings), sorted(c.row.name for c in clips)])
    marker = out.with_suffix(".json")
    if out.exists() and marker.exists():
        done = json.loads(marker.read_text(encoding="utf-8"))
        if done["key"] == key:
            return dict(done["facts"])
    directory = out.parent / "finder_frames"
    frames = collect_frames(clips, settings.every_pictures, directory, report)
    data, loss = fit(frames, settings, report)
    out.write_bytes(data)
    facts = {"finder_loss": round(loss, 4), "finder_frames": float(len(frames.depth))}
    if held_out:
        unseen = collect_frames(held_out, settings.every_pictures, directory, lambda *_: None)
        facts |= score(PersonFinder(data), unseen)
    log.info("finder: %s", facts)
    marker.write_text(json.dumps({"key": key, "facts": facts}), encoding="utf-8")
    return facts


def fit(frames: FinderFrames, settings: FinderSettings, report: Report) -> tuple[bytes, float]:
    """Train the network; returns its ONNX file and the mean loss of the last hundred steps."""
    import torch

    from engines.models.finder import FinderNet, onnx_from_finder

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    net = FinderNet().train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=1e-3)
    losses: list[float] = []
    started, progress, step = time.process_time(), 0.0, 0
    while progress < 1:
        channels, targets = batch_of(frames, settings.batch, rng)
        warm = min(1.0, progress / _WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * warm * 0.5 * (1 + np.cos(np.pi * progress)) + 1e-6
        with torch.autocast("cpu", torch.bfloat16):
            logits = net.logits(torch.from_numpy(channels))
        loss = finder_loss(logits.float(), torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        step += 1
        spent = (time.process_time() - started) / (60 * settings.minutes)
        progress = min(1.0, max(step / settings.steps, spent))
        report(round(progress * settings.steps), settings.steps, losses[-1])
    return onnx_from_finder(net), float(np.mean(losses[-100:]))


def batch_of(frames: FinderFrames, size: int, rng: np.random.Generator) -> tuple[F32, F32]:
    """Frames drawn at random, each changed a little: channels and ``targets_of``."""
    channels, targets = [], []
    for index in rng.integers(0, len(frames.depth), size):
        depth, box = changed(frames.depth[index], frames.boxes[index], rng)
        channels.append(channels_of(depth))
        targets.append(targets_of(box, bool(frames.alone[index])))
    return np.stack(channels), np.stack(targets)


def targets_of(box: F32, alone: bool) -> F32:
    """(7, GRID_ROWS, GRID_COLUMNS): likelihood, its weight, the four distances, their weight."""
    x = ((np.arange(GRID_COLUMNS) + 0.5) / GRID_COLUMNS)[None, :]
    y = ((np.arange(GRID_ROWS) + 0.5) / GRID_ROWS)[:, None]
    target = np.zeros((7, GRID_ROWS, GRID_COLUMNS), np.float32)
    if np.isnan(box[0]):
        target[1] = float(alone)
        return target
    left, top, right, bottom = box
    wide = max(_SPREAD * (right - left), 0.4 / GRID_COLUMNS)
    high = max(_SPREAD * (bottom - top), 0.4 / GRID_ROWS)
    middle = ((left + right) / 2, (top + bottom) / 2)
    likely = np.exp(-0.5 * (((x - middle[0]) / wide) ** 2 + ((y - middle[1]) / high) ** 2))
    likely[likely == likely.max()] = 1
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    target[0], target[1] = likely, inside | alone | (likely == 1)
    for channel, distance in enumerate((x - left, y - top, right - x, bottom - y)):
        target[2 + channel] = np.maximum(distance, 0.001)
    target[6] = likely * (likely > _CORE)
    return target


def finder_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss of the likelihood (CenterNet) and overlap loss of the boxes (GIoU), a picture.

    logits: (B, 5, rows, columns)   targets: (B, 7, rows, columns), see ``targets_of``
    """
    import torch
    from torch.nn import functional

    likely, weight = targets[:, 0], targets[:, 1]
    raw = logits[:, 0]
    chance = torch.sigmoid(raw)
    peak = (likely == 1).float()
    positive = peak * (1 - chance) ** 2 * functional.softplus(-raw)
    negative = (1 - peak) * (1 - likely) ** 4 * chance**2 * functional.softplus(raw)
    focal = ((positive + negative) * weight).sum() / len(logits)
    found, true = torch.sigmoid(logits[:, 1:]), targets[:, 2:6]
    share = targets[:, 6]
    boxes = ((1 - _giou(found, true)) * share).sum() / share.sum().clamp(min=1.0)
    return focal + 2 * boxes


def _giou(found: Tensor, true: Tensor) -> Tensor:
    """Of boxes given as four distances from the same point."""
    import torch

    least, most = torch.minimum(found, true), torch.maximum(found, true)
    both = (least[:, 0] + least[:, 2]) * (least[:, 1] + least[:, 3])
    hull = (most[:, 0] + most[:, 2]) * (most[:, 1] + most[:, 3])
    areas = [(b[:, 0] + b[:, 2]) * (b[:, 1] + b[:, 3]) for b in (found, true)]
    either = areas[0] + areas[1] - both
    return both / either.clamp(min=1e-6) - (hull - either) / hull.clamp(min=1e-6)


def score(finder: PersonFinder, frames: FinderFrames) -> dict[str, float]:
    """How well people who are alone are found: share found with half overlap, false finds."""
    hits, misses, false = 0, 0, 0
    for depth, box, alone in zip(frames.depth, frames.boxes, frames.alone, strict=True):
        if not alone:
            continue
        people = [p for p in finder.find_small(depth) if p.score > 0.3]
        if np.isnan(box[0]):
            false += bool(people)
        elif people and overlap(people[0], Person(1.0, *map(float, box))) >= 0.5:
            hits += 1
        else:
            misses += 1
    return {
        "finder_held_out_found": round(hits / max(1, hits + misses), 4),
        "finder_held_out_false": float(false),
    }
