"""Where in the picture the person is: whom the finder sees in depth, or the only one a segmented
depth shows; else whoever moves.

Motion, and whoever stands out from the room in depth, light up cells of a coarse map that fade
within a second; the box follows the connected bright cells and stays where it is while nothing
moves, so that someone lying still stays in it.
Nobody seen yet, or everything moving (a shaken camera, a lamp switched on): the full frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.preprocess.background import COLUMNS, ROWS, DepthBackground
from edge.preprocess.boxes import Box
from edge.preprocess.finder import PersonFinder
from edge.preprocess.people import PeopleTracker
from edge.values import F32, Mask

_FADE = 0.75  # of the energy, per update (7.5 a second): time constant 0.5 s
_MOVING_PX = 0.5  # flow below this is noise of compression and of the sensor
_BRIGHT = 0.25  # share of a cell that must move
_MIN_CELLS = 6  # smaller than any person: half a per cent of the picture
_COMPANION = 0.5  # others who move this much, relative to the most moving, are kept in the box
_EVERYTHING = 0.5  # more of the picture than this moving is not a person
_UNSURE_UPDATES = 8  # everything has moved for a second: back to the full frame
_SEGMENTED = 0.35  # depth with fewer valid pixels than this shows a person cut out of the room
_OUTWARD, _INWARD, _LIMB = 0.6, 0.35, 0.06  # how fast edges follow; see CropTracker._follow
_MARGIN = 0.15  # of the longer side, on each side
_TAIL = 0.03  # of the energy, cut off at each side of the box: flicker and shadows
_SETTLING_UPDATES = 8  # of motion, before the box is trusted to know the whole body
_MIN_SIDE = 0.45  # of the picture's longer side
_FOUND_MARGIN, _FOUND_MIN_SIDE = 0.2, 0.3  # around people who were found, whose whole body is known
_GONE_UPDATES = 30  # nobody found and nothing moves for 4 s: back to the full frame


@dataclass(frozen=True, slots=True)
class _Edges:
    """A tight box around the energy, in [0, 1] of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def as_array(self) -> NDArray[np.float64]:
        return np.array([self.left, self.top, self.right, self.bottom])


_EVERYWHERE = _Edges(0.0, 0.0, 1.0, 1.0)


class CropTracker:
    """One room's crop. Deterministic; its memory is a map of 40 x 30 cells and a few people."""

    def __init__(self, finder: PersonFinder | None = None) -> None:
        """finder: looks for people in depth that is not segmented; without it motion must do"""
        self._finder, self._people = finder, PeopleTracker()
        self._found, self._unfound = False, 0
        self._energy: F32 = np.zeros((ROWS, COLUMNS), np.float32)
        self._background = DepthBackground()
        self._edges, self._settling = _EVERYWHERE, _SETTLING_UPDATES
        self._everything_moved = 0

    def update(self, flow: NDArray[np.int8] | None, depth_mm: NDArray[np.uint16] | None) -> Box:
        """Take one feature frame; return where to look in it.

        flow: (h, w, 2) in eighths of a pixel   depth_mm: (h, w), 0 = no return; each covers the
        whole picture, without bars, at any resolution; None when missing
        """
        aspect = _aspect(flow, depth_mm)
        segmented = None
        moving = np.zeros((ROWS, COLUMNS), np.float32)
        if flow is not None:
            moving = np.maximum(moving, _to_cells(_moving_flow(flow)))
        if depth_mm is not None:
            moving = np.maximum(moving, self._background.foreground(depth_mm))
            segmented = _segmented(_to_grid(depth_mm))
            if segmented is None and self._finder is not None:
                return self._look(self._finder, depth_mm, moving, aspect)
        target = (
            _bounds(segmented, segmented > _BRIGHT)
            if segmented is not None
            else self._moved(moving)
        )
        if target is not None:
            self._edges, self._found = self._follow(self._edges, target), False
        return self._box(aspect)

    def _look(
        self, finder: PersonFinder, depth_mm: NDArray[np.uint16], moving: F32, aspect: float
    ) -> Box:
        """Around who is found; who was, while nothing moves, or whatever moves; in the end all."""
        moved = self._moved(moving)
        people = self._people.update(finder.find(depth_mm), moving)
        if people is not None:
            self._edges, self._found, self._unfound = _Edges(*map(float, people)), True, 0
            return self._box(aspect)
        self._unfound += 1
        if moved is not None and not self._found:
            self._edges, self._unfound = self._follow(self._edges, moved), 0
        elif self._unfound >= _GONE_UPDATES:
            self._edges, self._settling = _EVERYWHERE, _SETTLING_UPDATES
            self._found = False
        return self._box(aspect)

    def _box(self, aspect: float) -> Box:
        if self._found:
            return _widen(self._edges, aspect, _FOUND_MARGIN, _FOUND_MIN_SIDE)
        return _widen(self._edges, aspect, _MARGIN, _MIN_SIDE)

    def _moved(self, moving: F32) -> _Edges | None:
        """Add this update's motion; the bounds of recent motion, None when all is still."""
        if float((moving > _BRIGHT).mean()) > _EVERYTHING:
            self._everything_moved += 1
            if self._everything_moved >= _UNSURE_UPDATES:
                self._edges, self._settling = _EVERYWHERE, _SETTLING_UPDATES
            return None
        self._everything_moved = 0
        self._energy = self._energy * np.float32(_FADE) + moving * np.float32(1 - _FADE)
        if int((moving > _BRIGHT).sum()) < _MIN_CELLS:
            return None
        return _bounds(self._energy, self._energy > _BRIGHT * (1 - _FADE))

    def _follow(self, present: _Edges, target: _Edges) -> _Edges:
        """Outward fast, so that nobody is cut; inward slower.

        A target wholly inside is probably a limb of somebody whose body is still: hardly move.
        """
        old, new = present.as_array(), target.as_array()
        outward = np.concatenate([new[:2] < old[:2], new[2:] > old[2:]])
        whole = outward.any() or self._settling > 0
        rate = np.where(outward, _OUTWARD, _INWARD if whole else _LIMB)
        self._settling = max(0, self._settling - 1)
        return _Edges(*(float(value) for value in old + rate * (new - old)))


