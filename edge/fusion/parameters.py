"""The learned numbers of the fusion stage, with their shapes checked once.

M modalities, D feature size, K taps, A actions, S sounds, Q quality cues, H hidden units.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from edge.errors import ModelError
from edge.values import F32, FEATURE_DIM
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

QUALITY_CUES: tuple[str, ...] = ("level", "detail", "coverage")
"""What the gate is told of each modality's signal, each in [0, 1]; see edge/signals.py.

level and detail are means over the window; coverage is the share of its steps that are valid.
"""

TAPS = 5


@dataclass(frozen=True, slots=True)
class FusionParameters:
    """Weights of temporal stage, experts, gate, sound head; the initialiser names in the ONNX."""

    temporal_kernel: F32  # (M, K, D) tap 0 looks at the present step, tap k at k steps before
    temporal_bias: F32  # (M, D)
    expert_weight: F32  # (M, A, D)
    expert_bias: F32  # (M, A)
    gate_hidden_weight: F32  # (H, M * (D + 1 + Q))
    gate_hidden_bias: F32  # (H,)
    gate_weight: F32  # (M, H)
    gate_bias: F32  # (M,)
    sound_weight: F32  # (S, D)
    sound_bias: F32  # (S,)

    def __post_init__(self) -> None:
        m, d, a, s = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS)
        hidden = self.gate_hidden_weight.shape[0] if self.gate_hidden_weight.ndim == 2 else 0
        expected = {
            "temporal_kernel": (m, TAPS, d),
            "temporal_bias": (m, d),
            "expert_weight": (m, a, d),
            "expert_bias": (m, a),
            "gate_hidden_weight": (hidden, m * (d + 1 + len(QUALITY_CUES))),
            "gate_hidden_bias": (hidden,),
            "gate_weight": (m, hidden),
            "gate_bias": (m,),
            "sound_weight": (s, d),
            "sound_bias": (s,),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if value.shape != expected[field.name] or value.dtype != np.float32:
                raise ModelError(
                    f"fusion weights: {field.name} is {value.dtype}{value.shape}, expected "
                    f"float32{expected[field.name]}; the model is for another version, reinstall it"
                )
            if not np.isfinite(value).all():
                raise ModelError(f"fusion weights: {field.name} is not finite; reinstall the model")
