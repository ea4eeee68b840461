"""NVIDIA's own parser and builder, without a GPU: they take the shipped encoders as they are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.encoders.spec import ENCODERS, FUSION_FILE, EncoderSpec
from edge.encoders.tensorrt_log import listening
from edge.errors import ModelError
from edge.models import ModelStore
from edge.plans import Recipe
from engines.plans.builder import build_plan, part_done, prepared
from engines.plans.options import Workshop
from engines.plans.site import Site


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.modality.value)
def test_every_shipped_encoder_compiles(rtx: Site, spec: EncoderSpec) -> None:
    lines: list[str] = []
    with listening(rtx.library.trt, lines.append):
        plan = build_plan(rtx.library, ModelStore().read(spec.file), Recipe())
    assert len(plan) > 100_000
    assert any(line.startswith("Layers:") for line in lines)


def test_the_gate_as_a_graph_compiles_too(rtx: Site) -> None:
    assert build_plan(rtx.library, ModelStore().read(FUSION_FILE), Recipe())


def test_the_plan_is_for_batches_up_to_the_recipe(rtx: Site, shop: Workshop) -> None:
    network = next(shop.networks())
    with pytest.raises(ModelError, match="cannot compile the model"):
        build_plan(rtx.library, network.onnx, Recipe(best_batch=9, largest_batch=8))
    build_plan(rtx.library, network.onnx, Recipe.for_rooms(9))


def test_progress_rises_and_stays_below_one(rtx: Site, shop: Workshop) -> None:
    seen: list[float] = []
    build_plan(rtx.library, next(shop.networks()).onnx, Recipe(), seen.append)
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] <= 1


def test_ctrl_c_stops_a_build(rtx: Site) -> None:
    """Wherever it comes: what is raised in TensorRT's callbacks is lost in its C++.

    In a process of its own, as a person stops it: beside the other libraries of a whole test run a
    signal in the middle of NVIDIA's code has ended the interpreter.
    """
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "interrupted, handler restored: True\n"), ended


INTERRUPTED = """
import signal
from edge.encoders.spec import ENCODERS
from edge.encoders.tensorrt_log import listening
from edge.models import ModelStore
from edge.plans import Recipe
from engines.plans.builder import build_plan
from engines.trt_library import open_library

library = open_library("tensorrt_rtx")
before, lines = signal.getsignal(signal.SIGINT), []

def interrupt(line):  # in the logger
    lines.append(line)
    if len(lines) == 1:
        signal.raise_signal(signal.SIGINT)

try:
    with listening(library.trt, interrupt):
        build_plan(library, ModelStore().read(next(iter(ENCODERS.values())).file), Recipe())
except KeyboardInterrupt:
    print("interrupted, handler restored:", signal.getsignal(signal.SIGINT) is before)
"""


def test_a_progress_bar_that_fails_ends_the_build(rtx: Site, shop: Workshop) -> None:
    def fail(done: float) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        build_plan(rtx.library, next(shop.networks()).onnx, Recipe(), fail)


def test_what_tensorrt_refuses_names_the_node(rtx: Site, shop: Workshop) -> None:
    from onnx import load_model_from_string

    model = load_model_from_string(next(shop.networks()).onnx)
    model.graph.node[-1].op_type = "Unknown"
    model.graph.node[-1].name = "the culprit"
    with pytest.raises(ModelError, match=r"Plugin not found.*at node the culprit") as caught:
        build_plan(rtx.library, model.SerializeToString(), Recipe())
    assert "\n" not in str(caught.value)


def test_bytes_transposed_before_the_cast_compile_once_prepared(rtx: Site) -> None:
    """As the exporter wrote them; TensorRT has no transpose of unsigned bytes."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Transpose", ["input"], ["turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["feature"], to=TensorProto.FLOAT),
    ]
    shape = ["batch", 4, 5, 3]
    graph = helper.make_graph(
        nodes,
        "turn",
        [helper.make_tensor_value_info("input", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", 3, 4, 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    assert build_plan(rtx.library, model.SerializeToString(), Recipe())


def test_what_is_no_onnx_file_is_one_clear_line() -> None:
    with pytest.raises(ModelError, match="not an ONNX file"):
        prepared(b"\x08")


def test_nested_phases_make_one_number() -> None:
    phases = {"all": (None, 2), "part": ("all", 4)}
    assert part_done("all", phases, {"all": 1, "part": 0}) == 0.5
    assert part_done("part", phases, {"all": 1, "part": 2}) == 0.75
    assert part_done("part", phases, {"all": 0, "part": 4}) == 0.5
    assert part_done("other", phases, {}) == 0.0
