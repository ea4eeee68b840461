"""Fits the gate anew on clips that no encoder and no expert has learned from (Wolpert 1992).

On its own training clips every expert looks better than it is, and the one that overfits most looks
best. Here the gate is told only which modalities are there and how good their signals are, and
cross-validation over groups says how long to train it; not at all leaves the plain mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32, FEATURE_DIM, Mask
from edge.vocabulary import MODALITIES
from engines.training.features import GateWindows
from engines.training.opinions import opinions, softmax
from engines.training.split import group_of

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.fusion import FusionNet

TOLD = 1 + len(QUALITY_CUES)  # presence and the cues, of each modality


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How the gate is fitted."""

    candidates: tuple[int, ...] = (0, 50, 100, 200, 400, 800)  # numbers of steps to choose from
    folds: int = 5
    batch: int = 256
    rate: float = 3e-3
    decay: float = 0.05
    drop: float = 0.25  # chance that a modality is missing from a window
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Stack:
    """What the experts say of windows they never saw, and what is true."""

    experts: F32  # (N, M, A) probabilities
    there: Mask  # (N, M)
    quality: F32  # (N, M, Q)
    allowed: Mask  # (N, A)
    weights: F32  # (N,) every class of every data set alike
    folds: NDArray[np.int64]  # (N,) by group


def refit_gate(net: FusionNet, windows: GateWindows, settings: StackSettings) -> dict[str, float]:
    """Replace the gate of a calibrated network; returns the chosen steps and what they are worth.

    windows: of clips that trained neither encoders nor experts
    """
    stack = stack_of(net, windows, settings.folds)
    losses = cross_validated(stack, settings)
    best = min(losses, key=lambda steps: losses[steps])
    gate = fit(stack, np.ones(len(stack.weights), np.bool_), best, settings)
    gate.write_to(net)
    facts = {f"stack_loss_{steps}_steps": round(loss, 4) for steps, loss in losses.items()}
    return {"stack_steps": float(best), **facts}


def stack_of(net: FusionNet, windows: GateWindows, folds: int) -> Stack:
    """Let the network's experts judge the windows."""
    seen = opinions(net, windows)
    groups = sorted({group_of(clip.row) for clip in windows.clips})
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    return Stack(
        experts=np.asarray(softmax(seen.logits), np.float32),
        there=seen.there,
        quality=windows.quality,
        allowed=seen.allowed,
        weights=seen.weights,
        folds=np.array([fold_of[group_of(clip.row)] for clip in windows.clips], np.int64),
    )


class CueGate:
    """The gate's formula, with its columns for the features left at zero."""

    def __init__(self, hidden: int, seed: int) -> None:
        import torch

        generator = torch.Generator().manual_seed(seed)
        inputs = len(MODALITIES) * TOLD
        self.first = torch.randn(hidden, inputs, generator=generator) * inputs**-0.5
        self.first_bias = torch.zeros(hidden)
        self.last = torch.zeros(len(MODALITIES), hidden)  # before any step: all alike
        self.last_bias = torch.zeros(len(MODALITIES))

    @property
    def parameters(self) -> list[Tensor]:
        """What is trained."""
        return [self.first, self.first_bias, self.last, self.last_bias]

    def weights(self, there: Tensor, quality: Tensor) -> Tensor:
        """there: (B, M) 0 or 1   quality: (B, M, Q)   returns: (B, M) sums to 1"""
        import torch

        told = torch.cat([there[:, :, None], quality], dim=2) * there[:, :, None]
        hidden = torch.relu(told.flatten(1) @ self.first.T + self.first_bias)
        logits = hidden @ self.last.T + self.last_bias
        return torch.softmax(logits.masked_fill(there == 0, -1e9), dim=1)

    def write_to(self, net: FusionNet) -> None:
        """Put these numbers into a network's gate."""
        import torch

        wide = torch.zeros(len(self.first), len(MODALITIES), FEATURE_DIM + TOLD)
        wide[:, :, FEATURE_DIM:] = self.first.detach().reshape(-1, len(MODALITIES), TOLD)
        with torch.no_grad():
            net.gate_hidden_weight.copy_(wide.flatten(1))
            net.gate_hidden_bias.copy_(self.first_bias)
            net.gate_weight.copy_(self.last)
            net.gate_bias.copy_(self.last_bias)


def cross_validated(stack: Stack, settings: StackSettings) -> dict[int, float]:
    """Mean loss on groups left out, for each candidate number of steps."""
    totals = dict.fromkeys(settings.candidates, 0.0)
    for fold in np.unique(stack.folds):
        left_out = stack.folds == fold
        for steps in settings.candidates:
            gate = fit(stack, ~left_out, steps, settings)
            totals[steps] += loss_of(gate, stack, left_out)
    return {steps: total / len(np.unique(stack.folds)) for steps, total in totals.items()}


def fit(stack: Stack, chosen: Mask, steps: int, settings: StackSettings) -> CueGate:
    """Train a gate on the chosen windows, some of whose modalities are taken away."""
    import torch

    from engines.models.fusion import HIDDEN

    torch.set_num_threads(1)  # two are slower beside any other load
    rng = np.random.default_rng([settings.seed, 31])
    gate = CueGate(HIDDEN, settings.seed)
    for tensor in gate.parameters:
        tensor.requires_grad_(True)
    optimiser = torch.optim.AdamW(gate.parameters, lr=settings.rate, weight_decay=settings.decay)
    rows = np.flatnonzero(chosen)
    share = stack.weights[rows].astype(np.float64)
    for _ in range(steps):
        batch = rng.choice(rows, settings.batch, p=share / share.sum())
        keep = stack.there[batch] & (rng.random((len(batch), len(MODALITIES))) >= settings.drop)
        there = np.where(keep.any(axis=1, keepdims=True), keep, stack.there[batch])
        loss = -torch.log(_right(gate, stack, batch, there).clamp(min=1e-6)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for tensor in gate.parameters:
        tensor.requires_grad_(False)
    return gate


def loss_of(gate: CueGate, stack: Stack, chosen: Mask) -> float:
    """Class-balanced -log of the fused probability on the allowed actions."""
    import torch

    rows = np.flatnonzero(chosen & (stack.weights > 0))
    if not len(rows):
        return 0.0
    right = _right(gate, stack, rows, stack.there[rows])
    losses = -torch.log(right.clamp(min=1e-6)).numpy()
    return float(np.average(losses, weights=stack.weights[rows]))


def _right(gate: CueGate, stack: Stack, rows: NDArray[np.int64], there: Mask) -> Tensor:
    """(B,) fused probability of what is true."""
    import torch

    weights = gate.weights(
        torch.from_numpy(there.astype(np.float32)), torch.from_numpy(stack.quality[rows])
    )
    inside = (stack.experts[rows] * stack.allowed[rows][:, None]).sum(axis=2)
    return (weights * torch.from_numpy(inside)).sum(dim=1)
