"""Trains temporal stage, experts, gate and sound head together on features, then calibrates them.

Modalities are dropped, steps are lost and features are disturbed on the way, and part of the clips
were spoiled before they were encoded: a gate that has only seen good weather trusts everybody.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from edge.vocabulary import ACTIONS, MODALITIES, Modality
from engines.training.audio import positive_weights
from engines.training.features import GateWindows
from engines.training.finetune import Report, schedule
from engines.training.sampling import UNKNOWN, balanced_weights, class_name

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.fusion import FusionNet

AUDIO = MODALITIES.index(Modality.AUDIO)
SHARES = {"rooms": 0.55, "surv_fight": 0.2, "noise_of_life": 0.15, "covid19_cough": 0.02,
          "kitchen20": 0.04, "debian_game_sounds": 0.04}  # fmt: skip
TEMPERATURES = np.geomspace(0.4, 4.0, 25)


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
    judge_every: int = 100
    seed: int = 0


def train_gate(
    train: GateWindows,
    held_out: GateWindows,
    heads: dict[Modality, Path],
    settings: GateSettings,
    report: Report,
) -> tuple[FusionNet, dict[str, float]]:
    """The best network by held-out loss, calibrated, and what was measured."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng([settings.seed, 77])
    net = start_from(heads)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.05)
    weights = balanced_weights(train.clips, train.targets, SHARES)
    truth = all_targets(train)
    rarity = torch.from_numpy(positive_weights(truth.sounds, weights))
    best = Best(net, held_out)
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * schedule(step / settings.steps)
        chosen = rng.choice(len(weights), settings.batch, p=weights)
        batch = disturbed(train, chosen, truth.films[chosen], settings, rng)
        loss = gate_loss(net, batch, truth.allowed[chosen], truth.sounds[chosen], rarity)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
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


@dataclass(frozen=True, slots=True)
class Targets:
    """What is known of all windows."""

    allowed: Mask  # (N, A)
    sounds: F32  # (N, S)
    films: Mask  # (N,) those of surv_fight


def all_targets(windows: GateWindows) -> Targets:
    """Stack them."""
    films = [clip.row.dataset == "surv_fight" for clip in windows.clips]
    return Targets(
        np.stack([t.allowed for t in windows.targets]),
        np.stack([t.sounds for t in windows.targets]),
        np.array(films, np.bool_),
    )


def gate_loss(
    net: FusionNet,
    batch: tuple[Tensor, Tensor, Tensor, Tensor],
    allowed: Mask,
    sounds: F32,
    rarity: Tensor,
) -> Tensor:
    """The fused scores, each expert's own, and the sounds."""
    import torch

    from engines.training.losses import allowed_nll_of_probabilities, known_bce

    features, valid, there, quality = batch
    known = torch.from_numpy(allowed)
    pooled = net.temporal(features, valid.float())
    logits = net.expert_logits(pooled)
    gate = net.gate(pooled, there.float(), quality)
    fused = (gate[:, :, None] * logits.softmax(dim=2)).sum(dim=1)
    loss = allowed_nll_of_probabilities(fused, known)[there.any(dim=1)].mean()
    loss = loss + 0.5 * expert_loss(logits, there, known)
    heard = net.sound_logits(pooled)[there[:, AUDIO]]
    told = torch.from_numpy(sounds)[there[:, AUDIO]]
    return loss + 2.0 * known_bce(heard, told, rarity)


def start_from(heads: dict[Modality, Path]) -> FusionNet:
    """A network that begins with the temporal stages and heads the streams learned alone."""
    import torch

    from engines.models.fusion import FusionNet

    net = FusionNet()
    with torch.no_grad():
        for modality, path in heads.items():
            head = torch.load(path, weights_only=True)["head"]
            m = MODALITIES.index(modality)
            for name in ("temporal_kernel", "temporal_bias", "expert_weight", "expert_bias"):
                getattr(net, name)[m] = head[name][m]
            if modality is Modality.AUDIO:
                net.sound_weight.copy_(head["sound_weight"])
                net.sound_bias.copy_(head["sound_bias"])
    return net


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


@dataclass(frozen=True, slots=True)
class Opinions:
    """What the network says of held-out windows, and what is true."""

    logits: F32  # (N, M, A)
    gate: F32  # (N, M)
    sounds: F32  # (N, S) probabilities
    there: Mask  # (N, M)
    allowed: Mask  # (N, A)
    weights: F32  # (N,) every class alike; 0 where nothing is known


