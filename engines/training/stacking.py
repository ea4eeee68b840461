"""Fits gate and pool anew; clips that no encoder or expert learned from decide (Wolpert 1992).

On its own training clips every expert looks better than it is, and the one that overfits most looks
best. Yet held-out groups are few, and a gate that sees features needs many: it learns from windows
of both, and only those held out decide. Cross-validation over their groups chooses:

1. the pool under uniform weights: power and independence, see edge/fusion/reference.py;
2. the gate under that pool: what it is told (presence and quality cues, or the window features as
   well) and how long it is trained. A gate that is not both likelier and at least as often right as
   uniform weights on the groups left out is not taken: then the weights stay uniform.

Beside the loss of what is fused the gate is told which expert was right, see
``head_losses.trust_nll``: else its weights hardly leave a spoiled stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from edge.vocabulary import MODALITIES
from engines.training.features import GateWindows
from engines.training.opinions import opinions, softmax
from engines.training.split import group_of
from engines.training.stacked import MASKED, Choice, StackedGate

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.fusion import FusionNet

LEAST = 1e-6  # probability
KNOWN = -1
INDEPENDENCE = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How the gate is fitted."""

    candidates: tuple[int, ...] = (50, 100, 200, 400, 800)  # numbers of steps, beside none at all
    powers: tuple[float, ...] = (1.0, 0.5, 0.25)  # below, a single spoiled stream has a veto
    sights: tuple[bool, ...] = (False, True)  # may the gate see the window features?
    folds: int = 5
    batch: int = 256
    rate: float = 3e-3
    decay: float = 0.05
    drop: float = 0.25  # chance that a modality is missing from a window
    trust: float = 0.3  # weight of being told which expert was right
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Stack:
    """What the experts say of windows they never saw, and what is true."""

    pooled: F32  # (N, M, D) window features
    experts: F32  # (N, M, A) probabilities
    there: Mask  # (N, M)
    quality: F32  # (N, M, Q)
    allowed: Mask  # (N, A)
    weights: F32  # (N,) every class of every data set alike; 0 where nothing is known
    folds: NDArray[np.int64]  # (N,) by group; KNOWN: the experts learned from it

    @property
    def held_out(self) -> Mask:
        """(N,) windows that may decide."""
        return np.asarray(self.folds != KNOWN)


@dataclass(frozen=True, slots=True)
class Worth:
    """Class-balanced, on groups left out."""

    loss: float  # mean -log of the fused probability on the allowed actions
    right: float  # share of windows whose best action is allowed

    def beats(self, other: Worth) -> bool:
        """Likelier, and at least as often right."""
        return self.loss < other.loss and self.right >= other.right


def refit_gate(
    net: FusionNet, windows: GateWindows, known: GateWindows, settings: StackSettings
) -> dict[str, float]:
    """Replace gate and pool of a calibrated network; returns what was chosen, and its worth.

    windows: of clips that trained neither encoders nor experts   known: of those that did
    """
    unseen, seen = (stack_of(net, part, settings.folds) for part in (windows, known))
    stack = joined(unseen, replace(seen, folds=np.full_like(seen.folds, KNOWN)))
    best, found = choose(stack, settings)
    everything = np.ones(len(stack.weights), np.bool_)
    *_, gate = fits(stack, everything, best, (best.steps,), settings)
    gate.write_to(net)
    facts = {
        "stack_power": best.power,
        "stack_independence": round(float(gate.independence), 4),
        "stack_sees_features": float(best.sees_features),
        "stack_steps": float(best.steps),
    }
    for choice, worth in found.items():
        facts[f"stack_loss_{choice}"] = round(worth.loss, 4)
        facts[f"stack_right_{choice}"] = round(worth.right, 4)
    return facts


def stack_of(net: FusionNet, windows: GateWindows, folds: int) -> Stack:
    """Let the network's experts judge the windows."""
    seen = opinions(net, windows)
    groups = sorted({group_of(clip.row) for clip in windows.clips})
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    return Stack(
        pooled=seen.pooled,
        experts=np.asarray(softmax(seen.logits), np.float32),
        there=seen.there,
        quality=windows.quality,
        allowed=seen.allowed,
        weights=seen.weights,
        folds=np.array([fold_of[group_of(clip.row)] for clip in windows.clips], np.int64),
    )


def joined(*stacks: Stack) -> Stack:
    """One after another; each keeps its own balance of classes."""
    columns = ([getattr(stack, f.name) for stack in stacks] for f in fields(Stack))
    return Stack(*(np.concatenate(column) for column in columns))


def choose(stack: Stack, settings: StackSettings) -> tuple[Choice, dict[Choice, Worth]]:
    """The best way to make a gate, and what every way that was tried is worth."""
    found: dict[Choice, Worth] = {}
    for power in settings.powers:
        found |= cross_validated(stack, Choice(power), (0,), settings)
    uniform = min(found, key=lambda choice: found[choice].loss)
    for sees_features in settings.sights:
        way = Choice(uniform.power, sees_features)
        found |= cross_validated(stack, way, settings.candidates, settings)
    better = [choice for choice in found if found[choice].beats(found[uniform])]
    return min([uniform, *better], key=lambda choice: found[choice].loss), found


