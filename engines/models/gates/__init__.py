"""Every way of fusing modalities behind one interface; see base.py and registry.py."""

from engines.models.gates.base import Evidence, Fusion, Gate, Sizes
from engines.models.gates.registry import DEFAULT, GATES, GateSpec

__all__ = ["DEFAULT", "GATES", "Evidence", "Fusion", "Gate", "GateSpec", "Sizes"]
