"""The specification of the fusion stage: plain loops in float64, one formula a line.

A softmax mixture of experts on class scores (Yudistira & Kurita 2017, "Gated spatio and temporal
convolutional neural network for activity recognition"), with an availability mask and quality cues:

    y[m, t] = x[m, t] + relu(b[m] + sum_k kernel[m, k] * x[m, t - k])      valid steps only
    h[m]    = mean over valid t of y[m, t]                                 temporal stage
    p[m]    = softmax(W[m] h[m] + c[m])                                    expert
    g       = softmax over present m of MLP(concat_m [h[m], 1, q[m]])      absent m enter as 0
    actions = sum_m g[m] p[m]
    sounds  = sigmoid(V h[audio] + d)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.fusion.parameters import TAPS, FusionParameters
from edge.values import F32, FusedBatch, Mask, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

F64 = NDArray[np.float64]


class ReferenceFusion:
    """The formula above, room by room; satisfies stages.Fusion."""

    def __init__(self, parameters: FusionParameters) -> None:
        self._p = parameters

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        """See stages.Fusion."""
        inputs = (window.features, window.valid, window.present, window.quality)
        rooms = [self._room(*row) for row in zip(*inputs, strict=True)]
        gate, actions, experts, sounds = (
            np.array(part, np.float32) for part in zip(*rooms, strict=True)
        )
        return FusedBatch(gate=gate, actions=actions, experts=experts, sounds=sounds)

    def _room(self, x: F32, valid: Mask, present: Mask, quality: F32) -> tuple[F64, F64, F64, F64]:
        """x: (M, T, D)   valid: (M, T)   present: (M,)   quality: (M, Q)

        returns: gate (M,), actions (A,), experts (M, A), sounds (S,)
        """
        p = self._p
        present = present & valid.any(axis=1)
        pooled = np.stack([self._temporal(m, x[m], valid[m]) for m in range(len(MODALITIES))])
        experts = np.zeros((len(MODALITIES), len(ACTIONS)))
        for m in np.flatnonzero(present):
            experts[m] = softmax(
                p.expert_weight[m].astype(np.float64) @ pooled[m] + p.expert_bias[m]
            )
        gate = self._gate(pooled, present, quality)
        sounds = np.zeros(len(SOUNDS))
        audio = MODALITIES.index(Modality.AUDIO)
        if present[audio]:
            sounds = 1 / (
                1 + np.exp(-(p.sound_weight.astype(np.float64) @ pooled[audio] + p.sound_bias))
            )
        return gate, gate @ experts, experts, sounds

    def _temporal(self, m: int, x: F32, valid: Mask) -> F64:
        """x: (T, D)   valid: (T,)   returns: (D,) zeros when nothing is valid"""
        kernel, bias = self._p.temporal_kernel[m].astype(np.float64), self._p.temporal_bias[m]
        x = np.where(valid[:, None], x, 0).astype(np.float64)
        total, count = np.zeros(x.shape[1]), 0
        for t in np.flatnonzero(valid):
            taps = sum(
                (kernel[k] * x[t - k] for k in range(TAPS) if t >= k), start=bias.astype(np.float64)
            )
            total += x[t] + np.maximum(taps, 0)
            count += 1
        return total / max(count, 1)

    def _gate(self, pooled: F64, present: Mask, quality: F32) -> F64:
        """pooled: (M, D)   present: (M,)   quality: (M, Q)   returns: (M,) sums to 1, or zeros"""
        p = self._p
        if not present.any():
            return np.zeros(len(MODALITIES))
        told = np.concatenate([pooled, np.ones((len(MODALITIES), 1)), quality], axis=1)
        told[~present] = 0
        hidden = np.maximum(
            p.gate_hidden_weight.astype(np.float64) @ told.ravel() + p.gate_hidden_bias, 0
        )
        logits = p.gate_weight.astype(np.float64) @ hidden + p.gate_bias
        weights = np.zeros(len(MODALITIES))
        weights[present] = softmax(logits[present])
        return weights


def softmax(logits: F64) -> F64:
    """logits: (N,)   returns: (N,) positive, sums to 1"""
    shifted = np.exp(logits - logits.max())
    share: F64 = shifted / shifted.sum()
    return share
