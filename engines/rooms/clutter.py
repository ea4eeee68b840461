"""What makes a room lived in: plants, books, dishes, and pieces strewn where nothing stands."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engines.rooms.materials import (
    BLACK,
    PORCELAIN,
    painted,
    vivid,
    wood_or_lacquer,
)
from engines.rooms.mesh import Material, MeshBuilder, Pattern
from engines.rooms.scene import Furniture, Scene

F64 = NDArray[np.float64]
Rng = np.random.Generator

_STANDS: Mapping[str, tuple[float, float]] = MappingProxyType({
    # kind: radius of the disc it needs, half depth when it backs onto a wall (0: stands freely too)
    "wardrobe": (0.55, 0.3), "shelf": (0.46, 0.18), "table": (0.65, 0.0), "chair": (0.35, 0.0),
    "armchair": (0.6, 0.0), "plant": (0.28, 0.0), "tv": (0.6, 0.24), "lamp": (0.22, 0.0),
    "walker": (0.35, 0.0), "nightstand": (0.3, 0.22), "box": (0.3, 0.0), "wheelchair": (0.5, 0.0),
})  # fmt: skip
_HEIGHTS: Mapping[str, tuple[float, float]] = MappingProxyType({
    "table": (0.45, 0.75), "chair": (0.42, 0.5), "armchair": (0.4, 0.48),
    "wheelchair": (0.48, 0.52), "wardrobe": (1.7, 2.1), "shelf": (0.8, 1.9),
})  # fmt: skip
_REACH: Mapping[str, float] = MappingProxyType(
    {"bed": 1.2, "long_couch": 1.25, "couch": 1.1, "table": 0.7, "wardrobe": 0.6, "armchair": 0.6}
)
_TALL = frozenset({"wardrobe", "shelf", "plant", "tv", "lamp"})
_CAMERA_CLEARANCE_M, _TALL_CLEARANCE_M = 0.6, 1.1
_ELBOW_ROOM_M = 0.25
_RARE = frozenset({"wheelchair", "walker", "lamp"})  # a third as often as the others
_TRIES = 12


def strew(scene: Scene) -> tuple[Furniture, ...]:
    """Up to ``scene.clutter`` more pieces, clear of furniture, camera and ``keep_clear``.

    Tall pieces also stay out of the line between the camera and each disc to keep clear.
    """
    rng = np.random.default_rng([scene.seed, 0xC1])
    taken = [*scene.keep_clear, *(_disc(f) for f in scene.furniture)]
    camera = scene.camera.position[:2]
    pieces: list[Furniture] = []
    kinds = [kind for kind in _STANDS for _ in range(1 if kind in _RARE else 3)]
    for _ in range(scene.clutter):
        kind = kinds[int(rng.integers(len(kinds)))]
        radius, depth = _STANDS[kind]
        for _ in range(_TRIES):
            x, y, yaw = _spot(rng, scene.room_m, radius, depth)
            at = np.array([x, y])
            clearance = _TALL_CLEARANCE_M if kind in _TALL else _CAMERA_CLEARANCE_M
            if np.linalg.norm(at - camera) < radius + clearance:
                continue
            if any(np.hypot(x - a, y - b) < radius + r for a, b, r in taken):
                continue
            if kind in _TALL and _hides(at, radius + _ELBOW_ROOM_M, camera, scene.keep_clear):
                continue
            low, high = _HEIGHTS.get(kind, (0.0, 0.0))
            height, seed = float(rng.uniform(low, high)), int(rng.integers(2**31))
            pieces.append(Furniture(kind, x, y, yaw, height, seed))
            taken.append((x, y, radius))
            break
    return tuple(pieces)


def _hides(
    at: F64, radius: float, camera: F64, discs: tuple[tuple[float, float, float], ...]
) -> bool:
    """Whether a piece stands in the line of sight from the camera to the middle of a disc."""
    for x, y, _ in discs:
        line = np.array([x, y]) - camera
        along = np.clip((at - camera) @ line / max(float(line @ line), 1e-6), 0.0, 1.0)
        if np.linalg.norm(camera + along * line - at) < radius:
            return True
    return False


def _disc(piece: Furniture) -> tuple[float, float, float]:
    """The disc a placed piece covers; a bed lies behind its reference point."""
    back = 0.5 if piece.kind == "bed" else 0.0
    yaw = np.radians(piece.yaw_deg)
    reach = _REACH.get(piece.kind, _STANDS.get(piece.kind, (0.5, 0.0))[0])
    return piece.x - back * float(np.sin(yaw)), piece.y + back * float(np.cos(yaw)), reach


def _spot(
    rng: Rng, room: tuple[float, float, float], radius: float, depth: float
) -> tuple[float, float, float]:
    """(x, y, yaw_deg) with the back to a wall, or anywhere for pieces that stand freely."""
    half_x, half_y = room[0] / 2, room[1] / 2
    if depth == 0.0 and rng.random() < 0.3:
        x, y = rng.uniform(-1, 1, 2) * (half_x - radius, half_y - radius)
        return float(x), float(y), float(rng.uniform(0, 360))
    back = (depth or radius) + 0.03
    along = float(rng.uniform(-1, 1))
    turned = 0.0 if depth else float(rng.uniform(-20, 20))
    x_along, y_along = along * (half_x - radius), along * (half_y - radius)
    spots = (
        (x_along, half_y - back, 0.0),
        (half_x - back, y_along, -90.0),
        (x_along, back - half_y, 180.0),
        (back - half_x, y_along, 90.0),
    )
    x, y, yaw = spots[int(rng.integers(4))]
    return x, y, yaw + turned


def small_objects(
    m: MeshBuilder, reach: tuple[float, float], z: float, count: int, rng: Rng
) -> None:
    """Cups, vases, plates, books and a bowl of fruit on a surface of half size ``reach``."""
    for _ in range(count):
        x, y = rng.uniform(-1, 1, 2) * reach
        kind = rng.random()
        if kind < 0.3:
            cup(m, (x, y, z), vivid(rng))
        elif kind < 0.45:
            m.cylinder([x, y, z], [x, y, z + rng.uniform(0.15, 0.28)], 0.05, vivid(rng), 0.03)
        elif kind < 0.65:
            m.cylinder([x, y, z], [x, y, z + 0.02], 0.07, PORCELAIN, 0.11, sides=14)
        elif kind < 0.85:
            yaw, top = float(rng.uniform(0, 360)), z
            for _ in range(int(rng.integers(1, 4))):
                half = rng.uniform(0.008, 0.02)
                size = [0.105, 0.075, half]
                m.box([x, y, top + half], size, vivid(rng), yaw + rng.normal() * 8, 0.004)
                top += 2 * half
        else:
            for dx, dy, dz in ((0, 0.03, 0), (0.04, -0.02, 0), (-0.04, -0.02, 0), (0, 0, 0.05)):
                m.ellipsoid([x + dx, y + dy, z + 0.04 + dz], [0.04] * 3, vivid(rng), sides=8)


def cup(m: MeshBuilder, at: tuple[float, float, float], material: Material) -> None:
    """A cup of 11 cm that stands at ``at``."""
    x, y, z = at
    m.cylinder([x, y, z], [x, y, z + 0.11], 0.032, material, 0.04)
    m.box([x + 0.05, y, z + 0.055], [0.018, 0.006, 0.028], material, bevel=0.004)


def dropped_object(m: MeshBuilder, at: tuple[float, float, float], seed: int) -> None:
    """Something small that somebody may pick up: a box, a ball, a cup or a cloth."""
    rng = np.random.default_rng([seed, 0xD0])
    x, y, z = at
    kind, look = rng.random(), vivid(rng)
    if kind < 0.4:
        half = rng.uniform(0.03, 0.06, 3)
        m.box([x, y, z + half[2]], half, look, float(rng.uniform(0, 180)), bevel=0.01)
    elif kind < 0.6:
        m.ellipsoid([x, y, z + 0.05], [0.05, 0.05, 0.05], look)
    elif kind < 0.8:
        cup(m, at, look)
    else:
        m.ellipsoid(
            [x, y, z + 0.025], [0.11, 0.07, 0.025], look, yaw_deg=float(rng.uniform(0, 180))
        )


def plant(m: MeshBuilder, rng: Rng) -> None:
    """A pot with long drooping leaves or a bush."""
    m.cylinder([0, 0, 0], [0, 0, 0.3], 0.12, painted(rng, (0.2, 0.7), (0.3, 0.8)), 0.15)
    green = painted(rng, (0.4, 0.8), (0.2, 0.55), (Pattern.BLOTCHES,), hue=0.3)
    if rng.random() < 0.5:
        for _ in range(9):
            x, y = rng.normal(size=2) * 0.1
            m.ellipsoid([x, y, rng.uniform(0.4, 1.1)], [0.14, 0.13, 0.1], green, sides=8)
        return
    for _ in range(16):
        yaw, length, lift = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.8)
        t = np.linspace(0, 1, 6)
        out = length * t
        spine = np.stack([np.cos(yaw) * out, np.sin(yaw) * out, 0.3 + lift * t * (1.7 - t)], 1)
        width = 0.045 * np.sin(np.pi * np.clip(t + 0.08, 0, 1)) + 0.003
        side = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        m.sheet(np.stack([spine - width[:, None] * side, spine + width[:, None] * side], 1), green)


def shelf(m: MeshBuilder, height: float, rng: Rng) -> None:
    """An open shelf with rows of books and things."""
    board = wood_or_lacquer(rng)
    for x in (-0.42, 0.42):
        m.box([x, 0, height / 2], [0.02, 0.15, height / 2], board, bevel=0.005)
    m.box([0, 0.14, height / 2], [0.42, 0.01, height / 2], board, bevel=0.005)
    for z in np.arange(0.05, height, 0.36):
        m.box([0, 0, z], [0.42, 0.15, 0.015], board, bevel=0.005)
        if z + 0.3 < height and rng.random() < 0.7:
            half = rng.uniform(0.1, 0.25)
            books = painted(rng, (0.2, 0.9), (0.2, 0.9), (Pattern.BOOKS,), contrast=1.2)
            m.box([rng.uniform(-0.4 + half, 0.1), 0.02, z + 0.13], [half, 0.1, 0.11], books)
        if rng.random() < 0.5:
            m.ellipsoid([0.28, 0, z + 0.09], [0.07, 0.06, 0.075], vivid(rng), sides=8)


def television(m: MeshBuilder, rng: Rng) -> None:
    """A screen on a low board, on or off."""
    m.box([0, 0, 0.25], [0.6, 0.2, 0.25], wood_or_lacquer(rng), bevel=0.01)
    m.box([0, 0, 0.52], [0.15, 0.1, 0.02], BLACK, bevel=0.005)
    m.box([0, 0.02, 0.87], [0.5, 0.03, 0.31], BLACK, bevel=0.01)
    on = rng.random() < 0.4
    first, second = (rng.random(3) for _ in range(2))
    screen = Material(
        (float(first[0]), float(first[1]), float(first[2])) if on else (0.04, 0.04, 0.05),
        (float(second[0]), float(second[1]), float(second[2])) if on else (0.07, 0.07, 0.1),
        Pattern.BLOTCHES, gloss=0.6, glow=0.25 if on else 0.0,
    )  # fmt: skip
    m.box([0, -0.012, 0.87], [0.48, 0.004, 0.29], screen, bevel=0.003)
