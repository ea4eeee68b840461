"""The fusion stage on a CPU: all rooms at once, in 32-bit floats, equal to reference.py."""

from __future__ import annotations

import numpy as np

from edge.fusion.parameters import TAPS, FusionParameters
from edge.values import F32, FusedBatch, Mask, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

AUDIO = MODALITIES.index(Modality.AUDIO)


class CpuFusion:
    """Satisfies stages.Fusion; see reference.py for the formula."""

    def __init__(self, parameters: FusionParameters) -> None:
        self._p = parameters

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        """See stages.Fusion."""
        p = self._p
        present = window.present & window.valid.any(axis=2)
        pooled = self._temporal(window.features, window.valid & present[..., None])
        logits = np.matmul(p.expert_weight, pooled[..., None])[..., 0] + p.expert_bias
        experts = softmax(logits) * present[..., None]
        gate = self._gate(pooled, present, window.quality)
        actions = np.matmul(gate[:, None, :], experts)[:, 0]
        heard = pooled[:, AUDIO] @ p.sound_weight.T + p.sound_bias
        sounds = np.where(present[:, AUDIO, None], sigmoid(heard), np.float32(0))
        return FusedBatch(gate=gate, actions=actions, experts=experts, sounds=sounds)

    def _temporal(self, features: F32, valid: Mask) -> F32:
        """features: (R, M, T, D)   valid: (R, M, T)   returns: (R, M, D)"""
        x = np.where(valid[..., None], features, np.float32(0))
        taps = np.broadcast_to(self._p.temporal_bias[:, None, :], x.shape).copy()
        for k in range(TAPS):
            taps[:, :, k:] += self._p.temporal_kernel[:, k, None, :] * x[:, :, : x.shape[2] - k]
        y = (x + np.maximum(taps, 0)) * valid[..., None]
        count = np.maximum(valid.sum(axis=2), 1)
        pooled: F32 = (y.sum(axis=2) / count[..., None]).astype(np.float32)
        return pooled

    def _gate(self, pooled: F32, present: Mask, quality: F32) -> F32:
        """pooled: (R, M, D)   present: (R, M)   quality: (R, M, Q)   returns: (R, M)"""
        ones = np.ones((*present.shape, 1), np.float32)
        told = np.concatenate([pooled, ones, quality], axis=2) * present[..., None]
        told = told.reshape(len(told), -1)
        hidden = np.maximum(told @ self._p.gate_hidden_weight.T + self._p.gate_hidden_bias, 0)
        logits = hidden @ self._p.gate_weight.T + self._p.gate_bias
        return softmax(np.where(present, logits, np.float32(-np.inf)))


def softmax(logits: F32) -> F32:
    """logits: (..., N), -inf where masked   returns: (..., N) sums to 1; zeros if all are masked"""
    top = logits.max(axis=-1, keepdims=True)
    shifted = np.exp(logits - np.where(np.isfinite(top), top, np.float32(0)))
    total = shifted.sum(axis=-1, keepdims=True)
    share: F32 = shifted / np.where(total > 0, total, np.float32(1))
    return share


def sigmoid(logits: F32) -> F32:
    """logits: (..., N)   returns: (..., N) in (0, 1)"""
    share: F32 = (np.tanh(logits / 2) + np.float32(1)) / np.float32(2)  # cannot overflow
    return share
