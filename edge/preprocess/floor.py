"""Finds the floor in a fixed camera's depth, without calibration: gravity is where the floor is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.preprocess.plane import F64, Fit, Floor, Points, reaches_through, refine, search, tangents

_COLUMNS, _ROWS = 40, 30  # cells of the picture
_SIDE = 3  # of the pixels looked at in each cell
_MIN_POINTS = 72  # no floor is smaller
_EARLY = (1, 2, 4)  # updates with a search right at the beginning
_SOON, _LATE = 8, 225  # updates between searches: 1 s until settled, 30 s from then on
_AGREEING = 3  # searches that find the same floor settle it
_SAME_COS, _SAME_HEIGHT = 0.9962, 0.08  # 5 degrees; share of the camera's height
_BETTER = 1.2  # score of another floor against that of the one held
_MEMORY = 30  # updates over which fits are averaged
_WRONG_UPDATES = 8  # with much below the floor, before it is forgotten


@dataclass(frozen=True, slots=True)
class _Camera:
    """What the estimate depends on beside the picture's content."""

    shape: tuple[int, ...]
    hfov_deg: float


class FloorEstimator:
    """One room's floor. Deterministic; a new field of view or picture size starts it anew.

    A whole search runs about once a second until its findings agree, then twice a minute and
    whenever the floor is out of sight; in between the held floor is refined on what lies on it. It
    stays while nothing of it is seen, is replaced when two searches agree on a better one, and
    goes when the picture reaches through it for a second.
    """

    def __init__(self) -> None:
        self._camera: _Camera | None = None
        self._grid: _Grid | None = None
        self._forget()

    def _forget(self) -> None:
        self._held: F64 | None = None  # slope, see plane.Floor
        self._rival: F64 | None = None  # found once where a settled one is held
        self._averaged = 0  # fits in the held one
        self._agreed = 0  # searches that found the held one
        self._wrong = 0  # updates in a row that reach through it
        self._updates = self._since_search = 0

    def update(self, depth_mm: NDArray[np.uint16], hfov_deg: float | None) -> Floor | None:
        """Take the whole depth picture of one feature frame; None while unsure.

        depth_mm: (H, W), 0 = no return   hfov_deg: horizontal field of view; None when unknown,
        which leaves everything as it was
        """
        if hfov_deg is None or not 10 <= hfov_deg <= 150:
            return None
        camera = _Camera(depth_mm.shape, hfov_deg)
        if self._grid is None or camera != self._camera:
            self._forget()
            self._camera, self._grid = camera, _Grid(camera)
        points = self._grid.points(depth_mm)
        if len(points.z) >= _MIN_POINTS:
            self._take(points)
        if self._held is None:
            return None
        a, b, c = (float(part) for part in self._held)
        return Floor((a, b, c), hfov_deg)

    def _take(self, points: Points) -> None:
        through = self._held is not None and reaches_through(points, self._held)
        self._wrong = self._wrong + 1 if through else 0
        if self._wrong >= _WRONG_UPDATES:
            self._forget()
        self._updates += 1
        self._since_search += 1
        fit = None if self._held is None else refine(points, self._held)
        seen = fit if fit is not None and fit.is_floor else None
        if self._search_is_due(seen is not None):
            self._since_search = 0
            self._consider(search(points), seen)
        elif seen is not None:
            self._average(seen.slope)

    def _search_is_due(self, seen: bool) -> bool:
        if self._held is None and self._updates in _EARLY:
            return True
        settled = seen and self._agreed >= _AGREEING and self._rival is None
        return self._since_search >= (_LATE if settled else _SOON)

    def _consider(self, found: Fit | None, seen: Fit | None) -> None:
        """Weigh what a search found against what is held and, if it is in sight, seen."""
        rival, self._rival = self._rival, None
        if found is None:
            return
        if self._held is None:
            self._adopt(found.slope)
        elif _same(found.slope, self._held):
            self._agreed += 1
            self._average(found.slope)
        elif seen is None or found.score > _BETTER * seen.score:
            if self._agreed < _AGREEING or (rival is not None and _same(found.slope, rival)):
                self._adopt(found.slope)
            else:
                self._rival = found.slope

    def _adopt(self, slope: F64) -> None:
        self._held = slope
        self._averaged, self._agreed, self._wrong = 1, 1, 0

    def _average(self, slope: F64) -> None:
        if self._held is not None:
            self._averaged = min(self._averaged + 1, _MEMORY)
            self._held = self._held + (slope - self._held) / self._averaged


class _Grid:
    """Cells of the picture, each with nine pixels that are looked at."""

    def __init__(self, camera: _Camera) -> None:
        height, width = camera.shape
        u, v = tangents(height, width, camera.hfov_deg)
        rows, columns = _picked(height, _ROWS), _picked(width, _COLUMNS)
        self._pixels = rows[:, None], columns[None, :]
        across, down = np.meshgrid(_cell_means(u[columns]), _cell_means(v[rows]))
        rays = np.stack([across, down, np.ones_like(across)], axis=-1)
        self._rays = rays.reshape(-1, 3).astype(np.float64)

    def points(self, depth_mm: NDArray[np.uint16]) -> Points:
        """The mean of 1 / z, whose noise is even, in cells that mostly return."""
        picked = depth_mm[self._pixels].astype(np.float32)
        valid = picked > 0
        inverse = np.where(valid, 1000 / np.maximum(picked, 1), 0)
        cells = (_ROWS, _SIDE, _COLUMNS, _SIDE)
        count = valid.reshape(cells).sum(axis=(1, 3)).ravel()
        total = inverse.reshape(cells).sum(axis=(1, 3), dtype=np.float64).ravel()
        kept = count > _SIDE * _SIDE // 2
        return Points(self._rays[kept], count[kept] / total[kept], len(self._rays))


def _picked(length: int, cells: int) -> NDArray[np.int64]:
    at = (np.arange(cells * _SIDE) + 0.5) * length / (cells * _SIDE)
    return at.astype(np.int64)


def _cell_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(values.reshape(-1, _SIDE).mean(axis=1))


def _same(one: F64, other: F64) -> bool:
    size, size_other = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    return bool(
        one @ other >= _SAME_COS * size * size_other and abs(size_other / size - 1) <= _SAME_HEIGHT
    )
