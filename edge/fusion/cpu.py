"""The fusion stage on a CPU: all rooms at once, in 32-bit floats, equal to reference.py."""

from __future__ import annotations

import numpy as np

from edge.fusion.parameters import HEADS, TAPS, FusionParameters
from edge.values import F32, FusedBatch, Mask, WindowFeatures
from edge.vocabulary import MODALITIES, Modality

AUDIO = MODALITIES.index(Modality.AUDIO)
MASKED = np.float32(-3e4)
"""Score of what is not there: its share underflows to 0, and half precision can hold it."""


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
        opinions = log_softmax(logits)
        log_gate = self._log_gate(pooled, present, window.quality)
        gate, experts = np.exp(log_gate) * present, np.exp(opinions) * present[..., None]
        actions = self._pool(log_gate, opinions) * present.any(axis=1, keepdims=True)
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
        parts = y.reshape(*y.shape[:3], HEADS, -1).swapaxes(2, 3)  # (R, M, N, T, D / N)
        query = self._p.temporal_query.reshape(len(MODALITIES), HEADS, -1, 1)
        scores = np.matmul(parts, query)[..., 0] + self._p.temporal_age
        share = np.exp(log_softmax(np.where(valid[:, :, None], scores, MASKED)))
        pooled: F32 = np.matmul(share[..., None, :], parts).reshape(*y.shape[:2], -1)
        return pooled

    def _log_gate(self, pooled: F32, present: Mask, quality: F32) -> F32:
        """pooled: (R, M, D)   present: (R, M)   quality: (R, M, Q)   returns: (R, M) log g"""
        ones = np.ones((*present.shape, 1), np.float32)
        told = np.concatenate([pooled, ones, quality], axis=2) * present[..., None]
        told = told.reshape(len(told), -1)
        hidden = np.maximum(told @ self._p.gate_hidden_weight.T + self._p.gate_hidden_bias, 0)
        logits = hidden @ self._p.gate_weight.T + self._p.gate_bias
        return log_softmax(np.where(present, logits, MASKED))

    def _pool(self, log_gate: F32, opinions: F32) -> F32:
        """log_gate: (R, M)   opinions: (R, M, A) log p   returns: (R, A)"""
        power, listened_to = self._p.pool_power, 1 / (np.exp(log_gate) ** 2).sum(axis=1)
        sharpness = listened_to[:, None] ** self._p.pool_independence
        terms = log_gate[..., None] + power * opinions
        top = terms.max(axis=1)
        mean = (top + np.log(np.exp(terms - top[:, None]).sum(axis=1))) / power
        actions: F32 = np.exp(log_softmax(sharpness * mean))
        return actions


def log_softmax(logits: F32) -> F32:
    """logits: (..., N)   returns: (..., N) logarithms of numbers that sum to 1"""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logs: F32 = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs


def sigmoid(logits: F32) -> F32:
    """logits: (..., N)   returns: (..., N) in (0, 1)"""
    share: F32 = (np.tanh(logits / 2) + np.float32(1)) / np.float32(2)  # cannot overflow
    return share
