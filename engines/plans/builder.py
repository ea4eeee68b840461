"""One ONNX file to one TensorRT plan: strongly typed, for every TensorRT from 10.3 to 11.

Types are those of the file: where it quantises and dequantises, layers run in INT8, elsewhere in
its floats. This is the one form that all these versions share, TensorRT 11 has no other.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge.encoders.tensorrt_log import NO_REASON, logger_of, started
from edge.errors import ModelError
from edge.plans import Recipe
from engines.graph import cast_first
from engines.trt_library import Library

if TYPE_CHECKING:
    from tensorrt import (
        Builder,
        IBuilderConfig,
        IHostMemory,
        INetworkDefinition,
        IOptimizationProfile,
        ITensor,
        OnnxParser,
        ParserError,
    )

Progress = Callable[[float], None]
"""Told the part that is done, 0 ... 1."""

MIB = 1024 * 1024
_ERRORS = 3


def build_plan(
    library: Library,
    onnx: bytes,
    recipe: Recipe,
    progress: Progress = lambda done: None,
) -> bytes:
    """Compile a plan; TensorRT uses this thread's CUDA device, TensorRT-RTX none.

    What TensorRT says meanwhile: see ``tensorrt_log.listening``.
    Raises: ModelError, with what TensorRT said; CudaError when it does not start.
    """
    monitor = make_monitor(library.trt, progress)
    with _cancelled_by_ctrl_c(monitor):
        plan = _compile(library, onnx, recipe, monitor)
    if monitor.interrupted is not None:
        raise monitor.interrupted
    if plan is None:
        last = logger_of(library.trt).last
        raise ModelError(f"{library.name} cannot compile the model: {last}")
    return bytes(plan)


def _compile(library: Library, onnx: bytes, recipe: Recipe, monitor: Any) -> IHostMemory | None:
    trt = library.trt
    logger = logger_of(trt)
    logger.last = NO_REASON
    builder: Builder = started(trt.Builder, logger)
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network: INetworkDefinition = builder.create_network(strongly_typed)
    parser: OnnxParser = trt.OnnxParser(network, logger)
    if not parser.parse(prepared(onnx)):
        raise ModelError(f"{library.name} refuses the model: {_complaints(parser)}")
    config: IBuilderConfig = _configure(library, builder, network, recipe)
    config.progress_monitor = monitor
    plan: IHostMemory | None = builder.build_serialized_network(network, config)
    return plan


@contextmanager
def _cancelled_by_ctrl_c(monitor: Any) -> Iterator[None]:
    """Python would raise it in a callback of TensorRT's, which loses it and builds on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(*_: object) -> None:
        monitor.interrupted = KeyboardInterrupt()

    before = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def prepared(onnx: bytes) -> bytes:
    """The same function in the form that TensorRT takes.  Raises: ModelError."""
    from onnx import load_model_from_string

    try:
        model = load_model_from_string(onnx)
    except Exception as error:  # protobuf has an error tree of its own
        raise ModelError("not an ONNX file; export the model again") from error
    cast_first(model)
    data: bytes = model.SerializeToString()
    return data


def _complaints(parser: OnnxParser) -> str:
    told = []
    for number in range(min(parser.num_errors, _ERRORS)):
        error: ParserError = parser.get_error(number)
        told.append(f"{error.desc()}, at node {error.node_name() or error.node()}")
    return " ".join("; ".join(told).split())


def _configure(
    library: Library, builder: Builder, network: INetworkDefinition, recipe: Recipe
) -> IBuilderConfig:
    trt = library.trt
    config: IBuilderConfig = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, recipe.workspace_mib * MIB)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # each layer's types, for people
    library.aim(config)
    profile: IOptimizationProfile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        tensor: ITensor = network.get_input(number)
        row = tuple(tensor.shape)[1:]
        batches = (1, recipe.best_batch, recipe.largest_batch)
        if tensor.shape[0] == -1:
            profile.set_shape(tensor.name, *((batch, *row) for batch in batches))
    config.add_optimization_profile(profile)
    return config


def make_monitor(trt: Any, progress: Progress) -> Any:
    """Return a ``trt.IProgressMonitor`` that makes one number of TensorRT's nested phases.

    An exception must not travel through TensorRT: the monitor keeps it as ``interrupted``, and
    cancels the build.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # Any: TensorRT has no types here
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interrupted: BaseException | None = None
            self._phases: dict[str, tuple[str | None, int]] = {}  # name -> parent, steps
            self._done: dict[str, int] = {}
            self._furthest = 0.0

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            self._phases[name], self._done[name] = (parent, max(steps, 1)), 0

        def step_complete(self, name: str, step: int) -> bool:
            self._done[name] = step + 1
            try:
                self._furthest = max(self._furthest, part_done(name, self._phases, self._done))
                progress(self._furthest)
            except Exception as error:
                self.interrupted = error
            return self.interrupted is None

        def phase_finish(self, name: str) -> None:
            self._phases.pop(name, None)

    return Monitor()


def part_done(name: str, phases: dict[str, tuple[str | None, int]], done: dict[str, int]) -> float:
    """How far the whole is, when phase ``name`` is so far; phases nest by their parents' names."""
    part, current = 0.0, name
    while current in phases:
        parent, steps = phases[current]
        part = min(1.0, (done[current] + part) / steps)
        if parent is None:
            break
        current = parent
    return part
