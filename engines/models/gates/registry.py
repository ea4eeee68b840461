"""All gates by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engines.models.gates.base import Gate, Sizes
from engines.models.gates.concatenation import Concatenation
from engines.models.gates.excitation import Excitation
from engines.models.gates.features import Attention, FeatureGate, GatedMultimodalUnit
from engines.models.gates.flow_gated import FlowGated
from engines.models.gates.mixture import LogMixture, Mixture, Sight
from engines.models.gates.policy import SparsePolicy
from engines.models.gates.rules import FixedWeights, Mean, Product


@dataclass(frozen=True, slots=True)
class GateSpec:
    """One way of fusing."""

    name: str
    title: str  # for tables
    simplex: bool  # says how much each modality counted, with weights that sum to 1
    opinions: bool  # mixes the experts' opinions: what is alone speaks for itself
    cues: bool  # takes quality cues
    builder: Callable[[Sizes, bool], Gate]  # sizes, whether to use the quality cues

    def build(self, sizes: Sizes, use_quality: bool = True) -> Gate:
        """A fresh gate; random numbers from torch's generator."""
        return self.builder(sizes, use_quality and self.cues)


# few numbers and no features: what sees those overfits unless items are many
SURE: tuple[Sight, ...] = ("sureness", "novelty")

_SPECS = (
    GateSpec("mean", "mean of experts", True, True, False, lambda s, q: Mean()),
    GateSpec("product", "product of experts", True, True, False, lambda s, q: Product()),
    GateSpec("fixed", "fixed weights", True, True, False, lambda s, q: FixedWeights(s)),
    GateSpec("concat", "concatenation + MLP", False, False, True, Concatenation),
    GateSpec("moe", "MoE, gate sees features", True, True, True,
             lambda s, q: Mixture(s, ("features",), q)),
    GateSpec("moe_scores", "MoE, gate sees scores", True, True, True,
             lambda s, q: Mixture(s, ("scores",), q)),
    GateSpec("moe_sureness", "MoE, gate sees sureness", True, True, True,
             lambda s, q: Mixture(s, SURE, q)),
    GateSpec("moe_cues", "MoE, gate sees cues alone", True, True, True,
             lambda s, q: Mixture(s, (), q)),
    GateSpec("moe_log", "MoE of log-scores", True, True, True,
             lambda s, q: LogMixture(s, SURE, q)),
    GateSpec("moe_log_cues", "MoE of log-scores, cues alone", True, True, True,
             lambda s, q: LogMixture(s, (), q)),
    GateSpec("features", "softmax gate on features", True, False, True, FeatureGate),
    GateSpec("gmu", "GMU", False, False, True, GatedMultimodalUnit),
    GateSpec("mmtm", "MMTM (squeeze-excite)", False, False, True, Excitation),
    GateSpec("flow_gated", "flow-gated", False, False, False, lambda s, q: FlowGated(s)),
    GateSpec("attention", "attention over modalities", True, False, True, Attention),
    GateSpec("sparse", "sparse policy (AdaMML)", True, True, True, SparsePolicy),
)  # fmt: skip

GATES: Mapping[str, GateSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})

DEFAULT = "moe_log"
"""Of those with simplex weights the best on clean items and under noise, and best calibrated."""
