"""Which encoders become plans: those that the daemon would run on this board."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from edge.encoders.spec import ENCODERS
from engines.__main__ import main


@pytest.fixture
def both(small_models: Path, tmp_path: Path) -> Path:
    """Models with a file of each precision."""
    out = tmp_path / "both"
    shutil.copytree(small_models, out)
    manifest = json.loads((out / "manifest.json").read_text())
    for spec in ENCODERS.values():
        fp32 = (out / spec.file).read_bytes()
        (out / spec.int8_file).write_bytes(b"int8")
        manifest["files"][spec.int8_file] = {
            "sha256": sha256(b"int8").hexdigest(),
            "made_from": sha256(fp32).hexdigest(),
        }
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def told(capsys: pytest.CaptureFixture[str], models: Path, tmp_path: Path, *options: str) -> str:
    main(["list", "--models", str(models), "--plans", str(tmp_path / "plans"), *options])
    return capsys.readouterr().err


def test_list_says_which_encoders_tensorrt_runs(
    both: Path, small_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"TensorRT runs int8 encoders of {both}" in told(capsys, both, tmp_path)
    assert "fp32 encoders" in told(capsys, small_models, tmp_path)
    assert "fp32 encoders" in told(capsys, both, tmp_path, "--precision", "fp32")


def test_a_configuration_may_insist(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gatehouse.yaml"
    config.write_text(
        "site: s\ndevice: d\nrooms: [{name: a, source: {type: webcam}}]\n"
        "models: {precision: fp32}\n"
    )
    assert "fp32 encoders" in told(capsys, both, tmp_path, "--config", str(config))
