"""What a gate says of held-out windows: its loss, its experts' temperatures, its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.values import F32, Mask
from edge.vocabulary import ACTIONS, MODALITIES
from engines.training.features import GateWindows
from engines.training.sampling import UNKNOWN, class_name

if TYPE_CHECKING:
    from engines.models.fusion import FusionNet

TEMPERATURES = np.geomspace(0.4, 4.0, 25)


@dataclass(frozen=True, slots=True)
class Opinions:
    """What the network says of held-out windows, and what is true."""

    pooled: F32  # (N, M, D) window features
    logits: F32  # (N, M, A)
    actions: F32  # (N, A) fused probabilities
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
            seen = net.temporal(features, valid.float())
            said = net.expert_logits(seen)
            quality = torch.from_numpy(windows.quality[rows])
            log_gate = net.log_gate(seen, there.float(), quality)
            fused = net.pool(log_gate, said.log_softmax(dim=2)).exp()
            parts.append((seen, said, fused, net.sound_logits(seen).sigmoid(), there))
    pooled, logits, actions, sounds, present = (
        np.concatenate([part[i].numpy() for part in parts]) for i in range(5)
    )
    names = [
        f"{c.row.dataset}:{class_name(t)}"
        for c, t in zip(windows.clips, windows.targets, strict=True)
    ]
    count = {name: names.count(name) for name in set(names)}
    weights = [0.0 if n.endswith(UNKNOWN) else 1.0 / count[n] for n in names]
    allowed = np.stack([t.allowed for t in windows.targets])
    return Opinions(
        pooled, logits, actions, sounds, present, allowed, np.array(weights, np.float32)
    )


def held_out_loss(net: FusionNet, windows: GateWindows) -> float:
    """Class-balanced -log of the fused probability on the allowed actions."""
    seen = opinions(net, windows)
    loss = -np.log(np.maximum((seen.actions * seen.allowed).sum(axis=1), 1e-6))
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
    """Mean recall over classes: fused, plain mean of the experts, and each expert alone."""
    experts = softmax(seen.logits) * seen.there[:, :, None]
    uniform = seen.there / np.maximum(seen.there.sum(axis=1, keepdims=True), 1)
    views = {
        "gate": seen.actions * seen.there.any(axis=1, keepdims=True),
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
