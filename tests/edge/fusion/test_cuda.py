"""gate.cu against the specification, through the real launcher on the CPU simulator.

Nothing here ran on a GPU: the simulator checks what is computed, not how fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.errors import CudaLostError
from edge.fusion import kernel
from edge.fusion.cpu import CpuFusion
from edge.fusion.kernel import to_half
from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.fusion.reference import ReferenceFusion
from edge.models import ModelStore, load_fusion_parameters
from edge.values import FEATURE_DIM, VIDEO_STEPS, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

M, A, S, Q = len(MODALITIES), len(ACTIONS), len(SOUNDS), len(QUALITY_CUES)
ORDERS = ("ascending", "descending", "random:1")
MANY_ORDERS = (*ORDERS, "random:2", "random:3", "random:4", "random:5")
HALVED = ("temporal_kernel", "temporal_query", "expert_weight", "sound_weight")
BARRIERS = kernel.source().count("__syncthreads();")
ROUNDING = 2e-5
"""Of 32-bit sums against 64-bit ones; weights and features are rounded to 16 bits on both sides."""


def parameters(
    seed: int = 0, dim: int = FEATURE_DIM, steps: int = VIDEO_STEPS, hidden: int = 24, **other: Any
) -> Any:
    """Random weights that half precision holds exactly; of any size, unlike FusionParameters."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 0.1) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float16).astype(np.float32)

    arrays = {
        "temporal_kernel": normal(M, TAPS, dim),
        "temporal_bias": normal(M, dim),
        "temporal_query": normal(M, dim, scale=0.3),
        "temporal_age": normal(M, HEADS, steps, scale=1.0),
        "expert_weight": normal(M, A, dim),
        "expert_bias": normal(M, A),
        "gate_hidden_weight": normal(hidden, M * (dim + 1 + Q)),
        "gate_hidden_bias": normal(hidden),
        "gate_weight": normal(M, hidden, scale=0.5),
        "gate_bias": normal(M),
        "pool_power": np.array([(1.0, 0.5, 0.05)[seed % 3]], np.float32),
        "pool_independence": np.array([(seed % 4) / 3], np.float32),
        "sound_weight": normal(S, dim),
        "sound_bias": normal(S),
    }
    is_usual = (dim, steps) == (FEATURE_DIM, VIDEO_STEPS)
    return (FusionParameters if is_usual else SimpleNamespace)(**{**arrays, **other})


def rounded(p: FusionParameters) -> FusionParameters:
    """What the device has of the weights."""
    halved = {name: to_half(getattr(p, name)).astype(np.float32) for name in HALVED}
    hidden = p.gate_hidden_weight.reshape(len(p.gate_hidden_weight), M, -1).copy()
    hidden[..., :FEATURE_DIM] = to_half(hidden[..., :FEATURE_DIM])
    return replace(p, **halved, gate_hidden_weight=hidden.reshape(p.gate_hidden_weight.shape))


def windows(
    seed: int, rooms: int, density: float = 0.6, dim: int = FEATURE_DIM, steps: int = VIDEO_STEPS
) -> WindowFeatures:
    """Random features that half precision holds exactly."""
    rng = np.random.default_rng(seed)
    valid = rng.random((rooms, M, steps)) < density
    features = rng.standard_normal((rooms, M, steps, dim)).astype(np.float16).astype(np.float32)
    quality = rng.random((rooms, M, Q)).astype(np.float32)
    return WindowFeatures(features, valid, valid.any(axis=2), quality)


def all_masks(seed: int) -> WindowFeatures:
    """Sixteen rooms: every set of modalities that may be present, with holes in the windows."""
    window = windows(seed, 2**M)
    present = np.array(list(product([False, True], repeat=M)))
    return WindowFeatures(window.features, window.valid, present, window.quality)


def fuse(p: Any, asked: WindowFeatures, rooms: int = 3, source: str | None = None) -> FusedBatch:
    """Runs in the simulator's process: the launcher as a device would run it."""
    from simulator import compile_kernel  # beside serve.py

    from edge.device import open_device
    from edge.fusion.cuda import CudaFusion

    with open_device() as device:
        fusion = CudaFusion(
            p, device, lambda text, options: compile_kernel(source or text, options), rooms
        )
        return fusion.fuse(asked)


