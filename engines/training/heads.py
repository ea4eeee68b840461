"""Trains heads on frozen features: an expert for every modality, then a gate over them.

A gate fitted on its experts' own training items trusts whoever memorised them best. So by default
experts are trained once for each fold of groups and judge the fold they have not seen; the gate and
every expert's temperature learn from these judgements (Wolpert 1992, "Stacked generalization"). The
experts in use have seen all folds. With ``held``, items of groups that not even the encoders have
learned from, it learns from what the experts say of those, too.

What made a gate better than the mean on groups never seen, most important first: experts trained
also by the loss of their product (ExpertSettings.team); opinions joined as logarithms, so that
independent evidence adds up, where mixtures of probabilities lost to the mean; a gate that sees
numbers about the experts (sureness, novelty) and not their features; fitting it, and temperatures,
out of sample; noise in single modalities while it is fitted (Disturbance.spoil); telling it which
expert was right (GateFit.trust), without which its weights hardly leave a spoiled modality. Joint
training was no better than this and has to be done again for every gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engines.benchmarks.items import Items, Prediction
from engines.models.gates import GATES, Evidence, Gate
from engines.models.heads import Experts, Heads
from engines.training.head_data import disturbed, drop_modalities, table_of
from engines.training.head_experts import (
    Judged,
    Report,
    draws,
    evidence_of,
    judge,
    judge_out_of_sample,
    minimise,
    new_experts,
    temperatures_of,
    together,
    train_experts_on,
)
from engines.training.head_losses import expert_nll, fused_nll, price_of, trust_nll
from engines.training.head_settings import HeadSettings

EXPERT_SHARE = 0.5  # of the experts' own loss in joint training


@dataclass(frozen=True, slots=True)
class TrainedHeads:
    """Heads that can judge items of the same modalities and classes."""

    heads: Heads
    gate: str  # name in GATES
    modalities: tuple[str, ...]
    classes: tuple[str, ...]

    def predict(self, items: Items) -> Prediction:
        """Judge; rows of zeros where nothing is there.  Raises: ValueError for other axes."""
        if items.modalities != self.modalities or items.classes != self.classes:
            raise ValueError(
                f"heads for {self.modalities}, {self.classes} cannot judge items of "
                f"{items.modalities}, {items.classes}; train them on such items"
            )
        return self.fuse(evidence_of(self.heads.experts, items))

    def fuse(self, evidence: Evidence) -> Prediction:
        """The gate's part alone, so that many gates can share what their experts said."""
        with torch.no_grad():
            fusion = self.heads.gate(evidence)
        experts = torch.softmax(evidence.logits, dim=2) * evidence.there[:, :, None]
        weights = None if fusion.weights is None else fusion.weights.numpy()
        return Prediction(fusion.log_probabilities.exp().numpy(), weights, experts.numpy())


@dataclass(frozen=True, slots=True)
class TrainedExperts:
    """Calibrated experts that no longer change, and what gates over them learn from."""

    experts: Experts
    judged: Judged
    classes: tuple[str, ...]
    settings: HeadSettings


def train_heads(
    train: Items,
    gate: str,
    settings: HeadSettings,
    seed: int,
    held: Items | None = None,
    report: Report | None = None,
) -> TrainedHeads:
    """Train experts and gate; the same seed gives the same numbers.

    gate: name in GATES   held: groups that neither encoders nor experts learn from, for gates alone
    """
    if settings.fit == "joint":
        return _train_jointly(train, gate, settings, seed, report)
    return train_gate_on(train_experts(train, settings, seed, held, report), gate, seed)


def train_experts(
    train: Items,
    settings: HeadSettings,
    seed: int,
    held: Items | None = None,
    report: Report | None = None,
) -> TrainedExperts:
    """Experts alone, for any number of gates; see train_heads. Their own numbers need no gate:
    ``train_gate_on(trained, "mean", seed).predict(items).experts``.
    """
    experts = train_experts_on(train, settings, seed, report)
    judged = what_gates_learn_from(experts, train, held, settings, seed)
    temperatures = temperatures_of(judged)
    experts.classify.weight.div_(temperatures[:, None, None])
    experts.classify.bias.div_(temperatures[:, None, None])
    return TrainedExperts(experts, judged.cooled(temperatures), train.classes, settings)


def what_gates_learn_from(
    experts: Experts, train: Items, held: Items | None, settings: HeadSettings, seed: int
) -> Judged:
    """Every training group judged by experts that have not seen it, and those held back."""

    def by_these(items: Items) -> Judged:
        return judge(experts, table_of(items, experts), settings, settings.gate.rounds, seed)

    own = (
        by_these(train)
        if settings.fit == "in_sample"
        else judge_out_of_sample(train, settings, seed)
    )
    return own if held is None else together([own, by_these(held)])


def train_gate_on(
    trained: TrainedExperts, gate: str, seed: int, report: Report | None = None
) -> TrainedHeads:
    """Fit one gate on what the experts said; rules without parameters are ready at once."""
    sizes, settings = trained.experts.sizes, trained.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = GATES[gate].build(sizes, settings.use_quality)
        if any(True for _ in net.parameters()):
            _fit(net, trained.judged, settings, seed, report)
    net.eval()
    return TrainedHeads(Heads(trained.experts, net).eval(), gate, sizes.modalities, trained.classes)


def _fit(
    net: Gate, judged: Judged, settings: HeadSettings, seed: int, report: Report | None
) -> None:
    how, random = settings.gate, torch.Generator().manual_seed(seed)

    def loss(rows: Tensor) -> Tensor:
        seen = judged.evidence.pick(rows)
        there = drop_modalities(seen.there > 0, settings.disturbance.drop, random)
        seen = seen._replace(there=there.float())
        fusion, labels = net(seen), judged.labels[rows]
        fused = fused_nll(fusion, labels, settings.smoothing)
        trust = how.trust * trust_nll(fusion, seen, labels)
        return fused + trust + price_of(fusion, how.price)

    chosen = draws(judged.share, how.steps, how.batch, seed)
    minimise(net, loss, chosen, how.rate, how.decay, report)


def _train_jointly(
    train: Items, gate: str, settings: HeadSettings, seed: int, report: Report | None
) -> TrainedHeads:
    torch.set_num_threads(1)
    how, random = settings.experts, torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        experts = new_experts(train, settings)
        heads = Heads(experts, GATES[gate].build(experts.sizes, settings.use_quality))
        table = table_of(train, experts)

        def loss(rows: Tensor) -> Tensor:
            evidence = experts(*disturbed(table.batch(rows), settings.disturbance, random))
            fusion, labels = heads.gate(evidence), table.labels[rows]
            alone = expert_nll(evidence, labels, settings.smoothing)
            fused = fused_nll(fusion, labels, settings.smoothing)
            return fused + EXPERT_SHARE * alone + price_of(fusion, settings.gate.price)

        chosen = draws(table.share, how.steps, how.batch, seed)
        minimise(heads, loss, chosen, how.rate, how.decay, report)
    return TrainedHeads(heads, gate, train.modalities, train.classes)
