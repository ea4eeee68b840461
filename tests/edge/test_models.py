"""The model directory: nothing runs that is not what its digest promises."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EX_DAMAGED, ModelError
from edge.models import ModelStore, load_fusion_parameters, open_models
from edge.settings import ModelSettings


def write_store(directory: Path, content: bytes = b"weights") -> Path:
    (directory / "rgb.onnx").write_bytes(content)
    manifest = {
        "format": 1,
        "name": "test",
        "trained_on": ["rooms"],
        "files": {"rgb.onnx": {"sha256": sha256(content).hexdigest(), "bytes": len(content)}},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def test_a_file_with_the_right_digest_is_returned(tmp_path: Path) -> None:
    store = ModelStore(write_store(tmp_path))
    assert store.read("rgb.onnx") == b"weights"
    assert store.manifest.trained_on == ("rooms",)


def test_one_flipped_bit_is_refused(tmp_path: Path) -> None:
    store = ModelStore(write_store(tmp_path))
    (tmp_path / "rgb.onnx").write_bytes(b"weightr")
    with pytest.raises(ModelError, match=r"damaged.*reinstall") as caught:
        store.read("rgb.onnx")
    assert caught.value.exit_code == EX_DAMAGED


@pytest.mark.parametrize("name", ["rgb.onnx", "flow.onnx"])
def test_a_missing_file_names_the_remedy(tmp_path: Path, name: str) -> None:
    store = ModelStore(write_store(tmp_path))
    (tmp_path / "rgb.onnx").unlink()
    with pytest.raises(ModelError, match=f"{name}.*reinstall"):
        store.read(name)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{",
        '{"format": 2}',
        '{"format": 1, "name": "x"}',
        '{"format": 1, "files": 3}',
    ],
)
def test_a_bad_manifest_is_one_clear_line(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=r"manifest.*reinstall") as caught:
        ModelStore(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_graph_of_another_version_is_refused_before_it_watches(
    model_directory: Path, tmp_path: Path
) -> None:
    for name, found, complaint in (
        ("rgb.onnx", (model_directory / "flow.onnx").read_bytes(), "does not take rgb input"),
        ("fusion.onnx", b"garbage" * 9, "not an ONNX file"),
    ):
        directory = tmp_path / name
        shutil.copytree(model_directory, directory)
        (directory / name).write_bytes(found)
        manifest = json.loads((directory / "manifest.json").read_text())
        manifest["files"][name]["sha256"] = sha256(found).hexdigest()
        (directory / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ModelError, match=f"{name}: {complaint}; reinstall") as caught:
            open_models(ModelSettings(directory=directory))
        assert "\n" not in str(caught.value)


def test_weights_that_are_not_numbers_are_refused(model_directory: Path) -> None:
    whole = load_fusion_parameters(ModelStore(model_directory))
    with pytest.raises(ModelError, match="gate_bias is not finite"):
        replace(whole, gate_bias=whole.gate_bias * np.float32(np.nan))