def _aspect(flow: NDArray[np.int8] | None, depth_mm: NDArray[np.uint16] | None) -> float:
    shapes = [picture.shape for picture in (flow, depth_mm) if picture is not None]
    return shapes[0][1] / shapes[0][0] if shapes else 4 / 3


def _moving_flow(flow: NDArray[np.int8]) -> Mask:
    """(h, w): pixels that move against the picture as a whole, more than its own noise."""
    # integers and a partial sort: the median of 19 200 pixels costs 0.1 ms this way
    sample = flow[::2, ::2].reshape(-1, 2)
    shift = np.partition(sample, len(sample) // 2, axis=0)[len(sample) // 2].astype(np.int16)
    relative = np.abs(flow.astype(np.int16) - shift)
    speed = np.maximum(relative[..., 0], relative[..., 1])
    small = speed[::2, ::2].ravel()
    noise = int(np.partition(small, len(small) // 2)[len(small) // 2])
    return np.asarray(speed > max(_MOVING_PX * FLOW_SCALE, 3 * noise))


def _segmented(depth: NDArray[np.uint16]) -> F32 | None:
    """Share of each cell that is the person, when the room has been cut away; else None."""
    valid = depth > 0
    share = float(valid.mean())
    return _to_cells(valid) if 0.005 < share < _SEGMENTED else None


def _to_grid(depth_mm: NDArray[np.uint16]) -> NDArray[np.uint16]:
    import cv2

    size = (COLUMNS * 4, ROWS * 4)
    return np.asarray(cv2.resize(depth_mm, size, interpolation=cv2.INTER_NEAREST), np.uint16)


def _to_cells(mask: Mask) -> F32:
    """Share of each cell that is set; (h, w) -> (30, 40)."""
    import cv2

    cells = cv2.resize(
        mask.view(np.uint8) * np.uint8(255), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA
    )
    share: F32 = np.asarray(cells, np.float32) / np.float32(255)
    return share


def _bounds(energy: F32, bright: Mask) -> _Edges | None:
    """Around the connected cells with most energy and rivals; None when all are too few."""
    import cv2

    joined = cv2.dilate(bright.view(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, _, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    kept = np.where(bright, labels, 0).ravel()
    weight = np.bincount(kept, weights=energy.ravel(), minlength=count)
    size = np.bincount(kept, minlength=count)
    weight[0] = 0
    weight[size < _MIN_CELLS] = 0
    if weight.max() <= 0:
        return None
    wanted = np.where((weight >= _COMPANION * weight.max())[labels] & bright, energy, 0)
    left, right = _span(wanted.sum(axis=0))
    top, bottom = _span(wanted.sum(axis=1))
    return _Edges(left, top, right, bottom)


def _span(profile: F32) -> tuple[float, float]:
    """Where the energy along one axis begins and ends, in [0, 1], without its tails."""
    grown = np.cumsum(profile, dtype=np.float64)
    first = int(np.searchsorted(grown, _TAIL * grown[-1], side="right"))
    last = int(np.searchsorted(grown, (1 - _TAIL) * grown[-1]))
    return first / len(profile), (last + 1) / len(profile)


def _widen(edges: _Edges, aspect: float, margin: float, least: float) -> Box:
    """Add a margin and make it a square of pixels, as far as the picture reaches."""
    width, height = edges.right - edges.left, (edges.bottom - edges.top) / aspect
    longest = max(1.0, 1 / aspect)  # in units of the picture's width
    side = max(max(width, height) * (1 + 2 * margin), least * longest)
    w, h = min(1.0, side), min(1.0, side * aspect)
    x = min(max((edges.left + edges.right) / 2 - w / 2, 0.0), 1 - w)
    y = min(max((edges.top + edges.bottom) / 2 - h / 2, 0.0), 1 - h)
    return Box(x, y, w, h)
