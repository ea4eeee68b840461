"""Items as tensors, drawn so that every class counts alike, and disturbed on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.fusion.parameters import QUALITY_CUES
from edge.values import Mask
from engines.benchmarks.items import Items
from engines.models.gates import Sizes
from engines.models.heads import Experts

CHUNK = 512
COVERAGE = QUALITY_CUES.index("coverage")
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens to training items; chances are for each modality or step by itself."""

    drop: float = 0.25  # chance that a modality is missing; never all of them
    lose_step: float = 0.1
    noise: float = 0.1  # in units of a channel's spread, alike for all steps of an item
    spoil: float = 0.2  # chance that a modality's features drown in noise, its cues unchanged
    spoil_noise: float = 2.0


@dataclass(frozen=True, slots=True)
class Table:
    """N items ready to be drawn from."""

    normal: Tensor  # (N, M, T, D) half precision, normalised, zeros where not valid
    valid: Tensor  # (N, M, T) bool
    quality: Tensor  # (N, M, Q)
    labels: Tensor  # (N,)
    share: F64  # (N,) chance of being drawn

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised features, valid, quality of some items."""
        return self.normal[rows].float(), self.valid[rows], self.quality[rows]


def sizes_of(items: Items) -> Sizes:
    """What gates and experts for these items are built for."""
    dim, cues = items.features.shape[3], items.quality.shape[2]
    return Sizes(items.modalities, dim, len(items.classes), cues)


def table_of(items: Items, experts: Experts) -> Table:
    """Normalise once, not at every step."""
    features, valid = torch.from_numpy(items.features), torch.from_numpy(items.valid)
    normal = torch.empty(features.shape, dtype=torch.float16)
    for start in range(0, len(items), CHUNK):
        rows = slice(start, start + CHUNK)
        normal[rows] = experts.normalise(features[rows].float(), valid[rows]).half()
    labels = torch.from_numpy(items.labels)
    quality = torch.from_numpy(items.quality)
    return Table(normal, valid, quality, labels, balanced(items))


def mean_steps(items: Items) -> Items:
    """The same with the mean of its valid steps as the only one: all that a mean pool sees.

    Fifteen times as quick to learn from; what is lost is the disturbance by missing steps.
    """
    valid: Mask = np.asarray(items.valid.any(axis=2, keepdims=True), np.bool_)
    features = np.zeros((*valid.shape, items.features.shape[3]), np.float16)
    for start in range(0, len(items), CHUNK):
        rows = slice(start, start + CHUNK)
        steps = items.valid[rows, :, :, None]
        total = np.where(steps, items.features[rows], 0).sum(axis=2, dtype=np.float32)
        features[rows, :, 0] = total / np.maximum(steps.sum(axis=2), 1)
    return replace(items, features=features, valid=valid)


def balanced(items: Items) -> F64:
    """Chance of each item to be drawn: every class that occurs alike.  returns: (N,) sums to 1"""
    sizes = np.bincount(items.labels, minlength=len(items.classes))
    weights = 1.0 / sizes[items.labels]
    return np.asarray(weights / weights.sum())


def drop_modalities(there: Tensor, chance: float, random: torch.Generator) -> Tensor:
    """Take modalities away at random; an item that would lose all of them keeps all.

    there: (B, M) bool   returns: (B, M) bool
    """
    kept = there & (torch.rand(there.shape, generator=random) >= chance)
    return torch.where(kept.any(dim=1, keepdim=True), kept, there)


def disturbed(
    batch: tuple[Tensor, Tensor, Tensor], how: Disturbance, random: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Lose modalities and steps, add noise; the coverage cue follows.  See Table.batch."""
    normal, valid, quality = batch
    kept = valid & drop_modalities(valid.any(dim=2), how.drop, random)[:, :, None]
    after = kept & (torch.rand(kept.shape, generator=random) >= how.lose_step)
    after = torch.where(after.any(dim=2, keepdim=True), after, kept)
    if quality.shape[2] == len(QUALITY_CUES):
        quality = quality.clone()
        steps = kept.sum(dim=2).clamp(min=1)
        quality[:, :, COVERAGE] *= after.sum(dim=2) / steps
    strength = torch.full(normal.shape[:2], how.noise)
    spoiled = torch.rand(strength.shape, generator=random) < how.spoil
    strength = torch.where(spoiled, torch.full_like(strength, how.spoil_noise), strength)
    shape = (*normal.shape[:2], 1, normal.shape[3])
    noise = strength[:, :, None, None] * torch.randn(shape, generator=random)
    return (normal + noise) * after[..., None], after, quality
