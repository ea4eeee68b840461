from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.models import ModelStore
from engines.store import CARD_FILE, Provenance, write_model_dir

PROVENANCE = Provenance(
    name="test-1",
    trained_on=("rooms",),
    split="none",
    pretrained={"YAMNet": "Apache-2.0"},
    facts={"clips": 3},
)


def test_edge_opens_what_was_written(tmp_path: Path) -> None:
    write_model_dir(tmp_path, {"rgb.onnx": b"graph"}, PROVENANCE)
    store = ModelStore(tmp_path)
    assert store.read("rgb.onnx") == b"graph"
    assert store.manifest.name == "test-1"
    assert store.manifest.trained_on == ("rooms",)
    assert json.loads((tmp_path / "manifest.json").read_text())["files"]["rgb.onnx"]["bytes"] == 5


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    write_model_dir(tmp_path, {"rgb.onnx": b"graph"}, PROVENANCE)
    (tmp_path / "rgb.onnx").write_bytes(b"grapf")
    with pytest.raises(ModelError, match="damaged"):
        ModelStore(tmp_path).read("rgb.onnx")


def test_the_card_names_data_and_licences(tmp_path: Path) -> None:
    write_model_dir(tmp_path, {}, PROVENANCE)
    card = (tmp_path / CARD_FILE).read_text()
    assert "| rooms | - | rendered by this project |" in card
    assert "YAMNet: Apache-2.0" in card
