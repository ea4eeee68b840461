"""A floor in a pinhole camera, and how it is found among the points of one depth picture.

Where the camera sees a plane, 1 / z is linear in the picture: 1 / z = slope . (u, v, 1), with u and
v the tangents of the angles right of and below the axis. Stereo noise is even in 1 / z, which makes
plain least squares right. 1 / |slope| is the camera's distance from the plane, slope / |slope| the
direction of gravity.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, degrees, radians, tan

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import HEIGHT_UNKNOWN

F64 = NDArray[np.float64]

_PITCH_DEG = np.arange(-4, 76, 4)  # of the axis below the horizon
_ROLL_DEG = np.arange(-12, 13, 4)
_STEEP_DEG, _STEEPEST_DEG = 50, 80  # few rooms are watched so steeply; a wall looks just like that
_STEEP_WEIGHT = 0.5
_MAX_ROLL_DEG = 16
_MOUNTED_M = (0.3, 4.0)
_BIN_M = 0.1  # of the search; its grid of directions is off by up to 2 degrees, 14 cm at 4 m
_CANDIDATES, _ALIKE_COS, _ALIKE_BINS = 4, 0.9, 3
_BELOW_COST = 2.0  # floors have nothing under them, beds and tables do
_SLABS_M = (0.2, 0.12, 0.06, 0.06)  # either side of the plane, while it is being fitted
_MAX_RESIDUAL = 0.02  # of 1 / z, per metre: twice the noise of a stereo camera
_UNDER_M, _MAX_UNDER = 0.25, 0.05  # of the points
_MIN_SHARE = 0.06  # of the picture
_MIN_SPREAD_M = 0.3  # standard deviation along the narrower side: wider than anybody lying


@dataclass(frozen=True, slots=True)
class Floor:
    """Where the floor is, seen from the camera."""

    slope: tuple[float, float, float]  # 1 / m; see the module
    hfov_deg: float

    @property
    def camera_height_mm(self) -> float:
        """How high the camera hangs above the floor."""
        return 1000 / float(np.linalg.norm(self.slope))

    @property
    def pitch_deg(self) -> float:
        """How far the camera looks down."""
        return degrees(asin(self.slope[2] / float(np.linalg.norm(self.slope))))

    @property
    def roll_deg(self) -> float:
        """How far gravity leans to the right of the picture's columns."""
        return degrees(atan2(self.slope[0], self.slope[1]))

    def height_mm(self, depth_mm: NDArray[np.uint16]) -> NDArray[np.int32]:
        """Height above the floor; HEIGHT_UNKNOWN where there is no return.

        depth_mm: (H, W) of this camera, the whole picture   returns: (H, W)
        """
        rows, columns = depth_mm.shape
        u, v = tangents(rows, columns, self.hfov_deg)
        up = np.float32(self.camera_height_mm)
        a, b, c = (np.float32(-up * part / 1000) for part in self.slope)
        rise = (b * v + c)[:, None] + (a * u)[None, :]  # per millimetre of depth
        heights = np.rint(depth_mm * rise + up)
        return np.where(depth_mm > 0, heights, HEIGHT_UNKNOWN).astype(np.int32)


