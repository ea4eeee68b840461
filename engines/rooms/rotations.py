"""Rotation and easing maths on arrays; matrices act on column vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

F64 = NDArray[np.float64]
EYE: F64 = np.eye(3)
_TINY = 1e-9


def unit(v: F64) -> F64:
    """Scale vectors (..., 3) to length one; a zero vector stays zero."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), _TINY))


def turn(pitch: float = 0.0, roll: float = 0.0, yaw: float = 0.0) -> F64:
    """(3, 3) rotation about x (positive leans a person facing -y forward), then y, then z."""
    return np.asarray(Rotation.from_euler("xyz", [pitch, roll, yaw], degrees=True).as_matrix())


def yaw_matrices(yaw_deg: ArrayLike) -> F64:
    """(T,) degrees -> (T, 3, 3) rotations about the vertical."""
    angle = np.radians(np.asarray(yaw_deg, float))
    return rotvec_matrices(angle[..., None] * np.array([0.0, 0, 1]))


def rotvec_matrices(rotvec: F64) -> F64:
    """Rotation vectors (..., 3) in radians -> (..., 3, 3)."""
    flat = np.reshape(rotvec, (-1, 3))
    return np.asarray(Rotation.from_rotvec(flat).as_matrix()).reshape(*rotvec.shape[:-1], 3, 3)


def matrices_rotvec(m: F64) -> F64:
    """(..., 3, 3) -> rotation vectors (..., 3) in radians."""
    flat = np.asarray(Rotation.from_matrix(m.reshape(-1, 3, 3)).as_rotvec())
    return flat.reshape(*m.shape[:-2], 3)


def slerp(a: F64, b: F64, s: Any) -> F64:
    """Turn rotations ``a`` (..., 3, 3) by the fraction ``s`` (scalar or (...)) towards ``b``."""
    a, b = np.broadcast_arrays(a, b)
    rotvec = matrices_rotvec(b @ np.swapaxes(a, -1, -2))
    return rotvec_matrices(rotvec * np.asarray(s, float)[..., None]) @ a


def between(a: F64, b: F64) -> F64:
    """Find the smallest rotation (3, 3) from the direction of ``a`` to that of ``b``."""
    a, b = unit(a), unit(b)
    v, c = np.cross(a, b), float(a @ b)
    if c < -0.9999:
        return rotvec_matrices(np.pi * unit(np.cross(a, [0.0, 1, 0])))
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(EYE + k + k @ k / (1 + c))


def minimum_jerk(s: Any) -> F64:
    """Ease 0..1 with zero speed and acceleration at both ends; clamps outside."""
    s = np.clip(s, 0.0, 1.0)
    return np.asarray(s * s * s * (10 - 15 * s + 6 * s * s))


def two_bone(origin: F64, target: F64, upper: float, lower: float, pole: F64) -> tuple[F64, F64]:
    """Two-bone inverse kinematics over frames.

    origin, target, pole: (T, 3); the middle joint bends towards ``pole``
    returns: (T, 3) middle and end joint; the end stays on the line to a target out of reach
    """
    reach = target - origin
    length = np.linalg.norm(reach, axis=-1, keepdims=True)
    u = reach / np.maximum(length, _TINY)
    length = np.clip(length, abs(upper - lower) + 0.02, (upper + lower) * 0.998)
    bend = unit(pole - u * (pole * u).sum(-1, keepdims=True))
    cosine = np.clip((upper**2 + length**2 - lower**2) / (2 * upper * length), -1, 1)
    middle = origin + upper * (cosine * u + np.sqrt(1 - cosine**2) * bend)
    return middle, origin + u * length


def segment_rotation(direction: F64, back: F64) -> F64:
    """Aim a hanging segment along ``direction`` with its back to ``back``: (T, 3) -> (T, 3, 3)."""
    z = -unit(direction)
    y = unit(back - z * (back * z).sum(-1, keepdims=True))
    return np.stack([np.cross(y, z), y, z], -1)
