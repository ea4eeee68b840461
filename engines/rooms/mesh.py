"""Triangle meshes in one packed vertex layout, built from a few primitives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

LAYOUT: tuple[tuple[str, int], ...] = (
    ("position", 3),
    ("normal", 3),
    ("texture", 3),  # where the pattern is looked up: metres in the frame of the object
    ("colour", 4),  # sRGB, then glow
    ("accent", 4),  # sRGB, then gloss
    ("pattern", 1),
)
"""Names and widths of the packed vertex columns."""

WIDTH = sum(width for _, width in LAYOUT)
MOVING = 6  # position and normal come first: the columns that change when a mesh moves


class Pattern(IntEnum):
    """Procedural surface patterns; each mixes a material's colour with its accent."""

    PLAIN = 0
    PLANKS = 1
    TILES = 2
    WOVEN = 3
    STRIPES = 4
    CHECKS = 5
    DOTS = 6
    BLOTCHES = 7
    BOOKS = 8
    GRAIN = 9


@dataclass(frozen=True, slots=True)
class Material:
    """What a surface looks like; colours are sRGB triples in 0..1."""

    colour: tuple[float, float, float]
    accent: tuple[float, float, float]
    pattern: Pattern = Pattern.PLAIN
    gloss: float = 0.05
    glow: float = 0.0


@dataclass(frozen=True, slots=True)
class Mesh:
    """Packed vertices (V, WIDTH) float32 and triangles (F, 3) int32."""

    vertices: F32
    faces: I32

    @property
    def positions(self) -> F32:
        """(V, 3) m."""
        return self.vertices[:, :3]

    @property
    def normals(self) -> F32:
        """(V, 3) unit vectors."""
        return self.vertices[:, 3:6]


def unit(vectors: ArrayLike) -> NDArray[np.float64]:
    """(..., 3) scaled to length 1; a zero vector stays (almost) zero."""
    v = np.asarray(vectors, float)
    scaled: NDArray[np.float64] = v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-9)
    return scaled


