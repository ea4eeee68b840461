"""What a signal is like, as cheap numbers in [0, 1], and whether it is fit to be used at all.

Each ``*_cues`` returns (2,) float32: level and detail, see ``fusion.parameters.QUALITY_CUES``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import FLOW_SCALE
from edge.values import F32

_BLACK_STD = 1.0  # luma steps; a covered lens or a dead sensor, not a dark room
_MIN_VALID_DEPTH = 0.02  # a person cut out of the room may fill no more than 3 %
_SILENCE_DBFS = -80.0  # a muted microphone or an empty track; a quiet room is louder
_FLOOR_DBFS = -60.0
_FAST_PX = 4.0  # mean flow at which the level is 1
_MOVING_PX = 0.5
_WIDE_MM = 2_000.0  # standard deviation of depth at which the detail is 1
_SPIKY_DB = 30.0  # crest factor at which the detail is 1


def rgb_cues(luma: NDArray[np.uint8]) -> F32:
    """luma: (h, w)   returns: mean brightness, contrast"""
    return _cues(float(luma.mean()) / 255, float(luma.std()) / 128)


def rgb_is_usable(luma: NDArray[np.uint8]) -> bool:
    """False for a picture of one colour.  luma: (h, w)"""
    return float(luma.std()) >= _BLACK_STD


def flow_cues(flow: NDArray[np.int8]) -> F32:
    """flow: (h, w, 2) in eighths of a pixel   returns: mean speed, share of moving pixels"""
    squares = flow.astype(np.int32) ** 2
    speed = np.sqrt(squares[..., 0] + squares[..., 1]) / FLOW_SCALE
    return _cues(float(speed.mean()) / _FAST_PX, float((speed > _MOVING_PX).mean()))


def depth_cues(depth_mm: NDArray[np.uint16]) -> F32:
    """depth_mm: (h, w), 0 = no return   returns: valid share, spread of distances"""
    valid = depth_mm[depth_mm > 0]
    spread = float(valid.std()) if valid.size else 0.0
    return _cues(valid.size / depth_mm.size, spread / _WIDE_MM)


def depth_is_usable(depth_mm: NDArray[np.uint16]) -> bool:
    """False when nearly nothing returns.  depth_mm: (h, w)"""
    return bool(np.count_nonzero(depth_mm) >= _MIN_VALID_DEPTH * depth_mm.size)


def audio_cues(patch: F32) -> F32:
    """patch: (N,) in [-1, 1]   returns: loudness above -60 dBFS, crest factor"""
    rms = _rms(patch)
    peak = float(np.abs(patch).max(initial=0.0))
    crest_db = _decibels(peak) - _decibels(rms) if rms > 0 else 0.0
    return _cues(1 - _decibels(rms) / _FLOOR_DBFS, crest_db / _SPIKY_DB)


def audio_is_usable(patch: F32) -> bool:
    """False for digital silence.  patch: (N,) in [-1, 1]"""
    return _decibels(_rms(patch)) >= _SILENCE_DBFS


def _rms(patch: F32) -> float:
    return float(np.sqrt(np.mean(np.square(patch, dtype=np.float64)))) if patch.size else 0.0


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-9)))


def _cues(level: float, detail: float) -> F32:
    return np.clip(np.array([level, detail], np.float32), 0, 1)
