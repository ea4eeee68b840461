"""Does the gate on this device compute what the one on the CPU does? Asked at every start.

A driver, compiler or board that gets it wrong must not decide about anybody.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from edge.device import Device
from edge.errors import CudaError
from edge.fusion.cpu import CpuFusion
from edge.fusion.cuda import CudaFusion
from edge.fusion.parameters import QUALITY_CUES, FusionParameters
from edge.fusion.ring import Tickets
from edge.values import AUDIO_STEPS, F32, FEATURE_DIM, VIDEO_STEPS, FusedBatch, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

TOLERANCE = 0.02
"""In any score or weight; half precision costs about a tenth of it, a mistake far more."""


def check_gate(device: Device, fusion: CudaFusion, parameters: FusionParameters) -> None:
    """Compare on noise, with and without every modality.  Raises: CudaError when they differ."""
    window = _noise()
    wanted = CpuFusion(parameters).fuse(window)
    tickets = put_features(device, fusion, window.features)
    found = fusion.fuse(WindowFeatures(tickets, window.valid, window.present, window.quality))
    error = largest_difference(found, wanted)
    if not error <= TOLERANCE:  # also when it is not a number
        raise CudaError(f"the gate on {device.info.name} is wrong by {error:.3g}; see doctor")


def largest_difference(a: FusedBatch, b: FusedBatch) -> float:
    """Of all scores and weights; not a number when one of them is not."""
    pairs = ((getattr(a, field.name), getattr(b, field.name)) for field in fields(FusedBatch))
    return float(np.max([np.abs(mine - other).max() for mine, other in pairs]))


def _noise() -> WindowFeatures:
    """A room with all modalities, and one without each of them; every third step is missing."""
    m = len(MODALITIES)
    random = np.random.default_rng(0)
    present = np.concatenate([np.ones((1, m), np.bool_), ~np.eye(m, dtype=np.bool_)])
    valid = np.zeros((m + 1, m, VIDEO_STEPS), np.bool_)
    for i, modality in enumerate(MODALITIES):
        valid[:, i, : AUDIO_STEPS if modality is Modality.AUDIO else VIDEO_STEPS] = True
    valid[..., ::3] = False
    features = random.standard_normal((*valid.shape, FEATURE_DIM)).astype(np.float32)
    quality = random.random((m + 1, m, len(QUALITY_CUES))).astype(np.float32)
    return WindowFeatures(features, valid, present, quality)


def put_features(device: Device, fusion: CudaFusion, features: F32) -> Tickets:
    """Put (R, M, T, D) features into the ring as encoders do; returns (R, M, T) tickets."""
    stream = device.stream()
    tickets = np.zeros((len(features), len(MODALITIES), VIDEO_STEPS), np.int64)
    for i, modality in enumerate(MODALITIES):
        rows = device.upload(features[:, i].reshape(-1, FEATURE_DIM))
        put = fusion.ring.put(modality, rows, rows.shape[0], stream)
        tickets[:, i] = put.reshape(len(features), -1)
    stream.synchronize()
    return tickets
