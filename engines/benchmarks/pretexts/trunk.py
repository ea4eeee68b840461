"""What a pretext can train on top of frozen encoders: a temporal stage, a trunk, a gate.

Three pretexts at once, for every modality and for the fused feature: direction of time, quarter
turns, and which windows belong together (InfoNCE, van den Oord et al. 2018, "Representation
learning with contrastive predictive coding", between the modalities of a batch).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edge.values import F32, VIDEO_STEPS, Mask
from edge.vocabulary import MODALITIES
from engines.benchmarks.items import F16, Items
from engines.models.temporal import MASKED, AttentionPool, Convolved

WIDTH = 128


@dataclass(frozen=True, slots=True)
class PretextSettings:
    """How the trunk is trained."""

    steps: int = 300
    batch: int = 48
    rate: float = 1e-3
    decay: float = 0.05
    drop: float = 0.25  # chance that a modality is missing in the fused feature
    temperature: float = 0.1  # of the contrast


@dataclass(frozen=True, slots=True)
class Scale:
    """Channel means and spreads of the clips that are learned from."""

    mean: Tensor  # (M, 1, D)
    spread: Tensor

    def apply(self, features: F16, valid: Mask) -> tuple[Tensor, Tensor]:
        """features: (N, M, T, D)   returns: normalised, and steps (N, M, T) 1 where valid"""
        steps = torch.from_numpy(valid).float()
        normal = (torch.from_numpy(features).float() - self.mean) / self.spread
        return normal * steps[..., None], steps


def scale_of(items: Items) -> Scale:
    """Over all valid steps of each modality."""
    means, spreads = [], []
    for m in range(len(items.modalities)):
        rows = items.features[:, m][items.valid[:, m]].astype(np.float32)
        rows = rows if len(rows) else np.zeros((1, items.features.shape[3]), np.float32)
        means.append(rows.mean(axis=0))
        spreads.append(rows.std(axis=0) + 1e-2)
    mean, spread = (torch.from_numpy(np.stack(v))[:, None] for v in (means, spreads))
    return Scale(mean, spread)


class Trunk(nn.Module):
    """Frozen features of a window -> one feature a modality, and their gated sum."""

    def __init__(self, dim: int, width: int = WIDTH) -> None:
        super().__init__()
        m = len(MODALITIES)
        self.temporal = Convolved(m, dim, AttentionPool(m, VIDEO_STEPS, dim))
        self.weight = nn.Parameter(torch.randn(m, dim, width) * (2 / dim) ** 0.5)
        self.gate = nn.Linear(m * width, m)

    def forward(self, features: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """features: (B, M, T, D)   steps: (B, M, T)   returns: (B, M, W) zeros where absent; there

        there: (B, M) 1 where a modality has anything
        """
        pooled = self.temporal(features, steps)
        there = (steps.sum(dim=2) > 0).float()
        each = torch.relu(torch.einsum("bmd,mdw->bmw", pooled, self.weight))
        return each * there[..., None], there

    def fuse(self, each: Tensor, there: Tensor) -> Tensor:
        """each: (B, M, W)   there: (B, M)   returns: (B, W)"""
        each = each * there[..., None]
        logits = self.gate(torch.flatten(each, 1)) + MASKED * (1 - there)
        weights = torch.softmax(logits, dim=1) * there
        return (weights[..., None] * each).sum(dim=1)


class Questions(nn.Module):
    """Heads of the two pretexts that have classes: one a modality, and one for the fused."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, classes) for _ in range(len(MODALITIES) + 1))

    def loss(self, each: Tensor, there: Tensor, fused: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, each modality where it is there."""
        total = nn.functional.cross_entropy(self.heads[-1](fused), labels)
        for m in range(each.shape[1]):
            losses = nn.functional.cross_entropy(
                self.heads[m](each[:, m]), labels, reduction="none"
            )
            total = total + (losses * there[:, m]).sum() / there[:, m].sum().clamp(min=1)
        return total


def contrast(each: Tensor, there: Tensor, temperature: float) -> Tensor:
    """InfoNCE over all pairs of modalities; pairs of which one is missing do not count.

    each: (B, M, W) windows of different clips   there: (B, M)
    """
    unit = nn.functional.normalize(each, dim=2)
    total, pairs = each.new_zeros(()), 0
    for a in range(each.shape[1]):
        for b in range(each.shape[1]):
            both = (there[:, a] * there[:, b]) > 0
            if a == b or int(both.sum()) < 2:
                continue
            likeness = unit[both, a] @ unit[both, b].T / temperature
            total = total + nn.functional.cross_entropy(likeness, torch.arange(len(likeness)))
            pairs += 1
    return total / max(pairs, 1)


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """What the pretexts learn from."""

    plain: Items  # windows of clips as they are, one a clip
    directions: Items  # with labels of direction
    angles: Items  # with labels of the turn


def new_trunk(dim: int, seed: int) -> Trunk:
    """Not trained: what a pretext is compared with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Trunk(dim)


def pretrained(data: Unlabelled, scale: Scale, how: PretextSettings, seed: int) -> Trunk:
    """Train a trunk by the three pretexts; the same seed gives the same numbers."""
    torch.set_num_threads(1)
    trunk = new_trunk(data.plain.features.shape[3], seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        asked = [
            (items, Questions(WIDTH, len(items.classes)))
            for items in (data.directions, data.angles)
        ]
        nets = nn.ModuleList([trunk, *(heads for _, heads in asked)])
        optimiser = torch.optim.AdamW(nets.parameters(), lr=how.rate, weight_decay=how.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.rate, how.steps)
        rng = np.random.default_rng(seed)
        for _ in range(how.steps):
            features, steps, _ = _some(data.plain, scale, how, rng)
            each, there = trunk(features, steps)
            loss = contrast(each, there, how.temperature)
            for items, heads in asked:
                features, steps, labels = _some(items, scale, how, rng)
                each, there = trunk(features, steps)
                kept = there * (torch.rand(there.shape) >= how.drop).float()
                loss = loss + heads.loss(each, there, trunk.fuse(each, kept), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return trunk.eval()


def _some(
    items: Items, scale: Scale, how: PretextSettings, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    rows = rng.choice(len(items), min(how.batch, len(items)), replace=False)
    features, steps = scale.apply(items.features[rows], items.valid[rows])
    return features, steps, torch.from_numpy(items.labels[rows])


Read = Callable[[Items], dict[str, F32]]
"""Items -> what a probe reads of each modality, of all side by side, and of the gated sum."""


def reader(trunk: Trunk, scale: Scale, batch: int = 256) -> Read:
    """What a trunk makes of windows."""

    def read(items: Items) -> dict[str, F32]:
        parts: list[tuple[F32, F32]] = []
        with torch.no_grad():
            for start in range(0, len(items), batch):
                rows = slice(start, start + batch)
                inputs = scale.apply(items.features[rows], items.valid[rows])
                each, there = trunk(*inputs)
                parts.append((each.numpy(), trunk.fuse(each, there).numpy()))
        each_all, gated = (np.concatenate(column) for column in zip(*parts, strict=True))
        return {**by_modality(items, each_all), "gated": gated}

    return read


def frozen_reader(scale: Scale) -> Read:
    """The encoders' own features, averaged over the window."""

    def read(items: Items) -> dict[str, F32]:
        features, steps = scale.apply(items.features, items.valid)
        pooled = features.sum(dim=2) / steps.sum(dim=2, keepdim=True).clamp(min=1)
        return by_modality(items, pooled.numpy())

    return read


def by_modality(items: Items, each: F32) -> dict[str, F32]:
    """each: (N, M, W)   returns: each modality by name, and "all" (N, M * W)"""
    named = {m.value: each[:, i] for i, m in enumerate(items.modalities)}
    return {**named, "all": each.reshape(len(each), -1)}
