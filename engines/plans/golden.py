"""Inputs to compare engines on: what the shipped recording's sensors gave, not noise."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.compose import make_window, open_file
from edge.pipeline import tensor_of
from edge.preprocess.frames import FramePreprocessor
from edge.replay import until_ticks
from edge.settings import WindowSettings
from edge.values import Tick
from edge.vocabulary import MODALITIES, Modality

VECTORS = 16


def golden_vectors(count: int = VECTORS) -> dict[Modality, NDArray[Any]]:
    """(N, *input shape) of each modality, N at most ``count``, evenly over the demo recording."""
    source = open_file(Path(str(files("edge") / "data" / "demo.mcap")))
    frames = FramePreprocessor()
    tensors: dict[Modality, list[NDArray[Any]]] = {m: [] for m in MODALITIES}
    for items in until_ticks(source, make_window(source.streams, WindowSettings())):
        for item in items:
            inputs = item if isinstance(item, Tick) else frames.push(item)
            for m in MODALITIES:
                tensor = None if inputs is None else tensor_of(m, inputs)
                if tensor is not None:
                    tensors[m].append(tensor)
    return {m: _spread(found, count) for m, found in tensors.items()}


def _spread(found: list[NDArray[Any]], count: int) -> NDArray[Any]:
    chosen = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    return np.stack([found[i] for i in chosen])
