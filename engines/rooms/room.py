"""The empty room of a scene: floor, walls, windows with curtains, doors, pictures, rug."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.rooms.materials import fabric, lacquer, painted, rgb, wood, wood_or_lacquer
from engines.rooms.mesh import Material, Mesh, MeshBuilder, Pattern
from engines.rooms.scene import Scene

F64 = NDArray[np.float64]
Rng = np.random.Generator

_WALL_PATTERNS = (Pattern.PLAIN, Pattern.PLAIN, Pattern.PLAIN, Pattern.STRIPES, Pattern.DOTS,
                  Pattern.BLOTCHES)  # fmt: skip
_RUG_PATTERNS = (Pattern.WOVEN, Pattern.CHECKS, Pattern.DOTS, Pattern.BLOTCHES)
_PICTURE_PATTERNS = (Pattern.BLOTCHES, Pattern.BOOKS, Pattern.CHECKS, Pattern.PLAIN)
_FLOORS = (Pattern.PLANKS, Pattern.PLANKS, Pattern.PLANKS, Pattern.TILES, Pattern.WOVEN,
           Pattern.BLOTCHES)  # fmt: skip
_SILL_CENTRE_M = 1.5


@dataclass(frozen=True, slots=True)
class Window:
    """Glass that daylight enters by."""

    centre: F64  # (3,) m
    normal: F64  # (3,) into the room
    along: F64  # (3,) horizontal, in the wall
    half: tuple[float, float]  # m: along the wall, up


@dataclass(frozen=True, slots=True)
class RoomModel:
    """Geometry of a room; only the fittings cast shadows."""

    shell: Mesh
    fittings: Mesh
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class _Wall:
    middle: F64  # on the floor
    along: F64
    inwards: F64
    length: float

    @property
    def yaw_deg(self) -> float:
        return float(np.degrees(np.arctan2(self.along[1], self.along[0])))

    def point(self, along: float, off: float, z: float) -> F64:
        """A point ``off`` metres inside the wall."""
        p: F64 = self.middle + self.along * along + self.inwards * off + np.array([0.0, 0.0, z])
        return p


def build_room(scene: Scene) -> RoomModel:
    """The room of ``scene``, always the same for the same scene."""
    rng = np.random.default_rng([scene.seed, 0xA0])
    shell, fittings = MeshBuilder(), MeshBuilder()
    half_x, half_y, height = scene.room_m[0] / 2, scene.room_m[1] / 2, scene.room_m[2]
    _floor_and_ceiling(shell, half_x, half_y, height, rng)
    paper = painted(rng, (0.0, 0.22), (0.6, 0.97), _WALL_PATTERNS, contrast=0.12)
    feature = painted(rng, (0.1, 0.45), (0.4, 0.9), contrast=0.1) if rng.random() < 0.3 else paper
    board = painted(rng, (0, 0.2), (0.6, 0.95))
    windows: list[Window] = []
    walls = _walls(half_x, half_y)
    sunny = _towards(walls, scene.light.position) if scene.light.is_sun else None
    has_door = False
    for i, wall in enumerate(walls):
        _wall(shell, wall, height, feature if i == 0 else paper)
        shell.box(wall.point(0, 0.01, 0.05), [wall.length / 2, 0.012, 0.05], board, wall.yaw_deg)
        choice = rng.random()
        if wall is sunny or choice < 0.35:
            windows.append(_window(shell, fittings, wall, height, scene.dark, rng))
        elif choice < 0.6 and not has_door:
            _door(shell, wall, rng)
            has_door = True
        else:
            _pictures(shell, wall, rng)
    if rng.random() < 0.45:
        _rug(shell, rng)
    _ceiling_lamp(shell, scene, height, rng)
    return RoomModel(shell.build(), fittings.build(), tuple(windows))


def _walls(half_x: float, half_y: float) -> tuple[_Wall, ...]:
    x, y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    return (
        _Wall(-y * half_y, -x, y, 2 * half_x),
        _Wall(x * half_x, -y, -x, 2 * half_y),
        _Wall(y * half_y, x, -y, 2 * half_x),
        _Wall(-x * half_x, y, x, 2 * half_y),
    )


def _towards(walls: tuple[_Wall, ...], position: F64) -> _Wall:
    return max(walls, key=lambda wall: float(-wall.inwards @ position))


def _floor_and_ceiling(m: MeshBuilder, a: float, b: float, height: float, rng: Rng) -> None:
    pattern = _FLOORS[int(rng.integers(len(_FLOORS)))]
    if pattern is Pattern.PLANKS:
        base = wood(rng, Pattern.PLANKS)
        floor = Material(base.colour, base.accent, base.pattern, gloss=0.25)
    else:
        floor = painted(rng, (0.0, 0.22), (0.3, 0.8), (pattern,))
        if pattern is Pattern.TILES:
            floor = Material(floor.colour, rgb(np.array(floor.colour) * 0.6), pattern, gloss=0.3)
    corners = np.array([[-a, -b, 0], [a, -b, 0], [a, b, 0], [-a, b, 0]])
    m.quad(list(corners), floor, corners[:, [1, 0, 2]] if rng.random() < 0.5 else corners)
    white = painted(rng, (0, 0.05), (0.85, 0.98), contrast=0.03)
    m.quad([[-a, -b, height], [-a, b, height], [a, b, height], [a, -b, height]], white)


def _wall(m: MeshBuilder, wall: _Wall, height: float, paper: Material) -> None:
    left, right = wall.length / 2, -wall.length / 2
    corners = [wall.point(left, 0, 0), wall.point(right, 0, 0),
               wall.point(right, 0, height), wall.point(left, 0, height)]  # fmt: skip
    # patterns run in the plane of the wall, whatever way it faces; stripes (along z) upright
    s = np.array([left, right, right, left])
    m.quad(corners, paper, np.stack([np.array([0, 0, height, height]), 0 * s, s], 1))


def _window(
    shell: MeshBuilder, fittings: MeshBuilder, wall: _Wall, height: float, dark: bool, rng: Rng
) -> Window:
    """Glass, frame, sill, often radiator and curtains; not in the corners, where cameras hang."""
    wide = min(rng.uniform(0.4, 0.9), wall.length / 2 - 0.95)
    wide, high = max(wide, 0.35), min(rng.uniform(0.5, 0.75), height - _SILL_CENTRE_M - 0.25)
    room = max(wall.length / 2 - wide - 0.95, 0.0)
    x = rng.uniform(-room, room)
    brightness, yaw = (0.06 if dark else 1.0), wall.yaw_deg
    sky = rgb(np.array([0.75, 0.85, 1.0]) * brightness)
    green = rgb(np.array([0.5, 0.6, 0.55]) * brightness)
    glow = 0.0 if dark else rng.uniform(0.15, 0.6)
    glass = Material(sky, green, Pattern.BLOTCHES, gloss=0.3, glow=glow)
    shell.box(wall.point(x, 0.012, _SILL_CENTRE_M), [wide, 0.01, high], glass, yaw, 0.005)
    frame = lacquer(rng)
    for z, size in ((high, [wide + 0.05, 0.03, 0.04]), (-high, [wide + 0.08, 0.09, 0.025])):
        shell.box(wall.point(x, 0.03, _SILL_CENTRE_M + z), size, frame, yaw)
    for side in (-1, 0, 1):
        post = wall.point(x + side * wide, 0.02, _SILL_CENTRE_M)
        shell.box(post, [0.04, 0.03, high], frame, yaw)
    if rng.random() < 0.5:
        for i in range(int(wide * 2 / 0.09)):
            rib = wall.point(x - wide + 0.05 + i * 0.09, 0.06, 0.42)
            fittings.box(rib, [0.038, 0.035, 0.3], frame, yaw, 0.02)
    if rng.random() < 0.65:
        _curtains(fittings, wall, x, wide, high, rng)
    return Window(wall.point(x, 0.0, _SILL_CENTRE_M), wall.inwards, wall.along, (wide, high))


def _curtains(m: MeshBuilder, wall: _Wall, x: float, wide: float, high: float, rng: Rng) -> None:
    cloth, rail = fabric(rng), wood_or_lacquer(rng)
    top = _SILL_CENTRE_M + high + 0.14
    bottom = rng.choice([0.06, _SILL_CENTRE_M - high - 0.2])
    ends = [wall.point(x + s * (wide + 0.5), 0.1, top) for s in (-1, 1)]
    m.cylinder(ends[0], ends[1], 0.012, rail, sides=6)
    for side in (-1, 1):
        u = np.linspace(0.0, 0.42, 29)
        fold = 0.035 * np.sin(u * 75 + rng.uniform(0, 6))
        columns = np.stack([wall.point(x + side * (wide - 0.02 + a), 0.1 + f, 0)
                            for a, f in zip(u, fold, strict=True)])  # fmt: skip
        grid = np.stack([columns + np.array([0, 0, z]) for z in (bottom, top)])
        m.sheet(grid, cloth)


def _door(m: MeshBuilder, wall: _Wall, rng: Rng) -> None:
    leaf, frame = wood_or_lacquer(rng, 0.5), lacquer(rng)
    x, yaw = rng.uniform(-1, 1) * max(wall.length / 2 - 0.8, 0.0), wall.yaw_deg
    m.box(wall.point(x, 0.01, 1.02), [0.5, 0.02, 1.07], frame, yaw, 0.01)
    m.box(wall.point(x, 0.02, 1.02), [0.43, 0.02, 1.02], leaf, yaw, 0.01)
    for z in (0.5, 1.5):
        m.box(wall.point(x, 0.04, z), [0.3, 0.004, 0.38], leaf, yaw, 0.004)
    steel = Material((0.7, 0.7, 0.7), (0.6, 0.6, 0.6), gloss=0.8)
    m.cylinder(wall.point(x + 0.36, 0.09, 1.03), wall.point(x + 0.26, 0.09, 1.03), 0.01, steel)


def _pictures(m: MeshBuilder, wall: _Wall, rng: Rng) -> None:
    edges = np.linspace(-0.42, 0.42, 4) * wall.length
    for left, right in pairwise(edges):
        if rng.random() < 0.45:
            continue
        w = rng.uniform(0.15, 0.45 * (right - left))
        h, x, z = rng.uniform(0.15, 0.38), (left + right) / 2, rng.uniform(1.4, 1.75)
        frame = wood_or_lacquer(rng)
        art = painted(rng, (0.1, 0.8), (0.2, 0.9), _PICTURE_PATTERNS, contrast=1.0, gloss=0.2)
        m.box(wall.point(x, 0.012, z), [w, 0.012, h], frame, wall.yaw_deg, 0.01)
        m.box(wall.point(x, 0.02, z), [w - 0.03, 0.008, h - 0.03], art, wall.yaw_deg, 0.005)


def _rug(m: MeshBuilder, rng: Rng) -> None:
    cloth = painted(rng, (0.1, 0.6), (0.25, 0.8), _RUG_PATTERNS, contrast=0.6)
    x, y = rng.uniform(-0.8, 0.8, 2)
    size, yaw = [rng.uniform(0.6, 1.2), rng.uniform(0.5, 1.0), 0.005], float(rng.uniform(0, 180))
    m.box([x, y, 0.005], size, cloth, yaw, bevel=0.004)


def _ceiling_lamp(m: MeshBuilder, scene: Scene, height: float, rng: Rng) -> None:
    at = rng.uniform(-0.4, 0.4, 2) if scene.light.is_sun else scene.light.position[:2]
    glow = 0.0 if scene.dark or scene.light.is_sun else 0.6
    shade = Material((1, 1, 1), (0.95, 0.95, 0.95), glow=glow)
    m.cylinder([*at, height - 0.09], [*at, height], 0.14, shade, 0.18, sides=16)
