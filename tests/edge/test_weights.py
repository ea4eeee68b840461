"""The models that ship: whole, small enough, and of a form that TensorRT takes as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from edge.encoders.spec import ENCODERS, FUSION_FILE
from edge.fusion.cpu import CpuFusion
from edge.fusion.reference import ReferenceFusion
from edge.models import ModelStore, load_fusion_parameters, open_models
from edge.preprocess.finder import FINDER_FILE
from edge.settings import ModelSettings
from edge.values import FEATURE_DIM, VIDEO_STEPS, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, Modality

MAX_BYTES = 60_000_000
TENSORRT_TYPES = {
    TensorProto.FLOAT,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT32,
    TensorProto.BOOL,
}
NEVER_SHIPPED = {
    "urfd",
    "esc50",
    "utd_mhad",
    "msr_action3d",
    "safe_fall",
    "alarms",
    "scream_extra",
    "clean_speech",
}
FILES = [*(spec.file for spec in ENCODERS.values()), FUSION_FILE, FINDER_FILE]


@pytest.fixture(scope="module")
def store() -> ModelStore:
    return ModelStore()


def test_every_file_is_what_its_digest_promises(store: ModelStore) -> None:
    assert set(FILES) == set(store.manifest.digests)
    total = sum(len(store.read(name)) for name in FILES)
    assert 1_000_000 < total <= MAX_BYTES


def test_only_data_that_may_be_sold_shaped_the_weights(store: ModelStore) -> None:
    assert "rooms" in store.manifest.trained_on
    assert not NEVER_SHIPPED & set(store.manifest.trained_on)


def test_a_model_card_is_beside_the_weights(store: ModelStore) -> None:
    assert "Intended use" in (store.directory / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_graph_inputs_are_types_that_tensorrt_has(store: ModelStore, name: str) -> None:
    graph = onnx.load_model_from_string(store.read(name)).graph
    types = {entry.name: entry.type.tensor_type.elem_type for entry in graph.input}
    assert types
    assert set(types.values()) <= TENSORRT_TYPES


@pytest.mark.parametrize("modality", MODALITIES)
def test_encoders_take_raw_tensors_and_only_the_batch_is_dynamic(
    store: ModelStore, modality: Modality
) -> None:
    spec = ENCODERS[modality]
    (entry,) = onnx.load_model_from_string(store.read(spec.file)).graph.input
    batch, *shape = entry.type.tensor_type.shape.dim
    assert batch.dim_param
    assert tuple(axis.dim_value for axis in shape) == spec.input_shape
    assert onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type) == np.dtype(
        spec.input_type
    )


def test_the_shipped_fusion_weights_give_the_same_on_both_paths(store: ModelStore) -> None:
    weights = load_fusion_parameters(store)
    rng = np.random.default_rng(0)
    valid = rng.random((3, len(MODALITIES), VIDEO_STEPS)) < 0.7
    shape = (3, len(MODALITIES), VIDEO_STEPS, FEATURE_DIM)
    window = WindowFeatures(
        features=np.maximum(rng.standard_normal(shape), 0).astype(np.float32),
        valid=valid,
        present=np.asarray(valid.any(axis=2)),
        quality=rng.random((3, len(MODALITIES), 3)).astype(np.float32),
    )
    fast, exact = CpuFusion(weights).fuse(window), ReferenceFusion(weights).fuse(window)
    np.testing.assert_allclose(fast.actions, exact.actions, atol=1e-4)
    np.testing.assert_allclose(fast.gate, exact.gate, atol=1e-4)


def test_the_shipped_models_run(store: ModelStore) -> None:
    models = open_models(ModelSettings())
    assert tuple(models.encoders) == MODALITIES
    for modality, encoder in models.encoders.items():
        spec = ENCODERS[modality]
        features = encoder.encode(np.zeros((2, *spec.input_shape), spec.input_type))
        assert features.shape == (2, FEATURE_DIM)
        assert np.isfinite(features).all()
    assert len(ACTIONS) == 15


def test_nothing_but_models_is_in_the_directory(store: ModelStore) -> None:
    kept = {path.name for path in Path(store.directory).iterdir() if path.is_file()}
    assert kept == {*FILES, "manifest.json", "MODEL_CARD.md"}
