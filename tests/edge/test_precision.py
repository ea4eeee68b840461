"""models.precision: auto is INT8 where TensorRT runs it and it is there, else FP32; it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.backends import ChosenBackend
from edge.device import DeviceInfo
from edge.doctor import compute
from edge.doctor.findings import State
from edge.encoders.engine import Engine
from edge.encoders.int8_probe import InexactInt8Error
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, EncoderSpec
from edge.errors import CudaLostError, PlanError
from edge.models import ModelStore, open_models
from edge.plans import Recipe, Sidecar, Target, Wanted
from edge.settings import ModelSettings
from edge.vocabulary import Modality

SPECS = tuple(ENCODERS.values())
FLOW = ENCODERS[Modality.FLOW]


def with_int8(source: Path, out: Path, specs: Collection[EncoderSpec] = SPECS) -> Path:
    """A copy with stand-ins for INT8 graphs: they compute the same, and are told from FP32."""
    import onnx

    shutil.copytree(source, out)
    manifest = json.loads((out / "manifest.json").read_text())
    for spec in specs:
        fp32 = (out / spec.file).read_bytes()
        model = onnx.load_model_from_string(fp32)
        model.doc_string = "QuantizeLinear"
        (out / spec.int8_file).write_bytes(model.SerializeToString())
        digest = sha256((out / spec.int8_file).read_bytes()).hexdigest()
        made_from = sha256(fp32).hexdigest()
        manifest["files"][spec.int8_file] = {"sha256": digest, "made_from": made_from}
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


@pytest.fixture
def both(model_directory: Path, tmp_path: Path) -> Path:
    return with_int8(model_directory, tmp_path / "both")


class Gpu:
    """Runs every network but one, and remembers which."""

    def __init__(self, lacking: bytes = b"", error: type[Exception] = PlanError) -> None:
        self.loaded: set[bytes] = set()
        self._lacking, self._error = lacking, error

    def load(self, onnx: bytes) -> Engine:
        if onnx == self._lacking:
            raise self._error("not this one; build it")
        self.loaded.add(onnx)
        return OpenVinoBackend(1)._compile(onnx)


def graphs(directory: Path, int8: bool) -> set[bytes]:
    names = [spec.int8_file if int8 else spec.file for spec in SPECS]
    return {(directory / name).read_bytes() for name in names}


def test_auto_is_int8_on_a_gpu_alone_and_whatever_is_named_is_taken(both: Path) -> None:
    store = ModelStore(both)
    assert store.precision("auto", on_gpu=True) == "int8"
    assert store.precision("auto", on_gpu=False) == "fp32"
    assert store.precision("fp32", on_gpu=True) == "fp32"
    assert store.precision("int8", on_gpu=False) == "int8"


def test_auto_is_fp32_without_int8_graphs_of_all_encoders(
    model_directory: Path, tmp_path: Path
) -> None:
    some = with_int8(model_directory, tmp_path / "some", SPECS[:3])
    for directory in (model_directory, some):
        assert ModelStore(directory).precision("auto", on_gpu=True) == "fp32"


def test_auto_is_fp32_when_a_graph_was_made_from_another(both: Path) -> None:
    manifest = json.loads((both / "manifest.json").read_text())
    manifest["files"][FLOW.int8_file]["made_from"] = "of last year"
    (both / "manifest.json").write_text(json.dumps(manifest))
    assert ModelStore(both).precision("auto", on_gpu=True) == "fp32"


def test_tensorrt_runs_int8_by_default_and_the_log_says_so(
    both: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = Gpu()
    with caplog.at_level("INFO", "edge.models"):
        models = open_models(ModelSettings(directory=both), ChosenBackend(1, "test", gpu))
    assert gpu.loaded == graphs(both, int8=True)
    assert (models.precision, models.problem) == ("int8", None)
    assert caplog.messages == ["models name=brightness precision=int8"]


def test_fp32_may_be_insisted_on(both: Path) -> None:
    gpu = Gpu()
    settings = ModelSettings(directory=both, precision="fp32")
    assert open_models(settings, ChosenBackend(1, "test", gpu)).precision == "fp32"
    assert gpu.loaded == graphs(both, int8=False)


def test_the_cpu_runs_fp32_by_default(both: Path) -> None:
    assert open_models(ModelSettings(directory=both)).precision == "fp32"


def test_a_gpu_that_is_lost_leaves_fp32_on_the_cpu(both: Path) -> None:
    chosen = ChosenBackend(1, "test", Gpu((both / FLOW.int8_file).read_bytes(), CudaLostError))
    models = open_models(ModelSettings(directory=both), chosen)
    assert (chosen.name, models.precision) == ("openvino", "fp32")
    assert models.degraded == frozenset(Modality)


def test_a_cpu_that_spoils_int8_still_watches_when_a_plan_is_missing(
    both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.encoders.openvino.adds_exactly", lambda load: False)
    lacking = (both / FLOW.int8_file).read_bytes()
    models = open_models(ModelSettings(directory=both), ChosenBackend(1, "test", Gpu(lacking)))
    assert models.precision == "fp32"
    with pytest.raises(InexactInt8Error, match="VNNI"):
        open_models(
            ModelSettings(directory=both, precision="int8"), ChosenBackend(1, "test", Gpu(lacking))
        )


def test_the_doctor_says_what_runs_and_looks_for_the_plans_of_that(
    both: Path, tmp_path: Path
) -> None:
    (found,) = compute.backend(ModelSettings(directory=both), tmp_path / "no devices")
    assert found.told.startswith("openvino, fp32 encoders")
    plans = tmp_path / "plans"
    plans.mkdir(mode=0o755)
    digest = sha256((both / FLOW.int8_file).read_bytes()).hexdigest()
    wanted = Wanted(digest, Recipe(), Target("tensorrt", "10.3.0", "Orin", "8.7", 16))
    sidecar = Sidecar("flow", wanted, sha256(b"plan").hexdigest(), 4, "now", 1.0)
    (plans / f"flow-{wanted.key}.json").write_text(sidecar.to_json())
    (plans / f"flow-{wanted.key}.plan").write_bytes(b"plan")
    trt = SimpleNamespace(__version__="10.3.0")
    orin = DeviceInfo("Orin", (8, 7), 12_060, 16, 1 << 33)
    settings = ModelSettings(directory=both, plans=plans)
    states = {f.what: f.state for f in compute.judged(settings, trt, orin)}
    assert states == {
        f"plan {m.value}": State.OK if m is Modality.FLOW else State.FAIL for m in ENCODERS
    }
