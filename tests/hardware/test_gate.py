"""On a board with an NVIDIA GPU: the gate's kernels; prints figures that exist nowhere else.

Run there: pytest -m gpu
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib.util import find_spec

import numpy as np
import pytest

from edge.backends import has_gpu
from edge.device import Device, open_device
from edge.fusion.compiler import compiler_for
from edge.fusion.cuda import CudaFusion
from edge.fusion.parameters import QUALITY_CUES
from edge.fusion.reference import ReferenceFusion
from edge.fusion.selftest import put_features
from edge.models import ModelStore, load_fusion_parameters
from edge.runner import make_runner
from edge.values import FEATURE_DIM, VIDEO_STEPS, FusedBatch, WindowFeatures
from edge.vocabulary import MODALITIES

pytestmark = pytest.mark.gpu
RUNS, WARM_UP = 500, 50
HALF_PRECISION = 5e-3


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    if not has_gpu():
        pytest.skip("needs an NVIDIA GPU: no device node in /dev")
    if find_spec("pycuda") is None:
        pytest.skip("needs pycuda: pip install 'gatehouse-edge[jetson]'")
    with open_device() as opened:
        assert not opened.info.is_simulator
        yield opened


def windows(rooms: int) -> WindowFeatures:
    random = np.random.default_rng(rooms)
    shape = (rooms, len(MODALITIES), VIDEO_STEPS)
    valid = random.random(shape) < 0.8
    features = random.standard_normal((*shape, FEATURE_DIM)).astype(np.float32)
    quality = random.random((*shape[:2], len(QUALITY_CUES))).astype(np.float32)
    return WindowFeatures(features, valid, valid.any(axis=2), quality)


@pytest.mark.parametrize("rooms", [1, 8])
def test_the_gate_equals_its_specification_and_is_timed(
    device: Device, rooms: int, facts: list[str]
) -> None:
    parameters = load_fusion_parameters(ModelStore())
    fusion = CudaFusion(parameters, device, compiler_for(device.info), rooms)
    window = windows(rooms)
    wanted, found = ReferenceFusion(parameters).fuse(window), fusion.fuse(window)
    for field in fields(FusedBatch):
        mine, other = getattr(found, field.name), getattr(wanted, field.name)
        np.testing.assert_allclose(mine, other, atol=HALF_PRECISION, err_msg=field.name)
    window = replace(window, features=put_features(device, fusion, window.features))
    times = []
    for number in range(WARM_UP + RUNS):
        started = time.perf_counter()
        again = fusion.fuse(window)
        if number >= WARM_UP:
            times.append(time.perf_counter() - started)
        assert (again.actions == found.actions).all()  # bit by bit
    middle, late = 1e6 * np.percentile(times, [50, 99])
    facts.append(
        f"measured on {device.info.name}: a decision of {rooms} rooms, features in the ring, "
        f"host to host: median {middle:.0f} us, 99 % {late:.0f} us"
    )


def test_the_ring_and_the_gate_pass_their_own_check(device: Device) -> None:
    parameters = load_fusion_parameters(ModelStore())
    make_runner(device, {}, parameters, compiler_for(device.info), rooms=2)
