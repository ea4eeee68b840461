"""ONNX from torch: norms and paddings inside the convolutions, only the batch axis dynamic."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edge.encoders.spec import ENCODERS, INPUT_NAME, OUTPUT_NAME
from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES
from engines.graph import cast_first, fold_constants, fold_pads, name_shared

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor, nn

    from engines.models.encoder import Encoder
    from engines.models.fusion import FusionNet

OPSET = 17
"""Read by every TensorRT from 8.6 and every OpenVINO we support."""

BATCH = "batch"


def onnx_from_encoder(encoder: Encoder) -> bytes:
    """One encoder's graph: ``input`` (B, *input_shape) raw -> ``feature`` (B, 256)."""
    import numpy as np
    import torch

    spec = ENCODERS[encoder.modality]
    example = torch.from_numpy(np.zeros((1, *spec.input_shape), spec.input_type))
    model = _export(encoder, {INPUT_NAME: example}, [OUTPUT_NAME], fold_weights=True)
    return _finished(model)


def onnx_from_fusion(net: FusionNet) -> bytes:
    """The gate's graph; its initialisers are named as FusionParameters' fields."""
    import torch

    m = len(MODALITIES)
    inputs = {
        "features": torch.zeros(1, m, VIDEO_STEPS, FEATURE_DIM),
        "valid": torch.ones(1, m, VIDEO_STEPS, dtype=torch.bool),
        "present": torch.ones(1, m, dtype=torch.bool),
        "quality": torch.ones(1, m, len(QUALITY_CUES)),
    }
    outputs = ["gate", "actions", "experts", "sounds"]
    # folding weights would slice and rename the very parameters that edge reads by name
    return _finished(_export(net, inputs, outputs, fold_weights=False))


def _export(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], fold_weights: bool
) -> ModelProto:
    import onnx
    import torch

    buffer = io.BytesIO()
    training = module.training
    module.eval()
    with warnings.catch_warnings():
        # the exporter that folds batch norms and keeps names is called legacy
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            buffer,  # type: ignore[arg-type]  # this exporter takes a stream, its stub says path
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: BATCH} for name in (*inputs, *outputs)},
            opset_version=OPSET,
            do_constant_folding=fold_weights,
            dynamo=False,
        )
    module.train(training)
    return onnx.load_model_from_string(buffer.getvalue())


def _finished(model: ModelProto) -> bytes:
    import onnx

    name_shared(model)
    fold_constants(model)
    fold_pads(model)
    cast_first(model)
    model.producer_name, model.producer_version = "gatehouse", ""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(inferred, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