def check_equal(a: FusedBatch, b: FusedBatch, atol: float = ROUNDING) -> None:
    for field in fields(FusedBatch):
        mine, other = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_allclose(mine, other, atol=atol, rtol=0, err_msg=field.name)


def reference(p: Any, asked: WindowFeatures) -> FusedBatch:
    return ReferenceFusion(p).fuse(asked)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_device_cpu_and_specification_agree_whatever_is_missing(
    simulator: Any, seed: int, order: str
) -> None:
    p, asked = parameters(seed), all_masks(seed)
    found = simulator.run(fuse, p, asked, order=order)
    check_equal(found, reference(p, asked))
    check_equal(found, CpuFusion(p).fuse(asked))


@pytest.mark.parametrize("order", ORDERS)
def test_the_shipped_gate_is_computed_exactly(simulator: Any, order: str) -> None:
    shipped = load_fusion_parameters(ModelStore())
    asked = all_masks(3)
    found = simulator.run(fuse, shipped, asked, order=order)
    check_equal(found, reference(rounded(shipped), asked))
    check_equal(found, reference(shipped, asked), atol=5e-3)  # what half precision costs


@pytest.mark.parametrize(
    ("dim", "steps", "hidden"),
    [
        (8, 1, 1),  # heads of one channel
        (248, 15, 31),  # heads of 31, one less than a warp
        (264, 16, 33),  # heads of 33, one more than a warp
        (504, 31, 255),  # more channels than threads in a block
        (520, 32, 257),  # more hidden units than threads in a block
    ],
)
def test_sizes_around_those_of_warp_and_block(
    simulator: Any, dim: int, steps: int, hidden: int
) -> None:
    p, asked = parameters(dim, dim, steps, hidden), windows(dim, 3, 0.7, dim, steps)
    check_equal(simulator.run(fuse, p, asked, order="random:2"), reference(p, asked))


def simple_forms() -> Iterator[Any]:
    """Gates of engines/models that the kernel's switches make cheaper."""
    p = parameters(4)
    mean = {"temporal_query": p.temporal_query * 0, "temporal_age": p.temporal_age * 0}
    still = {"temporal_kernel": p.temporal_kernel * 0, "temporal_bias": p.temporal_bias * 0}
    blind = p.gate_hidden_weight.reshape(-1, M, FEATURE_DIM + 1 + Q).copy()
    blind[..., :FEATURE_DIM] = 0
    cues = {"gate_hidden_weight": blind.reshape(p.gate_hidden_weight.shape)}
    fixed = {"gate_weight": p.gate_weight * 0}
    yield pytest.param(replace(p, **mean), id="conv")
    yield pytest.param(replace(p, **still), id="attention")
    yield pytest.param(replace(p, **mean, **still), id="mean")
    yield pytest.param(replace(p, **cues), id="moe_cues")
    yield pytest.param(replace(p, **fixed), id="fixed_weights")
    yield pytest.param(replace(p, **fixed, gate_bias=p.gate_bias * 0), id="mean_of_experts")


@pytest.mark.parametrize("p", list(simple_forms()))
def test_parts_that_do_nothing_may_be_left_out(simulator: Any, p: FusionParameters) -> None:
    asked = windows(5, 3)
    check_equal(simulator.run(fuse, p, asked), reference(p, asked))


def test_what_is_absent_cannot_leak_through_its_features(simulator: Any) -> None:
    p, asked = parameters(3), windows(3, 2, 1.0)
    present = np.array([[True, False, True, True], [False, True, False, False]])
    spoiled = asked.features.copy()
    spoiled[~present] = np.nan
    quality = np.where(present[..., None], asked.quality, np.float32(np.nan))
    found = simulator.run(fuse, p, WindowFeatures(spoiled, asked.valid, present, quality))
    wanted = WindowFeatures(asked.features, asked.valid, present, asked.quality)
    check_equal(found, reference(p, wanted))


def test_an_expert_that_rules_an_action_out_leaves_finite_scores(simulator: Any) -> None:
    loud = windows(7, 2, 1.0)
    features = loud.features * np.float32(1000)
    asked = WindowFeatures(features, loud.valid, loud.present, loud.quality)
    found = simulator.run(fuse, parameters(0), asked)
    check_equal(found, reference(parameters(0), asked), atol=1e-4)  # of logits in the thousands
    np.testing.assert_allclose(found.actions.sum(axis=1), 1, atol=1e-5)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of the specification