def turn(yaw_deg: float) -> NDArray[np.float64]:
    """(3, 3) rotation about +z, counter-clockwise."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def pack(position: ArrayLike, normal: ArrayLike, texture: ArrayLike, material: Material) -> F32:
    """Packed vertices (V, WIDTH) of one material."""
    p = np.asarray(position, np.float32)
    v = np.empty((len(p), WIDTH), np.float32)
    v[:, :3], v[:, 3:6], v[:, 6:9] = p, np.asarray(normal), np.asarray(texture)
    v[:, 9:13] = (*material.colour, material.glow)
    v[:, 13:17] = (*material.accent, material.gloss)
    v[:, 17] = material.pattern
    return v


class MeshBuilder:
    """Collects primitives, in metres, into one Mesh."""

    def __init__(self) -> None:
        self._vertices: list[F32] = []
        self._faces: list[I32] = []
        self._count = 0

    def add(self, vertices: F32, faces: ArrayLike) -> None:
        """Append packed vertices and triangles that index into them."""
        self._faces.append(np.asarray(faces, np.int32).reshape(-1, 3) + np.int32(self._count))
        self._vertices.append(vertices)
        self._count += len(vertices)

    def place(self, mesh: Mesh, x: float, y: float, yaw_deg: float, z: float = 0.0) -> None:
        """Append a mesh built at the origin, turned and then moved."""
        rotation = turn(yaw_deg).T.astype(np.float32)
        vertices = mesh.vertices.copy()
        vertices[:, :3] = mesh.positions @ rotation + np.array([x, y, z], np.float32)
        vertices[:, 3:6] = mesh.normals @ rotation
        self.add(vertices, mesh.faces)

    def build(self) -> Mesh:
        """Everything added so far."""
        if not self._vertices:
            return Mesh(np.empty((0, WIDTH), np.float32), np.empty((0, 3), np.int32))
        return Mesh(np.concatenate(self._vertices), np.concatenate(self._faces))

    def quad(
        self, corners: Sequence[ArrayLike], material: Material, texture: ArrayLike | None = None
    ) -> None:
        """A flat quadrilateral; counter-clockwise corners face the viewer."""
        p = np.array([np.asarray(c, float) for c in corners])
        normal = unit(np.cross(p[1] - p[0], p[3] - p[0]))
        uvw = p if texture is None else np.asarray(texture)
        self.add(pack(p, np.tile(normal, (4, 1)), uvw, material), [[0, 1, 2], [0, 2, 3]])

    def box(
        self,
        centre: ArrayLike,
        half: ArrayLike,
        material: Material,
        yaw_deg: float = 0.0,
        bevel: float = 0.02,
    ) -> None:
        """A box of half extents ``half`` with softened edges, turned about its centre."""
        h, c = np.asarray(half, float), np.asarray(centre, float)
        points, normals, faces = _rounded_box(h, min(bevel, float(h.min()) * 0.9))
        rotation = turn(yaw_deg).T
        self.add(pack(points @ rotation + c, normals @ rotation, points + c, material), faces)

    def cylinder(
        self,
        start: ArrayLike,
        end: ArrayLike,
        radius: float,
        material: Material,
        end_radius: float | None = None,
        sides: int = 10,
        caps: bool = True,
    ) -> None:
        """A cylinder or cone from ``start`` to ``end``."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        axis = unit(b - a)
        x = unit(np.cross(axis, [0.3, 0.5, 0.8]))
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
        ring = np.cos(angle) * x + np.sin(angle) * np.cross(axis, x)
        r = (radius, radius if end_radius is None else end_radius)
        p = np.concatenate([a + ring * r[0], b + ring * r[1]])
        i = np.arange(sides)
        j = (i + 1) % sides
        faces = np.concatenate([np.c_[i, j, sides + j], np.c_[i, sides + j, sides + i]])
        self.add(pack(p, np.tile(ring, (2, 1)), p, material), faces)
        for centre, size, sign in ((a, r[0], -1.0), (b, r[1], 1.0)) if caps else ():
            disc = np.concatenate([centre[None], centre + ring * size])
            fan = np.c_[np.zeros_like(i), 1 + i, 1 + j] if sign > 0 else np.c_[0 * i, 1 + j, 1 + i]
            normals = np.tile(axis * sign, (sides + 1, 1))
            self.add(pack(disc, normals, disc, material), fan)

    def ellipsoid(
        self,
        centre: ArrayLike,
        radii: ArrayLike,
        material: Material,
        sides: int = 10,
        yaw_deg: float = 0.0,
        squareness: float = 1.0,
    ) -> None:
        """An ellipsoid; ``squareness`` below 1 swells it towards its box, as a cushion is."""
        r, c = np.asarray(radii, float), np.asarray(centre, float)
        u, v = np.meshgrid(
            np.linspace(0, 2 * np.pi, sides + 1), np.linspace(0, np.pi, sides // 2 + 1)
        )
        ball = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)], -1).reshape(
            -1, 3
        )
        shape = np.sign(ball) * np.abs(ball) ** squareness * r
        columns = sides + 1
        k = (np.arange(sides // 2)[:, None] * columns + np.arange(sides)).ravel()
        faces = np.concatenate(
            [np.c_[k, k + columns + 1, k + 1], np.c_[k, k + columns, k + columns + 1]]
        )
        rotation = turn(yaw_deg).T
        p, n = shape @ rotation + c, unit(ball / r) @ rotation
        self.add(pack(p, n, shape + c, material), faces)

    def sheet(self, grid: NDArray[np.float64], material: Material) -> None:
        """A cloth through a (rows, columns, 3) grid of points; faces +z when rows x columns do."""
        rows, columns = grid.shape[:2]
        du, dv = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
        k = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
        faces = np.concatenate(
            [np.c_[k, k + columns, k + columns + 1], np.c_[k, k + columns + 1, k + 1]]
        )
        p = grid.reshape(-1, 3)
        swapped = p[:, [0, 2, 1]]  # patterns run along z: let them run along a flat cloth too
        self.add(pack(p, unit(np.cross(du, dv)).reshape(-1, 3), swapped, material), faces)


def _rounded_box(
    half: NDArray[np.float64], bevel: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], I32]:
    """Six 4 x 4 grids whose outer ring leans over the edges, which shades as a rounded edge."""
    grid = np.array([-1.0, -1.0, 1.0, 1.0])
    inner = np.array([0.0, 1.0, 1.0, 0.0])
    i, j = (a.ravel() for a in np.meshgrid(np.arange(4), np.arange(4), indexing="ij"))
    rim_i, rim_j = 1 - inner[i], 1 - inner[j]
    cell = np.array([r * 4 + c for r in range(3) for c in range(3)])
    faces = np.concatenate([np.c_[cell, cell + 4, cell + 5], np.c_[cell, cell + 5, cell + 1]])
    points: list[NDArray[np.float64]] = []
    normals: list[NDArray[np.float64]] = []
    triangles: list[NDArray[np.int64]] = []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            p, n = np.zeros((16, 3)), np.zeros((16, 3))
            p[:, axis] = sign * (half[axis] - bevel * 0.3 * np.maximum(rim_i, rim_j))
            p[:, a] = grid[i] * (half[a] - bevel * inner[i])
            p[:, b] = grid[j] * (half[b] - bevel * inner[j])
            n[:, axis], n[:, a], n[:, b] = sign, grid[i] * rim_i, grid[j] * rim_j
            triangles.append((faces if sign > 0 else faces[:, ::-1]) + 16 * len(points))
            points.append(p)
            normals.append(unit(n))
    joined = np.concatenate(triangles).astype(np.int32)
    return np.concatenate(points), np.concatenate(normals), joined
