"""Furniture as meshes: one builder per kind, in a local frame whose front is -y and floor z = 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from engines.rooms.clutter import plant, shelf, small_objects, television
from engines.rooms.materials import (
    BLACK,
    METAL,
    fabric,
    linen,
    painted,
    vivid,
    wood,
    wood_or_lacquer,
)
from engines.rooms.mesh import Material, Mesh, MeshBuilder
from engines.rooms.scene import Furniture

Rng = np.random.Generator
Maker = Callable[[MeshBuilder, Furniture, Rng], None]


def furniture_mesh(piece: Furniture) -> Mesh:
    """The piece where it stands, the same for the same value; ValueError for an unknown kind.

    Beds reach from local y = -0.05 backwards and lie along x; everything else is centred.
    """
    maker = KINDS.get(piece.kind)
    if maker is None:
        raise ValueError(f"unknown furniture {piece.kind!r}; known: {', '.join(sorted(KINDS))}")
    local, world = MeshBuilder(), MeshBuilder()
    maker(local, piece, np.random.default_rng([piece.seed, 0xF0]))
    world.place(local.build(), piece.x, piece.y, piece.yaw_deg)
    return world.build()


def _chair(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    frame = wood(rng) if rng.random() < 0.6 else painted(rng, (0, 0.4), (0.1, 0.8), gloss=0.3)
    cover = fabric(rng) if rng.random() < 0.5 else frame
    w, h = rng.uniform(0.2, 0.25), f.height
    m.box([0, 0.02, h - 0.03], [w, 0.22, 0.03], cover)
    if rng.random() < 0.6:
        m.box([0, 0.24, h + 0.28], [w, 0.02, 0.2], cover)
    else:
        for z in (0.16, 0.29, 0.42):
            m.box([0, 0.24, h + z], [w, 0.012, 0.035], frame, bevel=0.01)
    armrests = rng.random() < 0.3
    for x in (-w + 0.02, w - 0.02):
        m.box([x, 0.24, h + 0.1], [0.02, 0.02, 0.4], frame, bevel=0.008)
        for y in (-0.17, 0.22):
            m.box([x, y, (h - 0.05) / 2], [0.018, 0.018, (h - 0.05) / 2], frame, bevel=0.008)
        if armrests:
            outer = x + np.sign(x) * 0.05
            m.box([outer, 0.02, h + 0.2], [0.025, 0.21, 0.015], frame, bevel=0.01)
            m.box([outer, -0.17, h + 0.06], [0.015, 0.015, 0.14], frame, bevel=0.01)


def _wheelchair(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    cover = painted(rng, (0.1, 0.8), (0.08, 0.45))
    w, h = 0.22, f.height
    m.box([0, 0.0, h - 0.025], [w, 0.21, 0.025], cover)
    m.box([0, 0.23, h + 0.22], [w, 0.015, 0.22], cover)
    for side in (-1, 1):
        x = side * (w + 0.05)
        _wheel(m, (x, 0.14), 0.3, BLACK)
        _wheel(m, (side * (w - 0.02), -0.3), 0.09, BLACK)
        m.cylinder([side * w, 0.23, 0.2], [side * w, 0.25, h + 0.48], 0.014, METAL, sides=6)
        m.cylinder([side * w, 0.25, h + 0.47], [side * w, 0.36, h + 0.47], 0.018, BLACK, sides=6)
        m.cylinder([side * w, -0.22, 0.12], [side * w, -0.22, h + 0.18], 0.014, METAL, sides=6)
        m.cylinder([side * w, -0.22, h - 0.04], [side * w, -0.42, 0.1], 0.014, METAL, sides=6)
        m.box([side * w, 0.0, h + 0.2], [0.025, 0.18, 0.018], BLACK, bevel=0.01)
        m.box([side * 0.11, -0.45, 0.09], [0.08, 0.09, 0.01], BLACK, bevel=0.005)


def _wheel(m: MeshBuilder, hub: tuple[float, float], radius: float, tyre: Material) -> None:
    """A wheel in the y-z plane that stands on the floor."""
    angle = np.linspace(0, 2 * np.pi, 19)
    rim = np.stack([np.full(19, hub[0]), hub[1] + radius * np.cos(angle),
                    radius * (1 + np.sin(angle))], 1)  # fmt: skip
    for a, b in pairwise(rim):
        m.cylinder(a, b, 0.014, tyre, sides=5, caps=False)
    for spoke in rim[:-1:3]:
        m.cylinder([hub[0], hub[1], radius], spoke, 0.004, METAL, sides=4, caps=False)


def _couch(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    half = 1.05 if f.kind == "long_couch" else rng.uniform(0.45, 1.0)
    if f.kind == "armchair":
        half = 0.32
    h, body = f.height, fabric(rng)
    cushion = body if rng.random() < 0.6 else fabric(rng)
    m.box([0, 0.1, h / 2 - 0.05], [half, 0.42, h / 2 - 0.05], body, bevel=0.05)
    seats = 1 if half < 0.4 else 2 if half < 0.8 else 3
    width = half / seats
    for i in range(seats):
        x = -half + width * (2 * i + 1)
        m.box([x, 0.05, h - 0.06], [width - 0.01, 0.36, 0.07], cushion, bevel=0.05)
        m.ellipsoid([x, 0.33, h + 0.22], [width, 0.09, 0.24], cushion, squareness=0.5)
    m.box([0, 0.44, h + 0.15], [half, 0.1, 0.34], body, bevel=0.07)
    for side in (-1, 1):
        m.box(
            [side * (half + 0.08), 0.1, h / 2 + 0.09], [0.09, 0.42, h / 2 + 0.09], body, bevel=0.06
        )
    if rng.random() < 0.5 and half > 0.4:  # a loose cushion leaning in the corner
        side = rng.choice([-1.0, 1.0])
        m.ellipsoid([side * (half - 0.16), 0.26, h + 0.17], [0.19, 0.08, 0.18], vivid(rng),
                    yaw_deg=-side * 25, squareness=0.5)  # fmt: skip


def _bed(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    frame, sheet, blanket = wood_or_lacquer(rng), linen(rng), fabric(rng)
    half, h, side = rng.uniform(0.42, 0.6), f.height, f.side
    y = half - 0.05
    m.box([0, y, h / 2 - 0.06], [1.0, half, max(h / 2 - 0.16, 0.05)], frame)
    m.box([0, y, h - 0.09], [0.98, half - 0.01, 0.09], sheet, bevel=0.05)
    m.box([-side * 1.02, y, h / 2 + 0.25], [0.03, half, h / 2 + 0.25], frame)
    m.box([side * 1.02, y, h / 2 + 0.08], [0.03, half, h / 2 + 0.08], frame)
    m.ellipsoid([-side * 0.78, y, h + 0.01], [0.2, half * 0.75, 0.055], sheet, squareness=0.5)
    for x in (-0.95, 0.95):
        for leg in (y - half + 0.05, y + half - 0.05):
            m.box([x, leg, 0.06], [0.03, 0.03, 0.06], frame, bevel=0.01)
    if rng.random() < 0.6:
        _blanket(m, side, y, half, h, blanket, rng)
    if rng.random() < 0.3:  # a rail on the far side, as on care beds
        for z in (0.08, 0.2, 0.32):
            m.cylinder([-0.7, y + half, h + z], [0.7, y + half, h + z], 0.014, METAL, sides=6)
        for x in (-0.7, 0.0, 0.7):
            m.cylinder([x, y + half, h - 0.1], [x, y + half, h + 0.32], 0.014, METAL, sides=6)


def _blanket(
    m: MeshBuilder, side: int, y: float, half: float, h: float, cover: Material, rng: Rng
) -> None:
    """A thin blanket over the foot end that hangs over both long edges, with folds."""
    length = rng.uniform(0.35, 0.75)  # half of it; the head end stays open
    u, v = np.meshgrid(np.linspace(-1, 1, 25), np.linspace(-1, 1, 25), indexing="ij")
    across = half + 0.02
    drop = np.clip(np.abs(v) * (across + 0.2) - across, 0, None)
    phase = rng.uniform(0, 6, 3)
    folds = 0.008 * np.sin(7 * u + phase[0]) * np.sin(5 * v + 3 * u + phase[1])
    x = side * (0.98 - length) + u * length
    out = np.sign(v) * 0.02 * np.sin(9 * u + phase[2]) * (drop > 0)
    grid = np.stack(
        [x, y + np.clip(v * (across + 0.2), -across, across) + out, h + 0.018 + folds - drop], -1
    )
    m.sheet(grid, cover)


def _table(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    top = wood_or_lacquer(rng)
    a, b, h = rng.uniform(0.35, 0.8), rng.uniform(0.3, 0.5), f.height
    if f.kind == "side_table":
        a, b = 0.28, 0.25
    if rng.random() < 0.25:
        a = b = min(a, 0.5)
        m.cylinder([0, 0, h - 0.03], [0, 0, h], a, top, sides=24)
        m.cylinder([0, 0, 0.02], [0, 0, h - 0.03], 0.05, top)
        m.cylinder([0, 0, 0], [0, 0, 0.03], a * 0.6, top, sides=16)
        reach = 0.6
    else:
        m.box([0, 0, h - 0.02], [a, b, 0.02], top, bevel=0.01)
        m.box([0, 0, h - 0.07], [a - 0.06, b - 0.06, 0.035], top, bevel=0.005)
        for x in (-a + 0.05, a - 0.05):
            for y in (-b + 0.05, b - 0.05):
                m.box([x, y, h / 2 - 0.02], [0.025, 0.025, h / 2 - 0.02], top, bevel=0.008)
        reach = 0.75
        if rng.random() < 0.25:
            m.box([0, 0, h + 0.003], [a * 0.7, b * 0.98, 0.002], fabric(rng), bevel=0.001)
    small_objects(m, (a * reach, b * reach), h, int(rng.integers(0, 6)), rng)


def _wardrobe(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    face = wood_or_lacquer(rng)
    h = f.height if f.height > 1.0 else 1.9
    m.box([0, 0, h / 2], [0.5, 0.28, h / 2], face, bevel=0.01)
    for x in (-0.25, 0.25):
        m.box([x, -0.285, h / 2 + 0.03], [0.24, 0.008, h / 2 - 0.06], face, bevel=0.006)
        m.cylinder([x * 0.12, -0.31, 0.95], [x * 0.12, -0.31, 1.12], 0.008, METAL, sides=6)
    if rng.random() < 0.4:
        m.box([rng.uniform(-0.2, 0.2), 0, h + 0.1], [0.22, 0.18, 0.1], vivid(rng))


def _nightstand(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    face, h = wood_or_lacquer(rng), f.height if f.height > 0.2 else 0.56
    m.box([0, 0, h / 2], [0.22, 0.2, h / 2], face, bevel=0.01)
    for z in (0.3, 0.72):
        m.box([0, -0.205, h * z], [0.2, 0.008, h * 0.19], face, bevel=0.006)
        m.ellipsoid([0, -0.22, h * z], [0.015, 0.015, 0.015], METAL, sides=6)
    if rng.random() < 0.5:
        m.cylinder([0.05, 0.05, h], [0.05, 0.05, h + 0.18], 0.012, METAL, sides=6)
        shade = painted(rng, (0, 0.3), (0.8, 1.0))
        m.cylinder([0.05, 0.05, h + 0.16], [0.05, 0.05, h + 0.32], 0.11, shade, 0.07, caps=False)
    small_objects(m, (0.15, 0.13), h, int(rng.integers(0, 3)), rng)


def _lamp(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    stand, shade = painted(rng, value=(0.1, 0.6)), painted(rng, (0, 0.3), (0.8, 1.0))
    m.cylinder([0, 0, 0], [0, 0, 0.03], 0.14, stand)
    m.cylinder([0, 0, 0], [0, 0, 1.5], 0.014, stand, sides=6)
    m.cylinder([0, 0, 1.4], [0, 0, 1.65], 0.2, shade, 0.13, sides=16, caps=False)


def _walker(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    for x in (-0.25, 0.25):
        for y in (-0.2, 0.2):
            m.cylinder([x, y, 0], [x * 0.9, y * 0.6, 0.85], 0.014, METAL, sides=6)
        m.cylinder([x * 0.9, -0.12, 0.85], [x * 0.9, 0.12, 0.85], 0.018, BLACK, sides=6)
    for z in (0.35, 0.6):
        m.cylinder([-0.23, -0.14, z], [0.23, -0.14, z], 0.012, METAL, sides=6)
    if rng.random() < 0.4:
        m.box([0, -0.16, 0.5], [0.16, 0.07, 0.1], vivid(rng))


def _box(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    a, b, h = rng.uniform(0.15, 0.28), rng.uniform(0.12, 0.2), rng.uniform(0.12, 0.22)
    m.box([0, 0, h], [a, b, h], fabric(rng) if rng.random() < 0.5 else wood(rng))


def _plant(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    plant(m, rng)


def _shelf(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    shelf(m, f.height if f.height > 0.6 else rng.uniform(0.8, 1.9), rng)


def _doorway(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    """An open door to a dark corridor, flat on the wall; people pass through it."""
    m.box([0, 0.0, 1.055], [0.52, 0.015, 1.055], painted(rng, (0, 0.3), (0.3, 0.95)), bevel=0.005)
    m.box([0, -0.016, 1.02], [0.45, 0.003, 1.02], BLACK, bevel=0.001)


def _television(m: MeshBuilder, f: Furniture, rng: Rng) -> None:
    television(m, rng)


KINDS: Mapping[str, Maker] = MappingProxyType({
    "chair": _chair, "wheelchair": _wheelchair, "couch": _couch, "long_couch": _couch,
    "armchair": _couch, "bed": _bed, "table": _table, "side_table": _table,
    "wardrobe": _wardrobe, "shelf": _shelf, "plant": _plant, "tv": _television, "lamp": _lamp,
    "walker": _walker, "nightstand": _nightstand, "box": _box,
    "doorway": _doorway,
})  # fmt: skip
"""Every kind of furniture and its builder."""
