"""Turn scenes into aligned colour, depth and segmentation pictures, off screen, on CPU or GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from engines.rooms.appearance import Appearance, dress
from engines.rooms.bodies import GROUP, body_library
from engines.rooms.clutter import cup, dropped_object, strew
from engines.rooms.furniture import furniture_mesh
from engines.rooms.gpu import Drawable, Gpu, RenderError
from engines.rooms.materials import vivid
from engines.rooms.mesh import Mesh, MeshBuilder, unit
from engines.rooms.optics import (
    daylight_of,
    light_matrix,
    look_at,
    perspective,
    sun_direction,
)
from engines.rooms.room import RoomModel, build_room
from engines.rooms.scene import FPS, Actor, Scene

__all__ = ["RenderError", "Rendered", "Renderer"]

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_GRIP_BEYOND_WRIST_M, _CUP_BELOW_GRIP_M = 0.09, 0.05
_OUT_OF_SIGHT = np.array([0.0, 0.0, -9.0], np.float32)  # below the floor


@dataclass(frozen=True, slots=True)
class Rendered:
    """One clean frame."""

    rgb: U8  # (H, W, 3) sRGB
    depth_m: F32  # (H, W) along the optical axis; 0 where nothing is
    actor: U8  # (H, W) 0, or 1 + index into Scene.actors


@dataclass(frozen=True, slots=True)
class _Mover:
    drawable: Drawable
    frames: Iterator[F32]  # (V, 6) a frame


class Renderer:
    """Renders scenes at one picture size; RenderError where off-screen OpenGL is missing.

    ``supersample`` renders that many times larger each way and averages the colours.
    """

    def __init__(self, width: int = 320, height: int = 240, supersample: int = 1) -> None:
        self._size, self._factor = (width, height), supersample
        self._gpu = Gpu(width * supersample, height * supersample)
        self._closed = False

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._gpu.close()

    def render(self, scene: Scene) -> Iterator[Rendered]:
        """Yield ``scene.frames`` pictures; without actors all are one and the same object.

        One scene at a time: beginning another spoils what an unfinished one yields.
        """
        room, (shell, furnished) = _still_meshes(scene)
        self._gpu.set(_uniforms(scene, room, self._size))
        pieces = [self._gpu.upload(furnished)] if len(furnished.faces) else []
        still = [self._gpu.upload(shell), *pieces]
        movers: list[_Mover] = []
        try:
            self._gpu.draw_still(still, pieces)
            for index, actor in enumerate(scene.actors):
                movers += self._actor(actor, index + 1)
            if not movers:
                yield from repeat(self._frame([]), scene.frames)
                return
            drawables = [mover.drawable for mover in movers]
            for _ in range(scene.frames):
                for mover in movers:
                    mover.drawable.move(next(mover.frames))
                yield self._frame(drawables)
        finally:
            # an abandoned iterator may end after the context that owned its buffers
            for drawable in () if self._closed else (*still, *(m.drawable for m in movers)):
                drawable.release()

    def _actor(self, actor: Actor, label: int) -> list[_Mover]:
        """The person and, if any, the cup in their hand."""
        person = dress(body_library(), actor.body, actor.looks_seed)
        drawable = self._gpu.upload(person.mesh, label, moves=True)
        movers = [_Mover(drawable, person.frames(actor.rotations, actor.root))]
        if actor.held_in is not None:
            mesh = _cup(actor.looks_seed)
            held = self._gpu.upload(mesh, moves=True)
            movers.append(_Mover(held, _held_frames(person, actor, actor.held_in, mesh)))
        return movers

    def _frame(self, drawables: list[Drawable]) -> Rendered:
        self._gpu.draw(drawables)
        colour, metres = self._gpu.read()
        rgb, k = np.ascontiguousarray(colour[..., :3]), self._factor
        if k > 1:
            import cv2

            rgb = np.asarray(cv2.resize(rgb, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        # the middle sample of each block, not its corner: half a pixel matters at edges
        middle = slice(k // 2, None, k)
        depth = np.ascontiguousarray(metres[middle, middle])
        return Rendered(rgb, depth, np.ascontiguousarray(colour[middle, middle, 3]))


def _still_meshes(scene: Scene) -> tuple[RoomModel, tuple[Mesh, Mesh]]:
    """The room, its shell and everything else that never moves."""
    room, rest = build_room(scene), MeshBuilder()
    rest.add(room.fittings.vertices, room.fittings.faces)
    for piece in (*scene.furniture, *strew(scene)):
        mesh = furniture_mesh(piece)
        rest.add(mesh.vertices, mesh.faces)
    for prop in scene.props:
        dropped_object(rest, (prop.x, prop.y, prop.z), prop.seed)
    return room, (room.shell, rest.build())


def _uniforms(scene: Scene, room: RoomModel, size: tuple[int, int]) -> dict[str, object]:
    camera, light, daylight = scene.camera, scene.light, daylight_of(scene, room.windows)
    projection = perspective(np.radians(camera.hfov_deg), size[0] / size[1])
    projection[1] *= -1  # so that the picture reads back top row first
    window = daylight.window
    return {
        "projection": projection,
        "view": look_at(camera.position, camera.target),
        "light_matrix": light_matrix(light),
        "eye": camera.position,
        "light_at": light.position,
        "light_colour": light.colour,
        "ambient_sky": light.ambient_sky,
        "ambient_floor": light.ambient_floor,
        "room_half": np.array(scene.room_m) / 2,
        "sun": sun_direction(light) if light.is_sun else np.zeros(3),
        "window_at": window.centre,
        "window_normal": window.normal,
        "window_along": window.along,
        "window_half": window.half,
        "daylight": daylight.strength,
    }


def _cup(seed: int) -> Mesh:
    builder = MeshBuilder()
    cup(builder, (0.0, 0.0, 0.0), vivid(np.random.default_rng([seed, 0xCC])))
    return builder.build()


def _held_frames(person: Appearance, actor: Actor, hand: str, mesh: Mesh) -> Iterator[F32]:
    """(V, 6) of an upright cup in the fist, frame by frame."""
    _, places = person.body.fk(actor.rotations, actor.root)
    wrist = places[:, GROUP[hand]]
    along = unit(wrist - places[:, GROUP[hand.replace("hand", "forearm")]])
    grip = wrist + _GRIP_BEYOND_WRIST_M * along - np.array([0.0, 0.0, _CUP_BELOW_GRIP_M])
    start_s, end_s = actor.held_s or (0.0, float("inf"))
    for frame, at in enumerate(grip.astype(np.float32)):
        if not start_s <= frame / FPS <= end_s:
            at = _OUT_OF_SIGHT
        yield np.concatenate([mesh.positions + at, mesh.normals], 1)
