"""Installing: the directory is whole at every moment, and INT8 never outlives its FP32."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.encoders.spec import ENCODERS
from edge.errors import ModelError, StoreError
from edge.models import ModelStore
from edge.vocabulary import Modality
from engines.quantize import install as module
from engines.quantize.fidelity import Fidelity
from engines.quantize.install import check_writable, install, write_alone
from engines.quantize.recipe import Original, Quantised
from engines.store import files_digest

RGB, FLOW = ENCODERS[Modality.RGB], ENCODERS[Modality.FLOW]
FIDELITY = Fidelity(0.998, 0.99, 25.0, 40)


def write_model(directory: Path, files: dict[str, bytes]) -> ModelStore:
    directory.mkdir(exist_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)
    entries = {n: {"sha256": sha256(d).hexdigest(), "bytes": len(d)} for n, d in files.items()}
    manifest = {"format": 1, "name": "m", "trained_on": [], "files": entries, "facts": {"a": 1},
                "split": "s", "pretrained": {}}  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "MODEL_CARD.md").write_text("card")
    return ModelStore(directory)


@pytest.fixture
def source(tmp_path: Path) -> ModelStore:
    return write_model(tmp_path / "model", {"rgb.onnx": b"rgb", "flow.onnx": b"flow"})


def result(spec: Any, fp32: bytes, int8: bytes) -> Quantised:
    return Quantised(Original(spec, fp32), int8, "min_max", ("/a",), {}, FIDELITY)


def test_a_new_directory_has_both_precisions_and_the_card(
    source: ModelStore, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "model"
    install(source, out, [result(RGB, b"rgb", b"small")])
    store = ModelStore(out)
    assert store.read_encoder(RGB) == b"rgb"
    assert store.read_encoder(RGB, "int8") == b"small"
    assert (out / "MODEL_CARD.md").read_text() == "card"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["facts"] == {"a": 1}
    assert manifest["files"]["rgb.int8.onnx"]["int8"]["float_layers"] == ["/a"]
    assert not list(out.glob("*.part"))


def test_benchmarks_get_a_model_of_int8_alone(source: ModelStore, tmp_path: Path) -> None:
    install(source, source.directory, [result(RGB, b"rgb", b"small")])
    write_alone(ModelStore(source.directory), tmp_path / "alone", [result(RGB, b"rgb", b"small")])
    store = ModelStore(tmp_path / "alone")
    assert store.manifest.name == "m-int8"
    assert set(store.manifest.digests) == {"rgb.onnx", "flow.onnx"}
    assert store.read("rgb.onnx") == b"small"


def test_in_place_nothing_else_changes(source: ModelStore) -> None:
    before = {p.name: p.read_bytes() for p in source.directory.glob("*.onnx")}
    install(source, source.directory, [result(RGB, b"rgb", b"small")])
    after = {p.name: p.read_bytes() for p in source.directory.glob("*.onnx")}
    assert after == {**before, "rgb.int8.onnx": b"small"}
    assert files_digest(ModelStore(source.directory).manifest.digests) == files_digest(
        source.manifest.digests
    )


def test_int8_of_other_encoders_stays_if_it_still_fits(source: ModelStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    install(source, out, [result(RGB, b"rgb", b"small rgb"), result(FLOW, b"flow", b"small flow")])
    trained_again = write_model(tmp_path / "next", {"rgb.onnx": b"rgb 2", "flow.onnx": b"flow"})
    install(trained_again, out, [])
    store = ModelStore(out)
    assert store.read_encoder(FLOW, "int8") == b"small flow"
    assert store.read_encoder(RGB) == b"rgb 2"
    with pytest.raises(ModelError, match=r"rgb\.int8\.onnx.*calibration int8"):
        store.read_encoder(RGB, "int8")


def test_int8_made_from_another_fp32_is_refused(source: ModelStore) -> None:
    install(source, source.directory, [result(RGB, b"an older rgb", b"small")])
    with pytest.raises(ModelError, match=r"made from another rgb\.onnx.*calibration int8"):
        ModelStore(source.directory).read_encoder(RGB, "int8")


@pytest.mark.parametrize("writes", range(4))
def test_a_power_cut_leaves_no_wrong_file(
    source: ModelStore, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    install(source, source.directory, [result(RGB, b"rgb", b"old")])
    real: Callable[[Path, bytes], None] = module._write
    left = [writes]

    def until_the_cut(path: Path, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(path, data)

    monkeypatch.setattr(module, "_write", until_the_cut)
    fresh = [result(RGB, b"rgb", b"new"), result(FLOW, b"flow", b"new flow")]
    with pytest.raises(KeyboardInterrupt):
        install(ModelStore(source.directory), source.directory, fresh)
    store = ModelStore(source.directory)
    assert store.read_encoder(RGB) == b"rgb"
    if writes == 0:
        assert store.read_encoder(RGB, "int8") == b"old"
    else:
        with pytest.raises(ModelError, match="no INT8 graph"):
            store.read_encoder(RGB, "int8")


def test_a_cut_in_a_copy_that_was_whole_leaves_it_whole(
    source: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    install(source, out, [result(RGB, b"rgb", b"small rgb")])
    real: Callable[[Path, bytes], None] = module._write
    for writes in range(6):  # rgb, flow, card, manifest, INT8, manifest
        left = [None] * writes

        def until_the_cut(path: Path, data: bytes, left: list[None] = left) -> None:
            if not left:
                raise KeyboardInterrupt
            left.pop()
            real(path, data)

        monkeypatch.setattr(module, "_write", until_the_cut)
        with pytest.raises(KeyboardInterrupt):
            install(source, out, [result(FLOW, b"flow", b"small flow")])
        store = ModelStore(out)
        assert store.read_encoder(FLOW) == b"flow"
        assert store.read_encoder(RGB, "int8") == b"small rgb"


def test_a_damaged_model_is_replaced(source: ModelStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("{")
    install(source, out, [result(RGB, b"rgb", b"small")])
    assert ModelStore(out).read_encoder(RGB, "int8") == b"small"


def test_a_place_that_cannot_be_written_is_found_out_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    check_writable(tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()
    for place in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(StoreError, match="choose another"):
            check_writable(place)


def test_a_place_that_cannot_be_written_is_named(source: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another --out"):
        install(source, tmp_path / "file" / "out", [])
