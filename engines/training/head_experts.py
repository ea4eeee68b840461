"""Trains the experts on frozen features, and lets them judge items for the gate to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.benchmarks.items import Items
from engines.models.gates import Evidence
from engines.models.gates.rules import Product
from engines.models.heads import Experts, fit_normalisation
from engines.training.finetune import schedule
from engines.training.head_data import (
    Table,
    disturbed,
    drop_modalities,
    mean_steps,
    sizes_of,
    table_of,
)
from engines.training.head_losses import expert_nll, fused_nll
from engines.training.head_settings import HeadSettings

Report = Callable[[int, int, float], None]
TEMPERATURES = tuple(np.geomspace(0.3, 5.0, 40).tolist())
BATCH = 512


@dataclass(frozen=True, slots=True)
class Judged:
    """What experts said of R items, each possibly several times."""

    evidence: Evidence
    labels: Tensor  # (R,)
    share: NDArray[np.float64]  # (R,) chance of being drawn
    clean: Tensor  # (R,) bool, False where the item had been disturbed

    def cooled(self, temperatures: Tensor) -> Judged:
        """The same with every expert's logits divided by its temperature (M,)."""
        logits = self.evidence.logits / temperatures[:, None]
        return replace(self, evidence=self.evidence._replace(logits=logits))


def new_experts(items: Items, settings: HeadSettings) -> Experts:
    """Untrained, with normalisation fitted on the items."""
    experts = Experts(sizes_of(items), items.features.shape[2], settings.experts.temporal)
    experts.dropout.p = settings.experts.dropout
    if settings.normalise:
        features, valid = torch.from_numpy(items.features), torch.from_numpy(items.valid)
        fit_normalisation(experts, features, valid)
    return experts


def train_experts_on(
    items: Items, settings: HeadSettings, seed: int, report: Report | None = None
) -> Experts:
    """Every expert by its own loss and by what they say together; frozen afterwards."""
    torch.set_num_threads(1)
    items = mean_steps(items) if settings.experts.temporal == "mean" else items
    how, what = settings.experts, replace(settings.disturbance, drop=0.0, spoil=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        experts = new_experts(items, settings)
        table = table_of(items, experts)
        random = torch.Generator().manual_seed(seed)

        def loss(rows: Tensor) -> Tensor:
            evidence = experts(*disturbed(table.batch(rows), what, random))
            labels = table.labels[rows]
            own = expert_nll(evidence, labels, settings.smoothing)
            if how.team == 0:
                return own
            there = drop_modalities(evidence.there > 0, settings.disturbance.drop, random)
            together = Product()(evidence._replace(there=there.float()))
            return own + how.team * fused_nll(together, labels, settings.smoothing)

        minimise(experts, loss, draws(table.share, how.steps, how.batch, seed), how.rate,
                 how.decay, report)  # fmt: skip
    return experts


def minimise(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    chosen: Sequence[Tensor],
    rate: float,
    decay: float,
    report: Report | None = None,
) -> None:
    """AdamW with a cosine schedule; leaves the model frozen, in evaluation mode."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    model.train()
    for step, rows in enumerate(chosen):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(step / len(chosen))
        value = loss(rows)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        if report is not None:
            report(step + 1, len(chosen), float(value.detach()))
    model.eval().requires_grad_(False)


def draws(share: NDArray[np.float64], steps: int, batch: int, seed: int) -> tuple[Tensor, ...]:
    """Rows of each batch, drawn with the given chances."""
    rng = np.random.default_rng([seed, 41])
    drawn = rng.choice(len(share), (steps, batch), p=share / share.sum())
    return tuple(torch.from_numpy(rows) for rows in drawn)


def evidence_of(experts: Experts, items: Items) -> Evidence:
    """What trained experts say of items as they are."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(items), BATCH):
            rows = slice(start, start + BATCH)
            valid = torch.from_numpy(items.valid[rows])
            normal = experts.normalise(torch.from_numpy(items.features[rows]).float(), valid)
            parts.append(experts(normal, valid, torch.from_numpy(items.quality[rows])))
    return Evidence(*(torch.cat(column) for column in zip(*parts, strict=True)))


def judge(experts: Experts, table: Table, settings: HeadSettings, rounds: int, seed: int) -> Judged:
    """Let frozen experts judge items: once as they are, then disturbed.

    Modalities are not dropped here: the gate's fit does that, differently at every step.
    """
    what = replace(settings.disturbance, drop=0.0)
    random = torch.Generator().manual_seed(seed)
    parts = []
    with torch.no_grad():
        for number in range(rounds):
            for start in range(0, len(table), BATCH):
                rows = torch.arange(start, min(start + BATCH, len(table)))
                batch = table.batch(rows)
                parts.append(experts(*(disturbed(batch, what, random) if number else batch)))
    evidence = Evidence(*(torch.cat(column) for column in zip(*parts, strict=True)))
    clean = torch.arange(rounds).repeat_interleave(len(table)) == 0
    return Judged(evidence, table.labels.repeat(rounds), np.tile(table.share, rounds), clean)


def judge_out_of_sample(items: Items, settings: HeadSettings, seed: int) -> Judged:
    """Every item judged by experts that have not seen its group.

    With fewer than two groups there is no such expert; then they judge what they have seen.
    """
    folds = fold_of_groups(items.groups, settings.folds, seed)
    parts = []
    for fold in np.unique(folds):
        left_out = folds == fold
        seen = items.pick(~left_out) if not left_out.all() else items
        experts = train_experts_on(seen, settings, seed)
        table = table_of(items.pick(left_out), experts)
        parts.append(judge(experts, table, settings, settings.gate.rounds, seed + int(fold)))
    return together(parts)


def together(parts: Sequence[Judged]) -> Judged:
    """One after another, every class drawn alike."""
    columns = zip(*(part.evidence for part in parts), strict=True)
    evidence = Evidence(*(torch.cat(column) for column in columns))
    labels = torch.cat([part.labels for part in parts])
    share = 1.0 / np.bincount(labels.numpy())[labels.numpy()]
    clean = torch.cat([part.clean for part in parts])
    return Judged(evidence, labels, share / share.sum(), clean)


def fold_of_groups(groups: tuple[str, ...], folds: int, seed: int) -> NDArray[np.int64]:
    """(N,) fold of each item; groups stay whole, folds are of about the same size."""
    names, counts = np.unique(np.asarray(groups), return_counts=True)
    order = np.random.default_rng([seed, 43]).permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    sizes, fold_of = np.zeros(folds, np.int64), {}
    for place in order:  # the largest first, each to the fold that has least
        smallest = int(sizes.argmin())
        fold_of[str(names[place])] = smallest
        sizes[smallest] += counts[place]
    return np.array([fold_of[group] for group in groups], np.int64)


def temperatures_of(judged: Judged) -> Tensor:
    """(M,) what each expert's logits must be divided by for its opinion to be worth its numbers.

    Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks", ICML; 1 for an
    expert that was never there.
    """
    best = torch.ones(judged.evidence.there.shape[1])
    share = torch.from_numpy(judged.share).float()
    for m in range(len(best)):
        rows = (judged.evidence.there[:, m] > 0) & judged.clean
        logits, labels = judged.evidence.logits[rows, m], judged.labels[rows]
        if not len(labels):
            continue
        losses = [
            float((nn.functional.cross_entropy(logits / t, labels, reduction="none")
                   * share[rows]).sum())
            for t in TEMPERATURES
        ]  # fmt: skip
        best[m] = TEMPERATURES[int(np.argmin(losses))]
    return best
