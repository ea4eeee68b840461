"""One vector for the pictures and one for the motion of the window that ends at a frame.

Order is in the vectors themselves, as what is now and how it differs from before: whoever judges
them may average over steps and still knows falling from getting up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.values import F32
from engines.benchmarks.postures.films import Film
from engines.benchmarks.postures.motion import MOTION
from engines.benchmarks.postures.movenet import BACKBONE
from engines.benchmarks.postures.track import mirrored_points

AGO = (2, 4, 8, 14)  # feature frames before, 7.5 a second
SPANS = (2, 4, 8, 15)  # motion is averaged over so many
WINDOW = 15
PROJECTED = 64
DIM = 704
SMALL = 1e-3
HEIGHTS = slice(0, 3)  # of hips, shoulders and nose, among the numbers of a pose
NOSE, SHOULDERS, HIPS, KNEES, ANKLES = 0, (5, 6), (11, 12), (13, 14), (15, 16)


class Course(NamedTuple):
    """A whole film in numbers, frame by frame."""

    pose: F32  # (n, P)
    look: F32  # (n, PROJECTED)
    motion: F32  # (n, MOTION)


def course_of(film: Film, mirror: bool, projection: F32) -> Course:
    """All frames of a film or of its mirror image.  projection: see ``random_projection``"""
    points, boxes = film.points, film.boxes.copy()
    features, motion = film.features, film.motion
    if mirror:
        points = mirrored_points(points, film.width)
        boxes[:, 0] = film.width - boxes[:, 0]
        features, motion = film.mirrored, mirrored_motion(motion)
    return Course(pose_numbers(points, boxes, film.sure), features @ projection, motion)


def random_projection(seed: int = 7) -> F32:
    """(BACKBONE, PROJECTED) that knows no clip: Johnson and Lindenstrauss 1984."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice((-1.0, 1.0), (BACKBONE, PROJECTED)) / np.sqrt(PROJECTED)
    return np.asarray(drawn, np.float32)


def pose_numbers(points: F32, boxes: F32, sure: F32) -> F32:
    """(n, P): points about the hips in sizes of the box, angles, heights, how sure."""
    side = np.maximum(boxes[:, 2:], SMALL)
    places, trust = points[..., :2], points[..., 2]

    def middle(pair: tuple[int, int]) -> F32:
        return np.asarray(places[:, pair].mean(axis=1), np.float32)

    hips, shoulders, ankles = middle(HIPS), middle(SHOULDERS), middle(ANKLES)
    about = (places - hips[:, None]) / side[:, None]
    torso, leg = (shoulders - hips) / side, (ankles - hips) / side
    whole = (places[:, NOSE] - ankles) / side
    extent = (places.max(axis=1) - places.min(axis=1)) / side
    angles = [v / np.maximum(np.hypot(*v.T)[:, None], SMALL) for v in (torso, leg, whole)]
    numbers = [
        hips[:, 1:], shoulders[:, 1:], places[:, NOSE, 1:],
        about.reshape(len(points), -1), trust, sure, torso, leg, whole, extent, *angles,
        np.log(np.maximum(extent[:, :1], SMALL) / np.maximum(extent[:, 1:], SMALL)),
        ankles[:, 1:], boxes[:, 1:],
        trust.mean(axis=1, keepdims=True), sure[:, 1:] - sure[:, :1],
    ]  # fmt: skip
    return np.concatenate(numbers, axis=1).astype(np.float32)


def mirrored_motion(motion: F32) -> F32:
    """The motion of the mirrored film."""
    from engines.benchmarks.postures.motion import DIRECTIONS, FIELDS, PER_FIELD

    fields = motion.reshape(-1, FIELDS, PER_FIELD).copy()
    fields[..., 2] *= -1
    sectors = (DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS
    fields[..., 8:] = fields[..., 8:][..., sectors]
    return np.asarray(fields.reshape(-1, MOTION), np.float32)


def window_vectors(course: Course, frame: int) -> tuple[F32, F32]:
    """(DIM,) of the pictures and (DIM,) of the motion up to a frame, padded with zeros."""
    past = [max(frame - ago, 0) for ago in AGO]
    first = max(frame - WINDOW + 1, 0)
    pose, look = course.pose, course.look
    recent = slice(max(frame - 2, 0), frame + 1)
    changes = [change_numbers(pose[frame], pose[p], look[frame], look[p]) for p in past]
    seen = [
        pose[frame], pose[recent].mean(axis=0), *(pose[frame] - pose[p] for p in past),
        look[recent].mean(axis=0), look[frame] - look[past[-1]], *changes,
        downward(pose[first : frame + 1, HEIGHTS]),
    ]  # fmt: skip
    moved = [course.motion[max(frame - span + 1, 0) : frame + 1].mean(axis=0) for span in SPANS]
    moved += [course.motion[first : frame + 1].max(axis=0)]
    return padded(seen), padded(moved)


def change_numbers(pose: F32, past: F32, look: F32, look_past: F32) -> F32:
    """How much changed, whatever the direction; and how far hips, shoulders and nose went down."""
    heights = (pose - past)[HEIGHTS]
    sizes = [np.abs(pose - past).mean(), np.abs(look - look_past).mean()]
    return np.array([*sizes, *np.maximum(heights, 0)], np.float32)


def downward(heights: F32) -> F32:
    """The fastest way down and up within a window.  heights: (n, 3), down is positive"""
    if len(heights) < 3:
        return np.zeros(2 * heights.shape[1], np.float32)
    speed = heights[2:] - heights[:-2]
    return np.concatenate([speed.max(axis=0), speed.min(axis=0)])


def padded(parts: list[F32]) -> F32:
    """Side by side, with zeros up to DIM.  Raises: ValueError when that is too little."""
    joined = np.concatenate(parts)
    if len(joined) > DIM:
        raise ValueError(f"{len(joined)} numbers do not fit in {DIM}")
    vector: NDArray[np.float32] = np.zeros(DIM, np.float32)
    vector[: len(joined)] = joined
    return vector
