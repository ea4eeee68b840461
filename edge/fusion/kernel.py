"""What gate.cu is compiled for, and how its structures look from here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.fusion.parameters import FusionParameters
from edge.vocabulary import MODALITIES, Modality

THREADS = 256
"""Of a block, as in gate.cu."""

ROW_MISSING = -1
GATE_ARGUMENTS = "P" * (14 + 5)  # struct Weights by value, then the other pointers
STORE_ARGUMENTS = "PPiii"

Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class KernelForm:
    """Sizes of a gate, and which of its parts do nothing and are left out."""

    dim: int
    steps: int
    taps: int
    heads: int
    modalities: int
    actions: int
    sounds: int
    cues: int
    hidden: int
    audio: int = MODALITIES.index(Modality.AUDIO)
    convolves: bool = True  # False: temporal kernel and bias are zero
    attends: bool = True  # False: query and age are zero, a head takes the mean
    sees_features: bool = True  # False: the gate looks at presence and cues alone
    log_pool: bool = False  # True: the power mean's limit at power 0

    @property
    def options(self) -> tuple[str, ...]:
        """Compiler options, alike for NVRTC, nvcc and g++."""
        values = {
            "D": self.dim,
            "T": self.steps,
            "TAPS": self.taps,
            "HEADS": self.heads,
            "M": self.modalities,
            "A": self.actions,
            "S": self.sounds,
            "Q": self.cues,
            "H": self.hidden,
            "AUDIO": self.audio,
            "CONVOLVES": self.convolves,
            "ATTENDS": self.attends,
            "SEES_FEATURES": self.sees_features,
            "LOG_POOL": self.log_pool,
        }
        return tuple(f"-DGATE_{name}={int(value)}" for name, value in values.items())

    @property
    def room(self) -> np.dtype[Any]:
        """What is asked about one room: struct Room."""
        m = self.modalities
        return np.dtype([("rows", "<i4", (m, self.steps)), ("quality", "<f4", (m, self.cues))])

    @property
    def part(self) -> np.dtype[Any]:
        """What one block leaves for the last of its room: struct Part."""
        return np.dtype([("hidden", "<f4", self.hidden), ("opinions", "<f4", self.actions)])

    @property
    def verdict(self) -> np.dtype[Any]:
        """What is answered, the fields of values.FusedBatch: struct Verdict."""
        m, a = self.modalities, self.actions
        fields = {"gate": (m,), "actions": (a,), "experts": (m, a), "sounds": (self.sounds,)}
        return np.dtype([(name, "<f4", shape) for name, shape in fields.items()])


def form_of(p: FusionParameters, log_pool: bool = False) -> KernelForm:
    """The least that computes these parameters exactly."""
    m, taps, dim = p.temporal_kernel.shape
    hidden, told = p.gate_hidden_weight.shape
    on_features = p.gate_hidden_weight.reshape(hidden, m, -1)[..., :dim]
    return KernelForm(
        dim=dim,
        steps=p.temporal_age.shape[2],
        taps=taps,
        heads=p.temporal_age.shape[1],
        modalities=m,
        actions=p.expert_weight.shape[1],
        sounds=p.sound_weight.shape[0],
        cues=told // m - dim - 1,
        hidden=hidden,
        convolves=bool(p.temporal_kernel.any() or p.temporal_bias.any()),
        attends=bool(p.temporal_query.any() or p.temporal_age.any()),
        sees_features=bool(on_features.any()),
        log_pool=log_pool,
    )


def weights_of(p: FusionParameters) -> list[NDArray[Any]]:
    """The members of struct Weights, in its order and types."""
    m, _, dim = p.temporal_kernel.shape
    hidden = p.gate_hidden_weight.reshape(len(p.gate_hidden_weight), m, -1).swapaxes(0, 1)
    halves = (
        p.temporal_kernel,
        p.temporal_query,
        p.expert_weight,
        hidden[..., :dim],
        p.sound_weight,
    )
    floats = (
        p.temporal_bias,
        p.temporal_age,
        p.expert_bias,
        hidden[..., dim:],
        p.gate_hidden_bias,
        p.gate_weight,
        p.gate_bias,
        p.sound_bias,
        np.concatenate([p.pool_power, p.pool_independence]),
    )
    singles = (np.ascontiguousarray(array, np.float32) for array in floats)
    return [*(np.ascontiguousarray(to_half(array)) for array in halves), *singles]


def to_half(array: NDArray[Any]) -> Half:
    """Round to half precision; what is too large becomes the largest, as in gate.cu's store."""
    largest = np.finfo(np.float16).max
    half: Half = np.clip(array, -largest, largest).astype(np.float16)
    return half


def source() -> str:
    """The text of gate.cu."""
    return (files("edge") / "fusion" / "gate.cu").read_text(encoding="utf-8")
