"""Meshes: where their surfaces are and which way they face."""

from __future__ import annotations

import numpy as np
import pytest

from engines.rooms.furniture import KINDS, furniture_mesh
from engines.rooms.materials import METAL
from engines.rooms.mesh import Mesh, MeshBuilder
from engines.rooms.scene import Furniture


def built(shape: str) -> Mesh:
    builder = MeshBuilder()
    if shape == "box":
        builder.box([1, 2, 3], [0.5, 0.2, 0.3], METAL)
    elif shape == "ellipsoid":
        builder.ellipsoid([1, 2, 3], [0.5, 0.2, 0.3], METAL, sides=16)
    else:
        builder.cylinder([1, 2, 2.7], [1, 2, 3.3], 0.3, METAL)
    return builder.build()


@pytest.mark.parametrize("shape", ["box", "ellipsoid", "cylinder"])
def test_a_closed_shape_faces_outwards_and_its_triangles_agree(shape: str) -> None:
    mesh = built(shape)
    assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1.0, abs=1e-5)
    outwards = ((mesh.positions - [1, 2, 3]) * mesh.normals).sum(1)
    assert (outwards > 0).all()
    a, b, c = (mesh.positions[mesh.faces[:, i]] for i in range(3))
    winding = np.cross(b - a, c - a)
    real = np.linalg.norm(winding, axis=1) > 1e-9
    assert ((winding * mesh.normals[mesh.faces[:, 0]]).sum(1)[real] > 0).all()


def test_a_box_ends_where_its_half_extents_say() -> None:
    mesh = built("box")
    assert mesh.positions.min(0) == pytest.approx([0.5, 1.8, 2.7], abs=0.01)
    assert mesh.positions.max(0) == pytest.approx([1.5, 2.2, 3.3], abs=0.01)


def test_placing_a_mesh_turns_it_counter_clockwise_and_then_moves_it() -> None:
    local, world = MeshBuilder(), MeshBuilder()
    local.box([1, 0, 0.5], [0.1, 0.1, 0.1], METAL)
    world.place(local.build(), 3.0, 0.0, 90.0)
    assert world.build().positions.mean(0) == pytest.approx([3.0, 1.0, 0.5], abs=1e-5)


def test_an_empty_builder_gives_an_empty_mesh() -> None:
    mesh = MeshBuilder().build()
    assert len(mesh.vertices) == len(mesh.faces) == 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_piece_of_furniture_stands_on_the_floor_near_its_place(kind: str) -> None:
    mesh = furniture_mesh(Furniture(kind, 5.0, -4.0, 30.0, 0.45, seed=3))
    assert mesh.positions[:, 2].min() == pytest.approx(0.0, abs=0.02)
    assert np.linalg.norm(mesh.positions[:, :2] - [5.0, -4.0], axis=1).max() < 1.8


def test_the_same_piece_is_always_the_same_and_another_seed_looks_different() -> None:
    first, again, other = (
        furniture_mesh(Furniture("bed", 0, 0, 0, 0.5, seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.vertices, again.vertices)
    assert not np.array_equal(first.vertices[:20], other.vertices[:20])


def surface_above(mesh: Mesh, x: float, y: float, below: float) -> float:
    """Height of the highest surface over a point, up to ``below``."""
    a, b, c = (mesh.positions[mesh.faces[:, i]].astype(float) for i in range(3))
    u, v, w = (b - a)[:, :2], (c - a)[:, :2], np.array([x, y]) - a[:, :2]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    flat = np.abs(area) > 1e-9
    s = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0])[flat]
    t = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0])[flat]
    s, t = s / area[flat], t / area[flat]
    z = a[flat, 2] + s * (b - a)[flat, 2] + t * (c - a)[flat, 2]
    return float(z[(s >= 0) & (t >= 0) & (s + t <= 1) & (z < below)].max())


@pytest.mark.parametrize(
    ("kind", "y"),
    [
        ("chair", 0),
        ("wheelchair", 0),
        ("couch", 0),
        ("long_couch", 0),
        ("armchair", 0),
        ("bed", 0.4),
    ],
)
def test_seats_and_mattresses_have_the_height_the_script_gave(kind: str, y: float) -> None:
    mesh = furniture_mesh(Furniture(kind, 0, 0, 0, 0.47, seed=5))
    assert surface_above(mesh, 0.1, y, below=0.6) == pytest.approx(0.47, abs=0.04)


def test_unknown_furniture_is_refused_with_the_known_kinds() -> None:
    with pytest.raises(ValueError, match="known: armchair, bed"):
        furniture_mesh(Furniture("sofa", 0, 0, 0, 0.5, 1))
