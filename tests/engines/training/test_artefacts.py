from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import MissingFileError
from edge.vocabulary import MODALITIES, Modality

torch = pytest.importorskip("torch", reason="needs the extra: train")

FLOW = MODALITIES.index(Modality.FLOW)


def trained(folder: Path) -> None:
    from engines.models.encoder import build_encoder
    from engines.models.fusion import FusionNet
    from engines.training.artefacts import write_stream

    torch.manual_seed(0)
    head = FusionNet()
    with torch.no_grad():
        head.temporal_query.normal_()
        head.temporal_age.normal_()
    write_stream(folder, build_encoder(Modality.FLOW), head, {"key": "k", "facts": {"loss": 1.0}})


def test_a_stream_leaves_an_encoder_that_runs_and_its_record(tmp_path: Path) -> None:
    import numpy as np

    from edge.encoders.openvino import OpenVinoBackend
    from edge.encoders.spec import ENCODERS
    from engines.training.artefacts import onnx_path, read_record

    trained(tmp_path)
    record = read_record(tmp_path, Modality.FLOW)
    assert record is not None
    assert (record["key"], record["facts"]) == ("k", {"loss": 1.0})
    engine = OpenVinoBackend(threads=1).load(onnx_path(tmp_path, Modality.FLOW).read_bytes())
    spec = ENCODERS[Modality.FLOW]
    assert engine.run(np.ones((2, *spec.input_shape), spec.input_type)).shape == (2, 256)


def test_a_record_of_another_encoder_counts_for_nothing(tmp_path: Path) -> None:
    from engines.training.artefacts import read_encoders, read_record, record_path

    trained(tmp_path)
    path = record_path(tmp_path, Modality.FLOW)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "sha256": "0" * 64}))
    assert read_record(tmp_path, Modality.FLOW) is None
    with pytest.raises(MissingFileError, match="--stage rgb"):
        read_encoders(tmp_path)


def test_the_gate_begins_with_what_the_streams_learned(tmp_path: Path) -> None:
    import numpy as np

    from engines.training.artefacts import OWN, SOUND, start_from

    trained(tmp_path)
    with np.load(tmp_path / "flow.npz") as arrays:
        own = {name: arrays[name] for name in OWN}
    for modality in MODALITIES:
        extra = {"sound_weight": np.ones((10, 256), np.float32), "sound_bias": np.ones(10)}
        np.savez(tmp_path / f"{modality.value}.npz", **own, **extra)
    net = start_from(tmp_path)
    for name in OWN:
        assert torch.equal(getattr(net, name)[FLOW], torch.from_numpy(own[name]))
    assert all((getattr(net, name) == 1).all() for name in SOUND)
