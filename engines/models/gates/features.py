"""Gates that weight features, before one classifier: softmax gate, GMU, attention."""

from __future__ import annotations

import torch
from torch import nn

from engines.models.gates.base import (
    Evidence,
    Fusion,
    Gate,
    Projections,
    Scorer,
    Sizes,
    log_softmax_present,
    told,
)

DIM = 64
HIDDEN = 32
HEADS = 4
DROPOUT = 0.3


class FeatureGate(Gate):
    """``g = softmax over m of MLP(concat)``, ``p = softmax(C sum_m g[m] relu(U[m] h[m]))``.

    m runs over what is present. The softmax gate of Jacobs, Jordan, Nowlan, Hinton 1991, "Adaptive
    mixtures of local experts", Neural Computation 3(1), set between the features and one
    classifier.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        each = sizes.dim + 1 + (sizes.cues if use_quality else 0)
        self.scorer = Scorer(sizes.count * each, HIDDEN, sizes.count)
        self.project = Projections(sizes.count, sizes.dim, DIM)
        self.classify = classifier(DIM, sizes.classes)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        logits = self.scorer(told(seen, self._use_quality, seen.features))
        weights = log_softmax_present(logits, seen.there).exp()
        mixed = (weights[:, :, None] * torch.relu(self.project(seen.features))).sum(dim=1)
        return Fusion(torch.log_softmax(self.classify(mixed), dim=1), weights)


class GatedMultimodalUnit(Gate):
    """``z[m] = sigmoid(V[m] concat)``, ``h = sum_m z[m] * tanh(U[m] h[m])``, ``p = softmax(C h)``.

    GMU: Arevalo, Solorio, Montes-y-Gomez, Gonzalez 2017, "Gated multimodal units for information
    fusion", arXiv:1702.01992, in its form for more than two modalities: every channel of every
    modality has a gate of its own, which are not tied to a sum, so there are no simplex weights.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        each = sizes.dim + 1 + (sizes.cues if use_quality else 0)
        self.gates = nn.Linear(sizes.count * each, sizes.count * DIM)
        self.project = Projections(sizes.count, sizes.dim, DIM)
        self.classify = classifier(DIM, sizes.classes)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        values = told(seen, self._use_quality, seen.features)
        gates = torch.sigmoid(self.gates(values)).reshape(*seen.there.shape, DIM)
        gates = gates * seen.there[:, :, None]
        unit = (gates * torch.tanh(self.project(seen.features))).sum(dim=1)
        return Fusion(torch.log_softmax(self.classify(unit), dim=1))


class Attention(Gate):
    """One learned query a head attends over one token a modality.

    ``token[m] = U[m] [h[m], q[m]] + type[m]``, ``a[k, m] = softmax over present m of query[k] .
    key[k](token[m]) / sqrt(d)``, ``z[k] = sum_m a[k, m] value[k](token[m])``, ``p = softmax(C
    concat_k z[k])``; weights are the mean of a over heads. Scaled dot products of Vaswani et al.
    2017, "Attention is all you need"; over modalities as in Hori et al. 2017, "Attention-based
    multimodal fusion for video description", ICCV.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        inputs = sizes.dim + (sizes.cues if use_quality else 0)
        self.token = Projections(sizes.count, inputs, DIM)  # its bias is the type of the modality
        self.query = nn.Parameter(torch.zeros(HEADS, DIM // HEADS))  # at first all count alike
        self.key = nn.Linear(DIM, DIM)
        self.value = nn.Linear(DIM, DIM)
        self.classify = classifier(DIM, sizes.classes)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        parts = [seen.features, seen.quality] if self._use_quality else [seen.features]
        tokens = torch.relu(self.token(torch.cat(parts, dim=2)))
        keys, values = (
            part.reshape(*part.shape[:2], HEADS, DIM // HEADS).transpose(1, 2)  # (B, HEADS, M, d)
            for part in (self.key(tokens), self.value(tokens))
        )
        logits = (keys * self.query[:, None, :]).sum(dim=3) * (DIM // HEADS) ** -0.5
        there = seen.there[:, None].expand_as(logits)
        weights = log_softmax_present(logits.flatten(0, 1), there.flatten(0, 1)).exp()
        weights = weights.reshape(logits.shape)
        mixed = (weights[..., None] * values).sum(dim=2).flatten(1)
        return Fusion(torch.log_softmax(self.classify(mixed), dim=1), weights.mean(dim=1))


def classifier(inputs: int, classes: int) -> nn.Module:
    """(B, inputs) to (B, classes)"""
    return nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(inputs, classes))
