"""The four rows of configuration that make four encoders of one class.

Graphs take raw sensor tensors of types TensorRT has (no 16-bit integers); normalisation, depth
scaling and log-mel live inside the graph, so that training, CPU, TensorRT and calibration agree by
construction. The leading batch axis is the only dynamic one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.values import PATCH_SAMPLES
from edge.vocabulary import Modality

RGB_SIZE = 128
SMALL_SIZE = 80
"""Side of flow and depth crops: their source is 160x120, more would only interpolate."""

FLOW_SCALE = 8
"""int8 flow is in eighths of a pixel of the 160x120 grey picture, clipped to +-127."""

HEIGHT_UNKNOWN = -32_768
"""Height above the floor, mm, where there is no return, no floor was found, or outside the crop."""

INPUT_NAME = "input"
OUTPUT_NAME = "feature"

Precision = Literal["fp32", "int8"]
"""Which of a modality's two graphs runs: they take and give the same."""

INT8_SUFFIX = ".int8.onnx"

FIRST_FILTER = ("/backbone/frozen/frozen.0/filter/Conv",)
FIRST_FLOW = ("/backbone/stem/conv/Conv",)
LOG_MEL = ("/normalise/Conv", "/normalise/Conv_1")
"""Convolutions that stay float in INT8 graphs, by measured sensitivity (see calibration int8).

MobileNetV2's first depthwise filter would make two fifths of all INT8 noise in RGB's features, and
flow's first layer three fifths of flow's. Behind sound's front end a logarithm magnifies what INT8
does to quiet sounds: with the front end in INT8, the mean cosine of features with FP32's was 0.51.
"""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What goes into one encoder; out comes (B, FEATURE_DIM) float32."""

    modality: Modality
    file: str  # in the model directory
    input_shape: tuple[int, ...]  # without the batch axis
    input_type: type[np.generic]  # one of uint8, int8, int32, float32
    float_layers: tuple[str, ...] = ()  # convolutions that stay float in the INT8 graph

    @property
    def int8_file(self) -> str:
        """The INT8 graph beside ``file``, in model directories that have one."""
        return self.file.removesuffix(".onnx") + INT8_SUFFIX

    def file_of(self, precision: Precision) -> str:
        """The graph's file of either precision."""
        return self.int8_file if precision == "int8" else self.file


ENCODERS: Mapping[Modality, EncoderSpec] = {
    spec.modality: spec
    for spec in (
        # sRGB, channels last
        EncoderSpec(Modality.RGB, "rgb.onnx", (RGB_SIZE, RGB_SIZE, 3), np.uint8, FIRST_FILTER),
        # (x, y) displacement from the previous grid point, see FLOW_SCALE, channels last
        EncoderSpec(Modality.FLOW, "flow.onnx", (SMALL_SIZE, SMALL_SIZE, 2), np.int8, FIRST_FLOW),
        # distance in mm, 0 = no return; height above the floor in mm, see HEIGHT_UNKNOWN
        EncoderSpec(Modality.DEPTH, "depth.onnx", (SMALL_SIZE, SMALL_SIZE, 2), np.int32),
        # waveform in [-1, 1] at 16 kHz
        EncoderSpec(Modality.AUDIO, "audio.onnx", (PATCH_SAMPLES,), np.float32, LOG_MEL),
    )
}

FUSION_FILE = "fusion.onnx"
MANIFEST_FILE = "manifest.json"
