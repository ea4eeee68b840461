"""A clip as maps of where what moved: seen from the front, the side and above, and in which order.

Depth motion maps with histograms of oriented gradients (Yang, Zhang, Tian 2012, "Recognizing
actions using depth motion maps-based histograms of oriented gradients"); here what came and what
went are kept apart, which tells a swipe to the left from one to the right, and a clip is divided
into a pyramid of parts, once of equal length and once of equal motion, which forgives a slow start.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.values import F32
from engines.benchmarks.actions.clips import U8

SIDE = 64  # pixels of a map
CELLS, BINS = 8, 9
PLANES = 50  # steps of distance in the views from the side and from above
PARTS = ((0, 4), (0, 2), (2, 4), (0, 1), (1, 2), (2, 3), (3, 4))  # in quarters
QUARTERS = 4
FLOOR = 20.0  # added to a block's norm: blocks in which hardly anything happened stay small
FLOW_CELLS, FLOW_BINS = 10, 8
FLOW_FLOOR = 0.05  # the same for flow, relative to the largest sum
STILL = 0.4  # pixels a frame below which nothing moves
POSE_SHARE = 0.5  # of the weight of where the body was, beside how it moved


def depth_numbers(body: U8) -> F32:
    """One vector of how and where the body moved.  body: (T, H, W) see clips.DepthClip"""
    views = projections(body)
    changes = [np.diff(view, axis=0, prepend=view[:1]) for view in views]
    parts = []
    for edges in divisions(body):
        came = [_summed(np.maximum(change, 0), edges) for change in changes]
        went = [_summed(np.maximum(-change, 0), edges) for change in changes]
        maps = []
        for up, down in zip(came, went, strict=True):
            top = np.maximum(np.maximum(up, down).max(axis=(1, 2), keepdims=True), 1e-6)
            maps += [square(up / top), square(down / top)]
        parts.append(unit(gradients(np.concatenate(maps) * 255)))
    shapes = _summed((body > 0).astype(np.float32), edges) / _lengths(edges)
    parts.append(unit(gradients(square(shapes) * 255)) * np.float32(POSE_SHARE))
    return np.concatenate(parts)


def flow_numbers(body: U8, flow: F32) -> F32:
    """One vector of the directions of motion, where and when.  flow: (T, H, W, 2) as body's"""
    moved = flow / np.float32(FLOW_SCALE)
    seen = (body > 0) | (np.roll(body, 1, axis=0) > 0)
    speed = np.hypot(moved[..., 0], moved[..., 1]) * seen
    speed[speed < STILL] = 0
    angle = np.arctan2(moved[..., 1], moved[..., 0]) / (2 * np.pi) * FLOW_BINS
    sector = np.floor(angle + 0.5).astype(np.int64) % FLOW_BINS
    directed = np.stack([_cells(speed * (sector == k), FLOW_CELLS) for k in range(FLOW_BINS)], -1)
    return np.concatenate([unit(_blocks(_summed(directed, e), None)) for e in divisions(body)])


def first_numbers(body: U8) -> F32:
    """One vector of the first picture: where the body was before anything happened."""
    return unit(gradients(square(body[:1].astype(np.float32))))


def unit(vector: F32) -> F32:
    """Length 1."""
    flat = vector.reshape(-1)
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32)


def projections(body: U8) -> tuple[F32, F32, F32]:
    """Seen from the front (T, SIDE, SIDE), the side (T, SIDE, PLANES), above (T, PLANES, SIDE)."""
    import cv2

    small = np.stack([cv2.resize(b, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) for b in body])
    front = np.asarray(small / np.float32(255), np.float32)
    t, y, x = np.nonzero(small)
    plane = np.minimum((small[t, y, x].astype(np.int64) - 1) * PLANES // 255, PLANES - 1)
    side = np.zeros((len(body), SIDE, PLANES), np.float32)
    above = np.zeros((len(body), PLANES, SIDE), np.float32)
    side[t, y, plane] = 1
    above[t, plane, x] = 1
    return front, side, above


def divisions(body: U8) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of quarters of equal length and of equal motion: (5,) each, from 0 to T."""
    count = len(body)
    equal = np.linspace(0, count, QUARTERS + 1)
    seen = body[:, ::2, ::2].astype(np.float32)
    steps = np.abs(np.diff(seen, axis=0)).clip(0, 64).sum(axis=(1, 2)) + 1.0
    done = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.interp(np.linspace(0, done[-1], QUARTERS + 1), done, np.arange(count))
    places = places * count / max(count - 1, 1)
    return np.rint(equal).astype(np.int64), np.rint(places).astype(np.int64)


def _lengths(edges: NDArray[np.int64]) -> F32:
    lengths = [max(edges[b] - edges[a], 1) for a, b in PARTS]
    return np.array(lengths, np.float32)[:, None, None]


def _summed(frames: F32, edges: NDArray[np.int64]) -> F32:
    """Sums over the parts of a clip: (len(PARTS), ...)"""
    empty = np.zeros(frames.shape[1:], np.float32)
    quarters = [frames[a:b].sum(axis=0) if b > a else empty
                for a, b in pairwise(edges)]  # fmt: skip
    return np.stack([np.sum(quarters[a:b], axis=0) for a, b in PARTS])


def _cells(frames: F32, cells: int) -> F32:
    """Means over cells: (T, cells, cells)"""
    import cv2

    size = (cells, cells)
    return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])


def square(maps: F32) -> F32:
    """Maps of any shape as (N, SIDE, SIDE)."""
    import cv2

    size = (SIDE, SIDE)
    return np.stack([cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in maps])


def gradients(maps: F32) -> F32:
    """Histograms of oriented gradients of N maps, normalised in blocks of 2 x 2 cells.

    maps: (N, SIDE, SIDE)   returns: (N, ...)
    """
    import cv2

    down, right = np.zeros_like(maps), np.zeros_like(maps)
    down[:, 1:-1] = (maps[:, 2:] - maps[:, :-2]) / 2
    right[:, :, 1:-1] = (maps[:, :, 2:] - maps[:, :, :-2]) / 2
    tall = (-1, SIDE)  # one tall picture for all maps
    strength, angle = cv2.cartToPolar(right.reshape(tall), down.reshape(tall))
    turn = (angle.reshape(maps.shape) * np.float32(BINS / np.pi)).astype(np.int32) % BINS
    place = np.arange(SIDE, dtype=np.int32) * CELLS // SIDE
    first = np.arange(len(maps), dtype=np.int32)[:, None, None] * CELLS
    index = ((first + place[:, None]) * CELLS + place) * BINS + turn
    counts = np.bincount(index.ravel(), strength.ravel(), len(maps) * CELLS * CELLS * BINS)
    return _blocks(counts.reshape(len(maps), CELLS, CELLS, BINS).astype(np.float32), FLOOR)


def _blocks(cells: F32, floor: float | None) -> F32:
    """Root of each block of 2 x 2 cells over its norm.  cells: (N, C, C, B)"""
    four = [cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]]
    blocks = np.concatenate(four, axis=3)
    least = FLOW_FLOOR * float(blocks.max()) + 1e-3 if floor is None else floor
    norms = np.linalg.norm(blocks, axis=3, keepdims=True) + least
    return np.asarray(np.sqrt(blocks / norms).reshape(len(cells), -1), np.float32)
