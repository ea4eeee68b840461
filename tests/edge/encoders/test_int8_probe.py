"""INT8 runs only where its sums are exact; on other CPUs it is refused with the remedy."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.int8_probe import INPUTS, TOP, adds_exactly, is_quantised, largest_sum
from edge.encoders.openvino import OpenVinoBackend
from edge.errors import ConfigError

pytest.importorskip("openvino", reason="needs openvino")

LOAD_INT8 = """
import sys
from edge.encoders.int8_probe import largest_sum
from edge.encoders.openvino import OpenVinoBackend
from edge.errors import ConfigError
try:
    OpenVinoBackend(1).load(largest_sum())
except ConfigError as error:
    sys.exit(str(error))
"""


class Adds:
    """An engine whose sums are all the same."""

    def __init__(self, total: float) -> None:
        self._total = total

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full_like(batch, self._total)


@pytest.mark.parametrize(("total", "exact"), [(INPUTS * TOP * TOP, True), (8160, False)])
def test_a_sum_that_overflows_is_noticed(total: float, exact: bool) -> None:
    assert adds_exactly(lambda onnx: Adds(total)) is exact


def test_int8_is_told_from_float_graphs(net_of_floats: bytes) -> None:
    assert is_quantised(largest_sum())
    assert not is_quantised(net_of_floats)


def test_int8_is_refused_once_it_was_found_inexact(
    monkeypatch: pytest.MonkeyPatch, net_of_floats: bytes
) -> None:
    answers = [False]
    monkeypatch.setattr("edge.encoders.openvino.adds_exactly", lambda load: answers.pop())
    backend = OpenVinoBackend(1)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"VNNI.*models\.precision: fp32"):
            backend.load(largest_sum())
    assert not answers  # asked once
    assert backend.load(net_of_floats) is not None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86 CPU")
def test_a_cpu_without_vnni_is_found_out() -> None:
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}  # OpenVINO then keeps to AVX2
    done = subprocess.run(
        [sys.executable, "-c", LOAD_INT8], env=limited, capture_output=True, check=False, text=True
    )
    assert done.returncode == 1
    assert "VNNI" in done.stderr


@pytest.fixture(scope="module")
def net_of_floats() -> bytes:
    """The same sum in floats."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_model_from_string(largest_sum())
    del model.graph.node[:3]
    model.graph.node[0].input[:] = ["input", "w"]
    weights = np.ones((INPUTS, INPUTS, 1, 1), np.float32)
    del model.graph.initializer[:]
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    graph = helper.make_graph(model.graph.node, "floats", model.graph.input, model.graph.output,
                              model.graph.initializer)  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data
