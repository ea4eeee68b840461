"""Matrices of cameras and lights, and the light of a scene in the form the shaders want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engines.rooms.mesh import unit
from engines.rooms.room import Window
from engines.rooms.scene import Light, Scene

F64 = NDArray[np.float64]

NEAR_M, FAR_M = 0.05, 20.0
_SUN_AIM = np.array([0.0, 0.0, 0.5])
_LAMP_CONE_RAD = 2.4


def perspective(hfov_rad: float, aspect: float, near: float = NEAR_M, far: float = FAR_M) -> F64:
    """(4, 4) clip-from-view of a pinhole looking along -z."""
    f = 1.0 / np.tan(hfov_rad / 2)
    depth, shift = (far + near) / (near - far), 2 * far * near / (near - far)
    return np.array([[f, 0, 0, 0], [0, f * aspect, 0, 0], [0, 0, depth, shift], [0, 0, -1.0, 0]])


def look_at(position: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> F64:
    """(4, 4) view-from-world without roll."""
    eye = np.asarray(position, float)
    forward = unit(np.asarray(target, float) - eye)
    right = unit(np.cross(forward, np.asarray(up, float)))
    view = np.eye(4)
    view[:3, :3] = np.stack([right, np.cross(right, forward), -forward])
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def sun_direction(light: Light) -> F64:
    """(3,) unit vector towards the sun."""
    return unit(light.position - _SUN_AIM)


def light_matrix(light: Light) -> F64:
    """(4, 4) shadow-clip-from-world: a cone below a lamp, or parallel rays of the sun."""
    if not light.is_sun:
        below = light.position * np.array([1.0, 1.0, 0.0])
        cone = perspective(_LAMP_CONE_RAD, 1.0, NEAR_M, 9.0)
        return cone @ look_at(light.position, below, (0.02, 1.0, 0.01))
    parallel = np.diag([1 / 4.5, 1 / 4.5, -2 / 14.0, 1.0])
    parallel[2, 3] = -1.0
    far_away = _SUN_AIM + 7.0 * sun_direction(light)
    return parallel @ look_at(far_away, _SUN_AIM, (0.01, 0.02, 1.0))


@dataclass(frozen=True, slots=True)
class Daylight:
    """The window that lights the room, as an area light of ``strength``."""

    window: Window
    strength: float


def daylight_of(scene: Scene, windows: tuple[Window, ...]) -> Daylight:
    """The window facing the sun, or the first one; strength 0 without a window and at night."""
    nowhere = Window(np.zeros(3), np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), (0.0, 0.0))
    if not windows or scene.dark:
        return Daylight(windows[0] if windows else nowhere, 0.0)
    if not scene.light.is_sun:
        return Daylight(windows[0], 0.3)
    sun = sun_direction(scene.light)
    facing = max(windows, key=lambda w: float(-w.normal @ sun))
    return Daylight(facing, 1.5 * float(scene.light.colour.mean()))
