"""How heads on frozen features are trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engines.training.head_data import Disturbance

Fit = Literal["out_of_sample", "in_sample", "joint"]


@dataclass(frozen=True, slots=True)
class ExpertSettings:
    """Temporal stage and one classifier a modality.

    team: weight, beside each expert's own loss, of the loss of their product: experts that are
    judged together say what the others cannot see. 0 for the numbers of single modalities.
    """

    temporal: str = "attention"  # see engines/models/temporal.py
    steps: int = 300
    batch: int = 96
    rate: float = 2e-3
    decay: float = 0.1
    dropout: float = 0.3  # of pooled channels
    team: float = 2.0


@dataclass(frozen=True, slots=True)
class GateFit:
    """The gate over experts that no longer change.

    trust: weight, beside the loss of what is fused, of telling the gate which expert was right.
    """

    steps: int = 400
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.1
    rounds: int = 3  # times that every item is judged: once as it is, then disturbed
    trust: float = 1.0
    price: float = 0.02  # in nats, of running one encoder; for the sparse policy


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """Everything a training needs beside items, gate and seed.

    fit: out_of_sample: the gate learns from what experts say of groups they have not seen;
    in_sample: of their own training items; joint: experts and gate together.
    """

    fit: Fit = "out_of_sample"
    folds: int = 3
    normalise: bool = True
    use_quality: bool = True
    smoothing: float = 0.05
    disturbance: Disturbance = field(default_factory=Disturbance)
    experts: ExpertSettings = field(default_factory=ExpertSettings)
    gate: GateFit = field(default_factory=GateFit)
