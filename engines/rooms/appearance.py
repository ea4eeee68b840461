"""How a person looks: skin, clothes and hair from a seed, skinned to every frame of a motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.rooms.bodies import GROUP, GROUPS, SKIN_VERTICES, Body, BodyLibrary
from engines.rooms.materials import FABRIC_PATTERNS, fabric, painted, rgb
from engines.rooms.mesh import WIDTH, Material, Mesh, Pattern, unit

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]
Rng = np.random.Generator

_CELL_M = 0.014  # skin vertices closer than this merge: about a pixel at 2 m
_CHEST_COVER_M = 0.02  # clothes end this far below the neck joint
_FACE_BELOW_M, _FACE_BEFORE_M = 0.085, -0.045  # from the head joint: no hair hangs here
_EYE_M, _EYE_RADIUS_M = (0.027, 0.04), 0.013  # aside of and above the head joint
_EYE = Material((0.16, 0.12, 0.1), (0.16, 0.12, 0.1), gloss=0.5)
_SKIN_TONES = (0.9, 0.8, 0.65, 0.45, 0.3)
_SKIN_SHARES = (0.35, 0.3, 0.15, 0.1, 0.1)
_HAIR = ((0.8, 0.8, 0.8), (0.55, 0.55, 0.57), (0.12, 0.09, 0.07), (0.35, 0.22, 0.12),
         (0.75, 0.6, 0.35))  # fmt: skip
_HAIR_SHARES = (0.35, 0.2, 0.15, 0.2, 0.1)


def _groups(*stems: str) -> list[int]:
    return [GROUP[g] for g in GROUPS if g in stems or g[:-2] in stems]


@dataclass(frozen=True)
class Appearance:
    """A dressed person, ready to move."""

    body: Body
    mesh: Mesh  # rest pose
    bases: tuple[F32, F32]  # (V, 4 G) of positions, (V, 3 G) of normals: weights times rest vectors

    def frames(self, rotations: F64, root: F64) -> Iterator[F32]:
        """Skin a motion; rotations (T, S, 3, 3), root (T, 3) -> T times (V, 6) position, normal."""
        turned, places = self.body.fk(rotations, root)
        shift = places - np.einsum("tgij,gj->tgi", turned, self.body.joints)
        columns = turned.swapaxes(-1, -2)  # (T, G, input axis, output axis)
        affine = np.concatenate([columns, shift[:, :, None]], 2).astype(np.float32)
        for t in range(len(root)):
            position = self.bases[0] @ affine[t].reshape(-1, 3)
            normal = self.bases[1] @ affine[t, :, :3].reshape(-1, 3)
            yield np.concatenate([position, normal], 1)


@dataclass(frozen=True)
class _Parts:
    """Which rest vertices are what; masks over all V vertices."""

    owner: NDArray[np.intp]  # group with the largest weight
    skin: Mask
    clothes: Mask
    skirt: Mask
    hair: Mask
    upper: Mask  # above the waist

    def of(self, *stems: str) -> Mask:
        """Vertices that belong to these groups, both sides."""
        return np.isin(self.owner, _groups(*stems))


@dataclass(frozen=True)
class _Outfit:
    """The dice of one person."""

    has_hair: bool
    wears_skirt: bool
    short_sleeves: bool
    bare_legs: bool
    shoes: bool
    looseness: tuple[float, float]  # m off the body: top, trousers
    hair_length: float  # m below the ears


def dress(library: BodyLibrary, body_index: int, looks_seed: int) -> Appearance:
    """The person of this body in the clothes of this seed; always the same."""
    body, rng = library[body_index], np.random.default_rng([looks_seed, 0xB0])
    parts = _split(library, body)
    outfit = _outfit(body, rng)
    faces = _visible_faces(library, body, parts, outfit)
    normals = _vertex_normals(body.vertices, faces)
    bare = _bare(parts, outfit)
    vertices = body.vertices + normals * _puff(body, parts, outfit, bare, rng)[:, None]
    packed = np.zeros((len(vertices), WIDTH), np.float32)
    packed[:, :3], packed[:, 3:6], packed[:, 6:9] = vertices, normals, body.vertices
    _paint(packed, body, parts, outfit, bare, rng)
    used, compact = np.unique(faces, return_inverse=True)
    mesh = Mesh(packed[used], compact.reshape(-1, 3).astype(np.int32))
    weights = body.weights[used][:, :, None]
    solid = np.concatenate([mesh.positions, np.ones((len(used), 1), np.float32)], 1)
    bases = tuple((weights * v[:, None]).reshape(len(used), -1) for v in (solid, mesh.normals))
    return Appearance(body, mesh, (bases[0], bases[1]))


def _outfit(body: Body, rng: Rng) -> _Outfit:
    skirt = not body.is_male and rng.random() < 0.3
    return _Outfit(
        has_hair=bool(rng.random() < (0.8 if body.is_male else 0.98)),
        wears_skirt=bool(skirt),
        short_sleeves=bool(rng.random() < 0.4),
        bare_legs=bool(skirt or rng.random() < 0.12),
        shoes=bool(rng.random() < 0.85),
        looseness=(float(rng.uniform(0.004, 0.022)), float(rng.uniform(0.004, 0.02))),
        hair_length=-0.02 if body.is_male else float(rng.uniform(0.0, 0.2)),
    )


def _split(library: BodyLibrary, body: Body) -> _Parts:
    count = len(body.vertices)

    def mask(name: str) -> Mask:
        out = np.zeros(count, bool)
        out[library.faces[name]] = True
        return out

    waist = body.joints[GROUP["pelvis"], 2] + 0.06 * body.height
    skin = np.arange(count) < SKIN_VERTICES
    return _Parts(
        owner=body.weights.argmax(1), skin=skin, clothes=mask("tights") & ~skin,
        skirt=mask("skirt") & ~skin, hair=mask("hair") & ~skin, upper=body.vertices[:, 2] > waist,
    )  # fmt: skip


def _visible_faces(library: BodyLibrary, body: Body, parts: _Parts, outfit: _Outfit) -> I32:
    """Skin that clothes do not hide, thinned to about a pixel, then clothes and hair."""
    z = body.vertices[:, 2]
    covered = parts.of(
        "pelvis", "spine_5", "spine_4", "spine_3", "spine_2", "thigh", "upper_arm", "shank"
    )
    covered |= parts.of("chest", "clavicle") & (z < body.joints[GROUP["neck"], 2] - _CHEST_COVER_M)
    skin = library.faces["body"]
    skin = skin[(skin < SKIN_VERTICES).all(1)]
    skin = _thin(skin[~covered[skin].all(1)], body.vertices, parts.owner)
    shown = [skin, library.faces["tights"]]
    if outfit.wears_skirt:
        shown.append(library.faces["skirt"])
    if outfit.has_hair:
        at = body.vertices - body.joints[GROUP["head"]]
        face = (at[:, 1] < _FACE_BEFORE_M) & (at[:, 2] < _FACE_BELOW_M)
        hair = library.faces["hair"]
        grown = (at[:, 2] > -outfit.hair_length)[hair].all(1)
        shown.append(hair[grown & ~face[hair].any(1)])
    return np.concatenate(shown).astype(np.int32)


def _thin(faces: I32, vertices: F32, owner: NDArray[np.intp]) -> I32:
    """Merge vertices of one group in one grid cell; triangles that collapse go."""
    cell = np.floor(vertices / _CELL_M).astype(np.int64)
    key = np.concatenate([owner[:, None], cell], 1)[:SKIN_VERTICES]
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    merged = first[inverse.ravel()][faces]
    a, b, c = merged.T
    kept: I32 = np.unique(merged[(a != b) & (b != c) & (a != c)], axis=0).astype(np.int32)
    return kept


def _vertex_normals(vertices: F32, faces: I32) -> F32:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(total, faces[:, i], normal)
    return unit(total).astype(np.float32)


def _bare(parts: _Parts, outfit: _Outfit) -> Mask:
    """Cloth vertices that stand for naked arms or legs."""
    bare = np.zeros(len(parts.owner), bool)
    if outfit.short_sleeves:
        bare |= parts.of("forearm", "hand")
    if outfit.bare_legs:
        bare |= parts.of("shank")
    return bare & parts.clothes


def _puff(body: Body, parts: _Parts, outfit: _Outfit, bare: Mask, rng: Rng) -> F32:
    """(V,) m by which cloth with its folds, and hair, stand off the body."""
    x, y, z = body.vertices.T
    folds = 0.006 * np.sin(z * 35 + x * 20 + rng.uniform(0, 6)) * np.sin(z * 17 + y * 25)
    cloth = np.where(parts.upper, *outfit.looseness) + folds
    cloth = np.where(bare, 0.001, cloth)
    hair = rng.uniform(0.004, 0.02) + 0.008 * np.sin(x * 90) * np.sin(y * 70)
    puff: F32 = np.where(parts.clothes, cloth, np.where(parts.hair, hair, 0.0)).astype(np.float32)
    return puff


def _paint(v: F32, body: Body, parts: _Parts, outfit: _Outfit, bare: Mask, rng: Rng) -> None:
    """Fill in colours and patterns."""
    tone = float(rng.choice(_SKIN_TONES, p=_SKIN_SHARES))
    flesh = np.array([1.0, 0.78, 0.66]) * tone + np.array([0, 0.02, 0.02]) * rng.normal()
    skin = Material(rgb(flesh), rgb(flesh * 0.93), gloss=0.08)
    top = fabric(rng)
    legs = painted(rng, (0, 0.5), (0.08, 0.6), FABRIC_PATTERNS[:4])
    if rng.random() < 0.15:  # pyjamas, a gown
        legs = top
    shade = np.array(_HAIR[int(rng.choice(len(_HAIR), p=_HAIR_SHARES))]) * rng.uniform(0.8, 1.1)
    hair = Material(rgb(shade), rgb(shade * 0.7), Pattern.GRAIN, gloss=0.15)
    at = v[:, :3] - body.joints[GROUP["head"]]
    head = parts.skin & parts.of("head")
    behind = (at[:, 1] > 0.01) & (at[:, 2] > 0.0)
    eyes = np.hypot(np.abs(at[:, 0]) - _EYE_M[0], at[:, 2] - _EYE_M[1]) < _EYE_RADIUS_M
    _apply(v, np.ones(len(v), bool), skin)
    _apply(v, head & eyes & (at[:, 1] < _FACE_BEFORE_M), _EYE)
    _apply(v, parts.clothes & parts.upper, top)
    _apply(v, (parts.clothes & ~parts.upper) | parts.skirt, legs)
    _apply(v, bare, skin)
    if outfit.shoes:
        _apply(v, parts.of("foot"), painted(rng, (0, 0.4), (0.05, 0.7), gloss=0.15))
    if outfit.has_hair:
        _apply(v, (head & (behind | (at[:, 2] > _FACE_BELOW_M))) | parts.hair, hair)


def _apply(v: F32, where: Mask, material: Material) -> None:
    v[where, 9:13] = (*material.colour, material.glow)
    v[where, 13:17] = (*material.accent, material.gloss)
    v[where, 17] = material.pattern
