"""The specification of the fusion stage: plain loops in float64, one formula a line.

A softmax mixture of experts on class scores (Yudistira & Kurita 2017, "Gated spatio and temporal
convolutional neural network for activity recognition"), with an availability mask and quality cues,
whose opinions are pooled by a weighted power mean, between the linear and the logarithmic pool
(Genest & Zidek 1986, "Combining probability distributions"):

    y[m, t]    = x[m, t] + relu(b[m] + sum_k kernel[m, k] * x[m, t - k])   valid steps only
    s[m, n, t] = query[m, n] . y[m, t, n] + age[m, n, t]                   n: head, and its channels
    h[m, n]    = sum_t softmax(s[m, n] over valid t)[t] * y[m, t, n]       temporal stage
    p[m]       = softmax(W[m] h[m] + c[m])                                 expert
    g          = softmax over present m of MLP(concat_m [h[m], 1, q[m]])   absent m enter as 0
    mean       = (sum_m g[m] p[m] ** power) ** (1 / power)                 present m only
    sharpness  = (1 / sum_m g[m] ** 2) ** independence                     1 for one m alone
    actions    = mean ** sharpness / sum of mean ** sharpness
    sounds     = sigmoid(V h[audio] + d)

With query = age = 0 a head takes the mean over its valid steps. With power = 1, independence = 0
the actions are the plain mixture sum_m g[m] p[m]; towards power = 0 they become its logarithmic
form softmax(sharpness * sum_m g[m] log p[m]), with independence = 1 and n equal weights the product
of n opinions. 1 / sum g ** 2 is how many experts the gate listens to; as they are not independent,
they are worth fewer (Jacobs 1995, "Methods for combining experts' probability assessments"), and a
calibrated expert that is left alone is made no surer than it is. All is computed on logarithms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.fusion.parameters import HEADS, TAPS, FusionParameters
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
        opinions = np.zeros((len(MODALITIES), len(ACTIONS)))
        for m in np.flatnonzero(present):
            logits = p.expert_weight[m].astype(np.float64) @ pooled[m] + p.expert_bias[m]
            opinions[m] = log_softmax(logits)
        log_gate = self._log_gate(pooled, present, quality)
        actions = self._pool(log_gate[present], opinions[present])
        gate, experts = np.zeros(len(MODALITIES)), np.zeros_like(opinions)
        gate[present], experts[present] = np.exp(log_gate[present]), np.exp(opinions[present])
        sounds = np.zeros(len(SOUNDS))
        audio = MODALITIES.index(Modality.AUDIO)
        if present[audio]:
            heard = p.sound_weight.astype(np.float64) @ pooled[audio] + p.sound_bias
            sounds = np.exp(-np.logaddexp(0, -heard))
        return gate, actions, experts, sounds

    def _temporal(self, m: int, x: F32, valid: Mask) -> F64:
        """x: (T, D)   valid: (T,)   returns: (D,) zeros when nothing is valid"""
        kernel, bias = self._p.temporal_kernel[m].astype(np.float64), self._p.temporal_bias[m]
        x = np.where(valid[:, None], x, 0).astype(np.float64)
        steps = np.flatnonzero(valid)
        y = np.zeros(x.shape)
        for t in steps:
            taps = sum(
                (kernel[k] * x[t - k] for k in range(TAPS) if t >= k), start=bias.astype(np.float64)
            )
            y[t] = x[t] + np.maximum(taps, 0)
        if not len(steps):
            return np.zeros(x.shape[1])
        heads = zip(
            np.split(y[steps], HEADS, axis=1),
            np.split(self._p.temporal_query[m].astype(np.float64), HEADS),
            self._p.temporal_age[m][:, steps],
            strict=True,
        )
        return np.concatenate(
            [np.exp(log_softmax(part @ query + age)) @ part for part, query, age in heads]
        )

    def _log_gate(self, pooled: F64, present: Mask, quality: F32) -> F64:
        """pooled: (M, D)   present: (M,)   quality: (M, Q)   returns: (M,) log g, 0 where absent"""
        p = self._p
        weights = np.zeros(len(MODALITIES))
        if not present.any():
            return weights
        told = np.concatenate([pooled, np.ones((len(MODALITIES), 1)), quality], axis=1)
        told[~present] = 0
        hidden = np.maximum(
            p.gate_hidden_weight.astype(np.float64) @ told.ravel() + p.gate_hidden_bias, 0
        )
        logits = p.gate_weight.astype(np.float64) @ hidden + p.gate_bias
        weights[present] = log_softmax(logits[present])
        return weights

    def _pool(self, log_gate: F64, opinions: F64) -> F64:
        """log_gate: (P,)   opinions: (P, A) log p of who is present   returns: (A,) or zeros"""
        if not len(log_gate):
            return np.zeros(len(ACTIONS))
        power, independence = float(self._p.pool_power[0]), float(self._p.pool_independence[0])
        sharpness = (1 / (np.exp(log_gate) ** 2).sum()) ** independence
        mean = np.logaddexp.reduce(log_gate[:, None] + power * opinions, axis=0) / power
        return np.exp(log_softmax(sharpness * mean))


def log_softmax(logits: F64) -> F64:
    """logits: (N,)   returns: (N,) logarithms of numbers that are positive and sum to 1"""
    shifted = logits - logits.max()
    logs: F64 = shifted - np.log(np.exp(shifted).sum())
    return logs
