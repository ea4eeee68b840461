"""What a stage of training leaves for the next: small files from which a bare machine goes on.

For each stream ``NAME.onnx`` is its encoder, ``NAME.npz`` its temporal stage and expert (the sound
head too, of audio), ``NAME.json`` the settings, the seed and what was measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.encoders.spec import ENCODERS
from edge.errors import MissingFileError
from edge.vocabulary import MODALITIES, Modality

if TYPE_CHECKING:
    from engines.models.encoder import Encoder
    from engines.models.fusion import FusionNet

OWN = (
    "temporal_kernel",
    "temporal_bias",
    "temporal_query",
    "temporal_age",
    "expert_weight",
    "expert_bias",
)
"""Parameters of the fusion stage with a row for each modality, which its stream trains."""

SOUND = ("sound_weight", "sound_bias")


def write_stream(
    folder: Path, encoder: Encoder, head: FusionNet, record: Mapping[str, Any]
) -> None:
    """Keep a trained stream; the record is written last and names the encoder's digest."""
    from engines.export import onnx_from_encoder

    folder.mkdir(parents=True, exist_ok=True)
    modality = encoder.modality
    data = onnx_from_encoder(encoder.eval())
    onnx_path(folder, modality).write_bytes(data)
    m = MODALITIES.index(modality)
    arrays = {name: getattr(head, name)[m].detach().numpy() for name in OWN}
    if modality is Modality.AUDIO:
        arrays.update({name: getattr(head, name).detach().numpy() for name in SOUND})
    np.savez(folder / f"{modality.value}.npz", **arrays)
    full = {**record, "sha256": sha256(data).hexdigest()}
    text = json.dumps(full, indent=1, sort_keys=True)
    record_path(folder, modality).write_text(text + "\n", encoding="utf-8")


def onnx_path(folder: Path, modality: Modality) -> Path:
    """A stream's encoder."""
    return folder / ENCODERS[modality].file


def record_path(folder: Path, modality: Modality) -> Path:
    """How a stream was trained."""
    return folder / f"{modality.value}.json"


def read_record(folder: Path, modality: Modality) -> dict[str, Any] | None:
    """How a stream was trained; None when it was not, or its encoder is another."""
    try:
        record: dict[str, Any] = json.loads(record_path(folder, modality).read_text("utf-8"))
        digest = sha256(onnx_path(folder, modality).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None
    return record if record.get("sha256") == digest else None


def read_encoders(folder: Path) -> dict[str, bytes]:
    """File name -> ONNX of the four encoders.  Raises: MissingFileError."""
    files = {}
    for modality in MODALITIES:
        if read_record(folder, modality) is None:
            raise MissingFileError(
                f"{folder} has no trained {modality.value} encoder; run: python -m engines train "
                f"--stage {modality.value}"
            )
        files[ENCODERS[modality].file] = onnx_path(folder, modality).read_bytes()
    return files


def start_from(folder: Path) -> FusionNet:
    """A network that begins with the temporal stages and heads the streams learned alone."""
    import torch

    from engines.models.fusion import FusionNet

    net = FusionNet()
    with torch.no_grad():
        for modality in MODALITIES:
            m = MODALITIES.index(modality)
            with np.load(folder / f"{modality.value}.npz") as arrays:
                for name in OWN:
                    getattr(net, name)[m] = torch.from_numpy(arrays[name])
                for name in SOUND if modality is Modality.AUDIO else ():
                    getattr(net, name).copy_(torch.from_numpy(arrays[name]))
    return net
