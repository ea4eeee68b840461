"""Finds the pretrained weights and checks that they are the ones we know."""

from __future__ import annotations

import io
import os
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import MissingFileError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

MOVENET_FILE = "movenet_lightning_dequant_fp32.onnx"
MOVENET_SHA256 = "27cbf4ff5b551106"
YAMNET_FILE = "yamnet_full_bnfolded_dequant.pt"
YAMNET_SHA256 = "9d61ba8201c3b170"


def weights_dir() -> Path:
    """Directory of the weights that are not on PyPI: GATEHOUSE_WEIGHTS, else ../shared/weights."""
    return Path(os.environ.get("GATEHOUSE_WEIGHTS", "../shared/weights"))


def movenet_convolutions() -> dict[str, tuple[Tensor, Tensor]]:
    """Kernel and bias of every convolution of MoveNet Lightning (Apache-2.0), in graph order.

    Raises: MissingFileError, ModelError.
    """
    import onnx
    import torch
    from onnx import numpy_helper

    data = _checked(weights_dir() / MOVENET_FILE, MOVENET_SHA256)
    graph = onnx.load_model_from_string(data).graph
    arrays = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    return {
        node.output[0]: (arrays[node.input[1]], arrays[node.input[2]])
        for node in graph.node
        if node.op_type == "Conv"
    }


def yamnet_state() -> dict[str, Tensor]:
    """YAMNet with folded batch norms (Apache-2.0). Raises: MissingFileError, ModelError."""
    import torch

    data = _checked(weights_dir() / YAMNET_FILE, YAMNET_SHA256)
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), weights_only=True)
    return state


def check_pretrained() -> None:
    """See now what training would miss later.  Raises: MissingFileError, ModelError."""
    if find_spec("torch") is None:
        raise MissingFileError("torch is not installed; run: pip install 'gatehouse-edge[train]'")
    movenet_convolutions()
    yamnet_state()


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingFileError(
            f"{path}: pretrained weights not found; set GATEHOUSE_WEIGHTS to their directory"
        ) from error
    found = sha256(data).hexdigest()
    if not found.startswith(digest):
        raise ModelError(f"{path}: sha256 {found[:16]} is not {digest}; download the file again")
    return data
