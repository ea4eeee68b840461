"""The learned numbers of the fusion stage, with their shapes checked once.

M modalities, D feature size, K taps, N heads of D / N channels each, T steps, A actions, S sounds,
Q quality cues, H hidden units.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from edge.errors import ModelError
from edge.values import F32, FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

QUALITY_CUES: tuple[str, ...] = ("level", "detail", "coverage")
"""What the gate is told of each modality's signal, each in [0, 1]; see edge/signals.py.

level and detail are means over the window; coverage is the share of its steps that are valid.
"""

TAPS = 5
HEADS = 8
"""Head n of the temporal stage looks at channels [n * D / N, (n + 1) * D / N)."""


@dataclass(frozen=True, slots=True)
class FusionParameters:
    """Weights of temporal stage, experts, gate, sound head; the initialiser names in the ONNX."""

    temporal_kernel: F32  # (M, K, D) tap 0 looks at the present step, tap k at k steps before
    temporal_bias: F32  # (M, D)
    temporal_query: F32  # (M, D) what each head looks for in its channels; 0: nothing special
    temporal_age: F32  # (M, N, T) score of being in slot t; the newest is AUDIO_STEPS - 1 of audio,
    # VIDEO_STEPS - 1 of the others, so slot t is as many steps old as it lies below that one
    expert_weight: F32  # (M, A, D)
    expert_bias: F32  # (M, A)
    gate_hidden_weight: F32  # (H, M * (D + 1 + Q))
    gate_hidden_bias: F32  # (H,)
    gate_weight: F32  # (M, H)
    gate_bias: F32  # (M,)
    pool_power: F32  # (1,) in (0, 1]; 1: arithmetic mean of the experts, near 0: geometric
    pool_independence: F32  # (1,) in [0, 1]; 0: experts that agree say it once, 1: each adds proof
    sound_weight: F32  # (S, D)
    sound_bias: F32  # (S,)

    def __post_init__(self) -> None:
        m, d, a, s = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS)
        hidden = self.gate_hidden_weight.shape[0] if self.gate_hidden_weight.ndim == 2 else 0
        expected = {
            "temporal_kernel": (m, TAPS, d),
            "temporal_bias": (m, d),
            "temporal_query": (m, d),
            "temporal_age": (m, HEADS, VIDEO_STEPS),
            "expert_weight": (m, a, d),
            "expert_bias": (m, a),
            "gate_hidden_weight": (hidden, m * (d + 1 + len(QUALITY_CUES))),
            "gate_hidden_bias": (hidden,),
            "gate_weight": (m, hidden),
            "gate_bias": (m,),
            "pool_power": (1,),
            "pool_independence": (1,),
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
        if not (0 < self.pool_power[0] <= 1 and 0 <= self.pool_independence[0] <= 1):
            raise ModelError(
                f"fusion weights: pool_power {self.pool_power[0]:g} must be in (0, 1] and "
                f"pool_independence {self.pool_independence[0]:g} in [0, 1]; reinstall the model"
            )