def tangents(
    height: int, width: int, hfov_deg: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tangents of the angles of pixel centres: (W,) to the right, (H,) downwards."""
    focal = width / 2 / tan(radians(hfov_deg) / 2)
    u = (np.arange(width) + 0.5 - width / 2) / focal
    v = (np.arange(height) + 0.5 - height / 2) / focal
    return u.astype(np.float32), v.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Points:
    """A thinned depth picture: only where there is a return."""

    rays: F64  # (N, 3) u, v, 1
    z: F64  # (N,) m
    of: int  # how many there would be if everything returned

    def heights(self, slope: F64) -> F64:
        """(N,) m above the plane."""
        above: F64 = (1 - self.z * (self.rays @ slope)) / np.linalg.norm(slope)
        return above


@dataclass(frozen=True, slots=True)
class Fit:
    """A plane fitted to the points around it."""

    slope: F64  # (3,)
    score: float  # share of the picture on it, less the cost of what lies under it
    is_floor: bool  # whether it can be one


def refine(points: Points, slope: F64, slabs_m: tuple[float, ...] = _SLABS_M[-1:]) -> Fit | None:
    """Least squares on what lies around a plane; None when that is too little."""
    for slab in slabs_m:
        near = _on_plane(points, slope, slab)
        if np.count_nonzero(near) < _MIN_SHARE * points.of:
            return None
        rays = points.rays[near]
        try:
            slope = np.linalg.solve(rays.T @ rays, rays.T @ (1 / points.z[near]))
        except np.linalg.LinAlgError:  # all on one line
            return None
    return _judged(points, slope)


def search(points: Points) -> Fit | None:
    """Try every direction of gravity and keep the best floor; None when there is none."""
    directions, weight = _directions()
    drop = points.z[:, None] * (points.rays @ directions.T)  # (N, C) m under the camera
    top = round(_MOUNTED_M[1] / _BIN_M) + 5
    bins = np.clip((drop / _BIN_M).astype(np.int32), 0, top - 1) + top * np.arange(len(directions))
    counts = np.bincount(bins.ravel(), minlength=top * len(directions)).reshape(-1, top)
    grown = np.cumsum(counts, axis=1)
    middle = slice(2, top - 3)  # bins with two others on each side
    level = grown[:, 3:-2] - grown[:, :-5]  # the bin and one on each side
    under = grown[:, -1:] - grown[:, 4:-1]
    score = (level - _BELOW_COST * under) * weight[:, None]
    score[:, : round(_MOUNTED_M[0] / _BIN_M) - middle.start] = 0
    fits = []
    for _ in range(_CANDIDATES):  # a bed or a wall may beat the floor until both are fitted
        best, at = np.unravel_index(int(score.argmax()), score.shape)
        slope = directions[best] / ((at + middle.start + 0.5) * _BIN_M)
        fits.append(refine(points, slope, _SLABS_M))
        alike = directions @ directions[best] > _ALIKE_COS
        score[alike, max(0, at - _ALIKE_BINS) : at + _ALIKE_BINS + 1] = 0
    floors = [fit for fit in fits if fit is not None and fit.is_floor]
    return max(floors, key=lambda fit: fit.score, default=None)


def reaches_through(points: Points, slope: F64) -> bool:
    """Whether so much lies under a plane that it cannot be the floor."""
    return bool(_under(points, slope) > _MAX_UNDER * len(points.z))


def _under(points: Points, slope: F64) -> int:
    return int(np.count_nonzero(points.heights(slope) < -_UNDER_M))


def _directions() -> tuple[F64, F64]:
    """(C, 3) gravity in camera coordinates, (C,) how likely a camera hangs like that."""
    pitch, roll = (a.ravel() for a in np.meshgrid(np.radians(_PITCH_DEG), np.radians(_ROLL_DEG)))
    flat = np.cos(pitch)
    directions = np.stack([flat * np.sin(roll), flat * np.cos(roll), np.sin(pitch)], axis=1)
    return directions, _likely(np.degrees(pitch))


def _likely(pitch_deg: F64) -> F64:
    return np.interp(pitch_deg, [_STEEP_DEG, _STEEPEST_DEG], [1.0, _STEEP_WEIGHT])


def _on_plane(points: Points, slope: F64, slab_m: float) -> NDArray[np.bool_]:
    residual = 1 / points.z - points.rays @ slope
    reach = np.minimum(slab_m * np.linalg.norm(slope) / points.z, _MAX_RESIDUAL)
    return np.asarray(np.abs(residual) < reach)


def _judged(points: Points, slope: F64) -> Fit:
    size = float(np.linalg.norm(slope))
    near = _on_plane(points, slope, _SLABS_M[-1])
    under = _under(points, slope)
    pitch = degrees(asin(slope[2] / size))
    share = (np.count_nonzero(near) - _BELOW_COST * under) / points.of
    plausible = (
        _MOUNTED_M[0] <= 1 / size <= _MOUNTED_M[1]
        and _PITCH_DEG[0] - 4 <= pitch <= _STEEPEST_DEG
        and abs(degrees(atan2(slope[0], slope[1]))) <= _MAX_ROLL_DEG
        and under <= _MAX_UNDER * len(points.z)
        and share >= _MIN_SHARE
        and _spread(points, near) >= _MIN_SPREAD_M
    )
    return Fit(slope, float(share * _likely(np.array([pitch]))[0]), bool(plausible))


def _spread(points: Points, near: NDArray[np.bool_]) -> float:
    """Standard deviation of a piece of plane along its narrower side, m."""
    place = points.z[near, None] * points.rays[near]
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(np.cov(place.T))[1])))
