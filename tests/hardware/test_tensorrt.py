"""On a board with an NVIDIA GPU: real plans and TensorRT; prints figures that exist nowhere else.

Run there: pytest -m "gpu or trt" -s
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge.backends import has_gpu, open_backend
from edge.encoders.engine import Engine
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, EncoderSpec
from edge.models import ModelStore, load_encoders, open_models
from edge.plans import PlanStore, Recipe
from edge.settings import ModelSettings
from edge.vocabulary import Modality
from engines.plans.build import build_one
from engines.plans.compare import MIN_COSINE
from engines.plans.golden import golden_vectors
from engines.plans.options import Network, Workshop
from engines.plans.site import Site, open_site

pytestmark = [pytest.mark.gpu, pytest.mark.trt]
RUNS, WARM_UP = 200, 20


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if not has_gpu():
        pytest.skip("needs an NVIDIA GPU: no device node in /dev")
    for module, package in (("tensorrt", "python3-libnvinfer"), ("pycuda", "pycuda")):
        if find_spec(module) is None:
            pytest.skip(f"needs {module}: install {package}, see docs/jetson.md")
    with open_site("tensorrt") as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    store = PlanStore(tmp_path_factory.mktemp("plans"))
    store.directory.chmod(0o755)
    models = ModelStore()
    precision = models.precision(ModelSettings().precision, on_gpu=True)
    return Workshop(models, store, Recipe(), precision)


def median_ms(engine: Engine, batch: np.ndarray) -> float:
    """Host to host, copies included."""
    times = []
    for number in range(WARM_UP + RUNS):
        started = time.perf_counter()
        engine.run(batch)
        if number >= WARM_UP:
            times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.modality.value)
def test_an_encoders_plan_is_built_agrees_and_is_timed(
    site: Site, shop: Workshop, spec: EncoderSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.encoders.tensorrt import TensorRtEngine

    onnx = shop.models.read_encoder(spec, shop.precision)
    network = Network(spec.modality.value, onnx)
    vectors = golden_vectors()
    told = build_one(shop, site, network, vectors)  # raises unless it agrees with its ONNX file
    assert site.device is not None
    plan = shop.plans.load(network.wanted(shop.recipe, site.target))
    engine = TensorRtEngine(site.device, site.library.trt, plan)
    row = vectors[spec.modality][:1]
    gpu_ms, cpu_ms = median_ms(engine, row), median_ms(OpenVinoBackend(1).load(onnx), row)
    engine.close()
    with capsys.disabled():
        print(f"\nmeasured on {site.target}, {shop.precision}: {told}")  # noqa: T201
        print(f"  one {network.name}: {gpu_ms:.3f} ms; CPU, one thread: {cpu_ms:.3f} ms")  # noqa: T201


def test_the_daemons_way_runs_every_network_on_the_gpu(
    site: Site, shop: Workshop, tmp_path: Path
) -> None:
    vectors = golden_vectors()
    for network in shop.networks():
        build_one(shop, site, network, vectors)
    settings = ModelSettings(backend="tensorrt", plans=shop.plans.directory)
    with open_backend(settings) as chosen:
        assert (chosen.name, open_models(settings, chosen).problem) == ("tensorrt", None)
        on_gpu = load_encoders(shop.models, chosen, Modality, shop.precision)
        on_cpu = load_encoders(shop.models, OpenVinoBackend(1), Modality, shop.precision)
        for modality in Modality:
            expected = on_cpu[modality].encode(vectors[modality])
            found = on_gpu[modality].encode(vectors[modality])
            cosines = (expected * found).sum(axis=1) / (
                np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
            )
            assert cosines.min() > MIN_COSINE[shop.precision]
