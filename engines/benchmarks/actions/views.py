"""Views of a clip: the clip itself, and as another person, place, tempo or sensor might show it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from edge.values import F32
from engines.benchmarks.actions import clips
from engines.benchmarks.actions.clips import U8

SIDE = 100  # pixels of a view
MIDDLE = (56.0, 60.0)  # of the stored crop; feet are near the view's lower edge
CUT = 0.1  # most of a clip's length that is missing at either end
SIZE, SHAPE, TILT_DEG, SHIFT = 0.07, 0.06, 4.0, 0.05
RELIEF = (0.85, 1.2)
CLOSER = 8.0  # steps of the coding of depth


@dataclass(frozen=True, slots=True)
class View:
    """How one clip is seen."""

    matrix: F32  # (2, 3) from the stored crop to the view
    start: float = 0.0  # share of the clip that is left out before
    end: float = 0.0  # and after
    gain: float = 1.0  # of the relief
    offset: float = 0.0  # of the body's middle, in steps of the coding
    mirror: bool = False


def plain_view() -> View:
    """The clip as it is."""
    return View(matrix_of(1, 1, 0, 0, 0))


def random_view(rng: Generator) -> View:
    """Another size, shape, tilt, place, relief, beginning and end."""
    size, shape = np.exp(rng.normal(0, SIZE)), np.exp(rng.normal(0, SHAPE))
    right, down = rng.uniform(-SHIFT, SHIFT, 2)
    return View(
        matrix_of(size * shape, size / shape, rng.normal(0, TILT_DEG), right, down),
        float(rng.uniform(0, CUT)),
        float(rng.uniform(0, CUT)),
        float(rng.uniform(*RELIEF)),
        float(rng.normal(0, CLOSER)),
    )


def mirrored(view: View) -> View:
    """The same in a mirror."""
    return replace(view, mirror=not view.mirror)


def matrix_of(wide: float, tall: float, degrees: float, right: float, down: float) -> F32:
    """Affine map of MIDDLE onto the view's middle, then moved by shares of its side."""
    turn = np.deg2rad(degrees)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotate @ np.diag([wide, tall])
    move = np.array([right, down]) * SIDE + SIDE / 2 - linear @ np.array(MIDDLE)
    return np.concatenate([linear, move[:, None]], axis=1).astype(np.float32)


def seen(clip: clips.DepthClip, view: View) -> tuple[U8, F32]:
    """Body (T, SIDE, SIDE) and flow (T, SIDE, SIDE, 2), coded as those of the clip."""
    import cv2

    count, size = len(clip.body), (SIDE, SIDE)
    kept = slice(int(view.start * count), count - int(view.end * count))
    bodies = [cv2.warpAffine(b, view.matrix, size, flags=cv2.INTER_NEAREST)
              for b in clip.body[kept]]  # fmt: skip
    body = np.stack(bodies)
    relief = (body.astype(np.float32) - 128) * view.gain + 128 + view.offset
    coded = np.asarray(np.where(body > 0, np.clip(np.rint(relief), 1, 255), 0), np.uint8)
    flows = [cv2.warpAffine(f.astype(np.float32), view.matrix, size) for f in clip.flow[kept]]
    flow = np.stack(flows) @ view.matrix[:, :2].T
    flow[0] = 0  # of the first picture there is nothing before
    if view.mirror:
        coded = np.ascontiguousarray(coded[:, :, ::-1])
        flow = flow[:, :, ::-1] * np.array([-1, 1], np.float32)
    return coded, np.asarray(flow, np.float32)
