"""Motion as the gate of appearance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.vocabulary import Modality
from engines.models.gates.base import Evidence, Fusion, Gate, Projections, Sizes
from engines.models.gates.features import classifier

DIM = 64


class FlowGated(Gate):
    """``z = relu(U[rgb] h[rgb]) * sigmoid(G h[flow] + b) + sum of the other relu(U[m] h[m])``.

    ``p = softmax(C z)``. Flow Gated Network of RWF-2000: Cheng, Cai, Li 2021, "RWF-2000: an open
    large scale video database for violence detection", ICPR: flow decides which channels of RGB
    pass. Modalities that the paper does not have join by addition. Without flow the gate rests at
    sigmoid(b); without RGB there is nothing to gate and flow joins as the others do.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self._rgb, self._flow = sizes.index(Modality.RGB), sizes.index(Modality.FLOW)
        self.project = Projections(sizes.count, sizes.dim, DIM)
        self.gate = nn.Linear(sizes.dim, DIM)
        self.classify = classifier(DIM, sizes.classes)

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        parts = torch.relu(self.project(seen.features)) * seen.there[:, :, None]
        mixed = (parts * self._passing(seen)).sum(dim=1)
        return Fusion(torch.log_softmax(self.classify(mixed), dim=1))

    def _passing(self, seen: Evidence) -> Tensor:
        """(B, M, DIM) what passes of each modality's channels"""
        batch, count = seen.there.shape
        passing = [torch.ones(batch, DIM)] * count
        if self._rgb is not None and self._flow is not None:
            passing[self._rgb] = torch.sigmoid(self.gate(seen.features[:, self._flow]))
            passing[self._flow] = 1 - seen.there[:, self._rgb, None].expand(-1, DIM)
        return torch.stack(passing, dim=1)