def opinions(net: FusionNet, windows: GateWindows) -> Opinions:
    """Run the network over windows as they are."""
    import torch

    parts = []
    with torch.no_grad():
        for start in range(0, len(windows.targets), 256):
            rows = slice(start, start + 256)
            valid = torch.from_numpy(windows.valid[rows])
            there = valid.any(dim=2)
            features = torch.from_numpy(windows.features[rows].astype(np.float32))
            pooled = net.temporal(features, valid.float())
            gate = net.gate(pooled, there.float(), torch.from_numpy(windows.quality[rows]))
            heard = net.sound_logits(pooled).sigmoid()
            parts.append((net.expert_logits(pooled), gate, heard, there))
    logits, gates, sounds, present = (
        np.concatenate([part[i].numpy() for part in parts]) for i in range(4)
    )
    names = [
        f"{c.row.dataset}:{class_name(t)}"
        for c, t in zip(windows.clips, windows.targets, strict=True)
    ]
    count = {name: names.count(name) for name in set(names)}
    weights = [0.0 if n.endswith(UNKNOWN) else 1.0 / count[n] for n in names]
    allowed = np.stack([t.allowed for t in windows.targets])
    return Opinions(logits, gates, sounds, present, allowed, np.array(weights, np.float32))


def held_out_loss(net: FusionNet, windows: GateWindows) -> float:
    """Class-balanced -log of the fused probability on the allowed actions."""
    seen = opinions(net, windows)
    fused = (seen.gate[:, :, None] * softmax(seen.logits)).sum(axis=1)
    loss = -np.log(np.maximum((fused * seen.allowed).sum(axis=1), 1e-6))
    return float((loss * seen.weights).sum() / max(seen.weights.sum(), 1e-9))


def calibrate(net: FusionNet, windows: GateWindows) -> dict[str, float]:
    """Give each expert the temperature that suits the held-out windows; folded into its weights."""
    import torch

    seen = opinions(net, windows)
    facts = {}
    for m, modality in enumerate(MODALITIES):
        weights = seen.weights * seen.there[:, m]
        if weights.sum() == 0:
            continue
        losses = []
        for temperature in TEMPERATURES:
            inside = (softmax(seen.logits[:, m] / temperature) * seen.allowed).sum(axis=1)
            losses.append(float((-np.log(np.maximum(inside, 1e-6)) * weights).sum()))
        temperature = float(TEMPERATURES[int(np.argmin(losses))])
        with torch.no_grad():
            net.expert_weight[m] /= temperature
            net.expert_bias[m] /= temperature
        facts[f"temperature_{modality.value}"] = round(temperature, 3)
    facts.update(held_out_scores(opinions(net, windows), windows))
    return facts


def held_out_scores(seen: Opinions, windows: GateWindows) -> dict[str, float]:
    """Mean recall over classes: fused, mean of the experts, and each expert alone."""
    experts = softmax(seen.logits) * seen.there[:, :, None]
    uniform = seen.there / np.maximum(seen.there.sum(axis=1, keepdims=True), 1)
    views = {
        "gate": (seen.gate[:, :, None] * experts).sum(axis=1),
        "mean": (uniform[:, :, None] * experts).sum(axis=1),
    }
    views.update({m.value: experts[:, i] for i, m in enumerate(MODALITIES)})
    facts = {}
    for dataset in ("rooms", "surv_fight"):
        own = np.array([c.row.dataset == dataset for c in windows.clips]) & (seen.weights > 0)
        for name, scores in views.items():
            rows = own & (scores.sum(axis=1) > 0)
            if rows.any():
                facts[f"held_out_{dataset}_{name}"] = _mean_recall(scores, seen, rows, dataset)
    return facts


def _mean_recall(scores: F32, seen: Opinions, rows: Mask, dataset: str) -> float:
    violence = ACTIONS.index("violence")
    said = scores.argmax(axis=1)
    if dataset == "surv_fight":
        said = np.where(scores[:, violence] >= 0.5, violence, (violence + 1) % len(ACTIONS))
    hit = seen.allowed[np.arange(len(said)), said]
    return round(float((hit * seen.weights)[rows].sum() / seen.weights[rows].sum()), 4)


def softmax(logits: F32) -> F32:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    share: F32 = shifted / shifted.sum(axis=-1, keepdims=True)
    return share
