"""Trains temporal stage, experts and gate together on features, then calibrates them.

Modalities are dropped, steps are lost and features are disturbed on the way, and part of the clips
were spoiled before they were encoded: a gate that has only seen good weather trusts everybody.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.values import Mask
from edge.vocabulary import MODALITIES, Modality
from engines.training.features import GateWindows
from engines.training.finetune import Report, schedule
from engines.training.opinions import calibrate, held_out_loss
from engines.training.sampling import balanced_weights
from engines.training.split import RECORDED_SOUNDS

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.fusion import FusionNet

AUDIO = MODALITIES.index(Modality.AUDIO)
SHARES = {"rooms": 0.75, "surv_fight": 0.25, **dict.fromkeys(RECORDED_SOUNDS, 0.0)}
"""Recorded sounds tell nothing of actions."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How the fusion stage is trained."""

    steps: int = 2500
    batch: int = 64
    rate: float = 1e-3
    drop: float = 0.25  # chance that a modality is missing from a window
    deafen_films: float = 0.5  # extra for surv_fight: who has a sound track gives the label away
    lose_step: float = 0.1
    noise: float = 0.1
    power: float = 0.25  # of the pool that is trained under; stacking.py fits it anew
    independence: float = 0.7
    judge_every: int = 100
    seed: int = 0


def train_gate(
    train: GateWindows,
    held_out: GateWindows,
    net: FusionNet,
    settings: GateSettings,
    report: Report,
) -> tuple[FusionNet, dict[str, float]]:
    """The best network by held-out loss, calibrated, and what was measured."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng([settings.seed, 77])
    net.pool_power.data.fill_(settings.power)
    net.pool_independence.data.fill_(settings.independence)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.05)
    weights = balanced_weights(train.clips, train.targets, SHARES)
    truth = all_targets(train)
    hearing = HearingAsItWas(net)
    best = Best(net, held_out)
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * schedule(step / settings.steps)
        chosen = rng.choice(len(weights), settings.batch, p=weights)
        batch = disturbed(train, chosen, truth.films[chosen], settings, rng)
        loss = gate_loss(net, batch, truth.allowed[chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        hearing.restore(net)
        report(step + 1, settings.steps, float(loss.detach()))
        if (step + 1) % settings.judge_every == 0 or step + 1 == settings.steps:
            best.consider(net, step + 1)
    facts = {"held_out_loss": round(best.loss, 4), "gate_steps": float(best.step)}
    return best.net, {**facts, **calibrate(best.net, held_out)}


class Best:
    """The network with the lowest held-out loss so far; the untrained one is a candidate too."""

    def __init__(self, net: FusionNet, held_out: GateWindows) -> None:
        self._held_out = held_out
        self.net, self.step, self.loss = net, 0, float("inf")
        self.consider(net, 0)

    def consider(self, net: FusionNet, step: int) -> None:
        """Keep a copy when it is better."""
        loss = held_out_loss(net, self._held_out)
        if loss < self.loss:
            self.net, self.step, self.loss = copy.deepcopy(net), step, loss


class HearingAsItWas:
    """Keeps what the sound head listens through: it was calibrated by the stream of sound."""

    def __init__(self, net: FusionNet) -> None:
        self._kept = [rows.detach().clone() for rows in self._rows(net)]

    @staticmethod
    def _rows(net: FusionNet) -> list[Tensor]:
        names = ("temporal_kernel", "temporal_bias", "temporal_query", "temporal_age")
        rows = [getattr(net, name)[AUDIO] for name in names]
        return [*rows, net.sound_weight, net.sound_bias]

    def restore(self, net: FusionNet) -> None:
        """Undo what a step of the optimiser did to it."""
        import torch

        with torch.no_grad():
            for rows, kept in zip(self._rows(net), self._kept, strict=True):
                rows.copy_(kept)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is known of all windows."""

    allowed: Mask  # (N, A)
    films: Mask  # (N,) those of surv_fight


def all_targets(windows: GateWindows) -> Targets:
    """Stack them."""
    films = [clip.row.dataset == "surv_fight" for clip in windows.clips]
    return Targets(
        np.stack([t.allowed for t in windows.targets]),
        np.array(films, np.bool_),
    )


def gate_loss(
    net: FusionNet,
    batch: tuple[Tensor, Tensor, Tensor, Tensor],
    allowed: Mask,
) -> Tensor:
    """The fused scores, and each expert's own."""
    import torch

    from engines.training.losses import allowed_nll

    features, valid, there, quality = batch
    known = torch.from_numpy(allowed)
    pooled = net.temporal(features, valid.float())
    logits = net.expert_logits(pooled)
    log_gate = net.log_gate(pooled, there.float(), quality)
    fused = net.pool(log_gate, logits.log_softmax(dim=2))
    loss = allowed_nll(fused, known)[there.any(dim=1)].mean()
    return loss + 0.5 * expert_loss(logits, there, known)


def disturbed(
    windows: GateWindows,
    chosen: NDArray[np.int64],
    films: Mask,
    settings: GateSettings,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, valid, present, quality of a batch, some of it taken away."""
    import torch

    features = windows.features[chosen].astype(np.float32)
    valid = windows.valid[chosen].copy()
    quality = windows.quality[chosen].copy()
    keep = rng.random(valid.shape[:2]) >= settings.drop
    keep[films, AUDIO] &= rng.random(int(films.sum())) >= settings.deafen_films
    there = valid.any(axis=2)
    keep |= ~(keep & there).any(axis=1, keepdims=True)  # never all: then nothing is dropped
    valid &= keep[:, :, None]
    lost = rng.random(valid.shape) < settings.lose_step
    lost[~(valid & ~lost).any(axis=2)] = False
    steps = np.maximum(valid.sum(axis=2), 1)
    valid &= ~lost
    quality[:, :, 2] *= valid.sum(axis=2) / steps
    scale = features.std(axis=(2, 3), keepdims=True)
    disturbance = rng.standard_normal(features.shape, np.float32)
    features += np.float32(settings.noise) * scale * disturbance
    mask = torch.from_numpy(valid)
    return torch.from_numpy(features), mask, mask.any(dim=2), torch.from_numpy(quality)


def expert_loss(logits: Tensor, there: Tensor, allowed: Tensor) -> Tensor:
    """Mean over the experts that are present.  logits: (B, M, A)   there: (B, M)"""
    from engines.training.losses import allowed_nll

    batch, m, a = logits.shape
    flat = allowed_nll(
        logits.reshape(batch * m, a), allowed[:, None].expand(-1, m, -1).reshape(batch * m, a)
    )
    present = there.reshape(-1).float()
    loss: Tensor = (flat * present).sum() / present.sum().clamp(min=1)
    return loss
