"""What the benchmark needs of whoever trains heads and gates on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from engines.benchmarks.items import Items, Prediction

if TYPE_CHECKING:
    from engines.training.head_settings import HeadSettings

Kind = Literal["single", "rule", "gate", "baseline"]
MEAN = "mean"
RULES = frozenset({MEAN, "product", "fixed"})
"""Gates that do not look at the item: the same rule, or the same weights, for all of them."""

HELD = "held"
"""Tag of training items from which the gate and the temperatures learn, and no expert; for groups
that not even the encoders have learned from. Without any, gates learn from the experts' folds."""

TRAINING = (
    ("engines.models.gates", ""),
    ("engines.models", "heads"),
    ("engines.models", "temporal"),
    ("engines.training", "head"),
    ("engines.benchmarks", "heads"),
    ("engines.benchmarks", "jobs"),
)
"""The code that shapes a prediction, see code.code_digest."""


class Predictor(Protocol):
    """Heads and a gate that have learned."""

    def predict(self, items: Items) -> Prediction:
        """Judge items of the same modalities and classes; ``experts`` must be given, too."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way of answering."""

    name: str
    title: str
    kind: Kind
    gate: str = ""  # what the trainer is asked for
    only: str | None = None  # a single modality: the opinion of its expert
    simplex: bool = False  # whether its weights are on the simplex


Trainer = Callable[[Items, Sequence[str], int], Callable[[str], Predictor]]
"""(items to learn from, gates, seed) -> what gives each gate's predictor; experts are shared.

Importable by name, for it runs in workers.
"""


def train_shared(
    train: Items, gates: Sequence[str], seed: int, settings: HeadSettings | None = None
) -> Callable[[str], Predictor]:
    """The project's own trainer: experts once, then any gate on them.

    Items with the tag HELD are for the gates alone.  settings: None for the default ones
    """
    import torch

    from engines.training import head_settings
    from engines.training.heads import train_experts, train_gate_on

    torch.set_num_threads(1)
    learned, held = apart(train)
    experts = train_experts(learned, settings or head_settings.HeadSettings(), seed, held)

    def gate_of(name: str) -> Predictor:
        return train_gate_on(experts, name, seed)

    return gate_of


def apart(train: Items) -> tuple[Items, Items | None]:
    """Items for the experts, and those with the tag HELD; None without any, or with no others"""
    held = [tag == HELD for tag in train.tags]
    if not any(held) or all(held):
        return train, None
    rows = [i for i, own in enumerate(held) if own]
    others = [i for i, own in enumerate(held) if not own]
    return train.pick(others), train.pick(rows)


def gate_methods() -> tuple[Method, ...]:
    """Every gate there is."""
    from engines.models.gates import GATES

    return tuple(
        Method(name, spec.title, "rule" if name in RULES else "gate", name, simplex=spec.simplex)
        for name, spec in GATES.items()
    )