def cross_validated(
    stack: Stack, way: Choice, candidates: tuple[int, ...], settings: StackSettings
) -> dict[Choice, Worth]:
    """Worth of each candidate number of steps, over all groups, each judged when left out."""
    sums = np.zeros((len(candidates), 2))
    for fold in np.unique(stack.folds[stack.held_out]):
        left_out = stack.folds == fold
        for row, gate in enumerate(fits(stack, ~left_out, way, candidates, settings)):
            sums[row] += judged(gate, stack, left_out)
    means = sums / max(float(stack.weights[stack.held_out].sum()), 1e-9)
    ways = [Choice(way.power, way.sees_features, steps) for steps in candidates]
    return {w: Worth(float(m[0]), float(m[1])) for w, m in zip(ways, means, strict=True)}


def fits(
    stack: Stack, chosen: Mask, way: Choice, candidates: tuple[int, ...], settings: StackSettings
) -> Iterator[StackedGate]:
    """One gate, as it is after each candidate number of steps, all on the chosen windows.

    Some modalities are taken away from its windows. It is the same object each time.
    """
    import torch

    from engines.models.fusion import HIDDEN

    torch.set_num_threads(1)  # two are slower beside any other load
    rng = np.random.default_rng([settings.seed, 31])
    gate = StackedGate(HIDDEN, way, independence_for(stack, chosen, way), settings.seed)
    optimiser = torch.optim.AdamW(gate.parameters, lr=settings.rate, weight_decay=settings.decay)
    rows = np.flatnonzero(chosen & (stack.weights > 0))
    share = stack.weights[rows].astype(np.float64)
    for step in range(max(candidates, default=-1) + 1):
        if step in candidates:
            yield gate
        if step == max(candidates) or not len(rows):
            continue
        for tensor in gate.parameters:
            tensor.requires_grad_(True)
        batch = rng.choice(rows, settings.batch, p=share / share.sum())
        keep = stack.there[batch] & (rng.random((len(batch), len(MODALITIES))) >= settings.drop)
        there = np.where(keep.any(axis=1, keepdims=True), keep, stack.there[batch])
        loss = _loss(gate, stack, batch, there, settings.trust)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        for tensor in gate.parameters:
            tensor.requires_grad_(False)
        gate.independence.clamp_(0, 1)


def independence_for(stack: Stack, chosen: Mask, way: Choice) -> float:
    """The one that makes the chosen held-out windows likeliest under uniform weights."""
    losses = []
    for independence in INDEPENDENCE:
        gate = StackedGate(1, Choice(way.power), float(independence), 0)
        losses.append(judged(gate, stack, chosen & stack.held_out)[0])
    return float(INDEPENDENCE[int(np.argmin(losses))])


def judged(gate: StackedGate, stack: Stack, chosen: Mask) -> tuple[float, float]:
    """Weighted sums over the chosen windows: of -log of the allowed actions, and of those right."""
    rows = np.flatnonzero(chosen & (stack.weights > 0))
    if not len(rows):
        return 0.0, 0.0
    said = _said(gate, stack, rows, stack.there[rows])
    hit = stack.allowed[rows, said.actions.numpy().argmax(axis=1)]
    weights = stack.weights[rows]
    return float((-said.right.numpy() * weights).sum()), float((hit * weights).sum())


def _loss(
    gate: StackedGate, stack: Stack, rows: NDArray[np.int64], there: Mask, trust: float
) -> Tensor:
    """Mean -log of what falls on the allowed actions, and of the weights on experts in the right.

    there: (B, M) what is left of the modalities of these rows
    """
    import torch

    said = _said(gate, stack, rows, there)
    present, allowed = torch.from_numpy(there), torch.from_numpy(stack.allowed[rows])
    experts = torch.from_numpy(stack.experts[rows])
    right = (experts * allowed[:, None]).sum(dim=2).clamp(min=LEAST) * present
    share = right / right.sum(dim=1, keepdim=True)
    told = -(share * said.log_weights * present).sum(dim=1)
    return (trust * told - said.right).mean()


class Told(NamedTuple):
    """What a gate makes of B windows."""

    log_weights: Tensor  # (B, M)
    actions: Tensor  # (B, A) log of the fused probabilities
    right: Tensor  # (B,) log of what falls on the allowed actions


def _said(gate: StackedGate, stack: Stack, rows: NDArray[np.int64], there: Mask) -> Told:
    import torch

    present, quality, pooled, experts = (
        torch.from_numpy(np.asarray(part, np.float32))
        for part in (there, stack.quality[rows], stack.pooled[rows], stack.experts[rows])
    )
    log_weights = gate.log_weights(present, quality, pooled)
    actions = gate.log_actions(log_weights, experts)
    allowed = torch.from_numpy(stack.allowed[rows])
    right = torch.logsumexp(actions.masked_fill(~allowed, MASKED), dim=1)
    return Told(log_weights, actions, right.clamp(min=np.log(LEAST)))