def test_what_is_no_number_shows_in_all_scores_that_depend_on_it(simulator: Any) -> None:
    asked = windows(9, 3, 1.0)
    asked.features[1, 2, 7, 5] = np.nan
    found, wanted = simulator.run(fuse, parameters(9), asked), reference(parameters(9), asked)
    assert np.isnan(wanted.gate).any(axis=1).tolist() == [False, True, False]
    check_equal(found, wanted)


@pytest.mark.parametrize("power", [0.01, 1])
@pytest.mark.parametrize("independence", [0, 1])
def test_opinions_are_pooled_alike_at_the_limits(
    simulator: Any, power: float, independence: float
) -> None:
    limits = {"pool_power": power, "pool_independence": independence}
    p = parameters(5, **{name: np.array([n], np.float32) for name, n in limits.items()})
    check_equal(simulator.run(fuse, p, all_masks(5)), reference(p, all_masks(5)))


def test_no_room_at_all_is_no_answer(simulator: Any) -> None:
    found = simulator.run(fuse, parameters(0), windows(0, 0))
    assert found.actions.shape == (0, A)
    assert found.experts.shape == (0, M, A)


def fuse_logarithms(p: Any, asked: WindowFeatures) -> FusedBatch:
    """Runs in the simulator's process: as ``fuse``, with the limit of the pool at power 0."""
    from simulator import compile_kernel

    from edge.device import open_device
    from edge.fusion.cuda import GateKernel
    from edge.fusion.kernel import form_of

    form, rooms = form_of(p, log_pool=True), len(asked.present)
    with open_device() as device:
        module = device.module(compile_kernel(kernel.source(), form.options))
        gate, stream = GateKernel(device, module, p, form, rooms), device.stream()
        ring = device.upload(to_half(asked.features.reshape(-1, FEATURE_DIM)))
        rows = np.arange(asked.valid.size).reshape(asked.valid.shape)
        gate.asked["rows"] = np.where(asked.valid & asked.present[..., None], rows, -1)
        gate.asked["quality"] = asked.quality
        for _ in range(3):  # as a captured graph would be replayed
            gate.enqueue(ring, rooms, stream)
        stream.synchronize()
        return FusedBatch(**{name: gate.answered[name].copy() for name in form.verdict.names})


def test_opinions_can_be_joined_as_logarithms(simulator: Any) -> None:
    p, asked = parameters(8), all_masks(8)
    found = simulator.run(fuse_logarithms, p, asked)
    power_mean = reference(p, asked)
    for name in ("gate", "experts", "sounds"):
        np.testing.assert_allclose(getattr(found, name), getattr(power_mean, name), atol=ROUNDING)
    gate, opinions = found.gate.astype(np.float64), np.log(np.maximum(found.experts, 1e-30))
    joined = (gate[..., None] * np.where(found.experts > 0, opinions, 0)).sum(axis=1)
    present = gate.sum(axis=1) > 0
    sharpness = (1 / (gate[present] ** 2).sum(axis=1)) ** p.pool_independence[0]
    wanted = np.exp(sharpness[:, None] * joined[present])
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.actions[present], wanted, atol=ROUNDING)
    assert not found.actions[~present].any()


def without_barrier(number: int) -> str:
    """gate.cu with one of its barriers turned into a comment."""
    text = kernel.source()
    start = [match.start() for match in re.finditer("__syncthreads", text)][number]
    return f"{text[:start]}; //{text[start:]}"


def is_right(simulator: Any, text: str, order: str) -> bool:
    p, asked = parameters(6, hidden=100), all_masks(6)  # more hidden units than a warp writes
    try:
        check_equal(simulator.run(fuse, p, asked, 2**M, text, order=order), reference(p, asked))
    except (AssertionError, CudaLostError):
        return False
    return True


@pytest.mark.parametrize("order", MANY_ORDERS)
def test_with_all_barriers_every_order_is_right(simulator: Any, order: str) -> None:
    assert is_right(simulator, kernel.source(), order)


@pytest.mark.parametrize("removed", range(BARRIERS))
def test_without_any_one_barrier_some_order_is_wrong(simulator: Any, removed: int) -> None:
    """Also the one that orders blocks, as random order runs several at a time.

    The memory fences beside it are not covered: here all threads see all writes at once.
    """
    text = without_barrier(removed)
    assert not all(is_right(simulator, text, order) for order in MANY_ORDERS)
