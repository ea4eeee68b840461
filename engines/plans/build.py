"""Compile what is missing: a plan of every model, for this board and its TensorRT.

Plans that are there and sound are left alone, so that an interrupted build goes on where it was.
Each is compared with its ONNX file on this board before it is kept; the ones of an earlier
TensorRT stay until ``gc``. It takes minutes on a Jetson; the service gatehouse-engines runs it
before the daemon. Without a GPU nothing can be compiled for this board: status 69. TensorRT-RTX
compiles for a stand-in (SM86) on any x86 machine; such a plan is never run.

For example:
  python -m engines build --config /etc/gatehouse/gatehouse.yaml
  python -m engines build --precision int8 --plans plans
  python -m engines build --library tensorrt_rtx --plans /tmp/stand-in     # no GPU needed
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

from numpy.typing import NDArray

from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.tensorrt import TensorRtEngine
from edge.errors import EX_OK, EX_SOME_FAILED, ModelError, PlanError
from edge.plans import Sidecar, Wanted
from edge.vocabulary import Modality
from engines.plans.builder import Progress, build_plan
from engines.plans.compare import Agreement, check, compare
from engines.plans.files import locked, write_plan
from engines.plans.golden import golden_vectors
from engines.plans.options import Network, Workshop, add_common, workshop
from engines.plans.site import Site, open_site
from engines.training.bars import Bars
from engines.trt_library import NAMES

Vectors = Mapping[Modality, NDArray[Any]]
Say = Callable[[str], None]
THREADS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_common(parser)
    parser.add_argument("--library", choices=NAMES, default=NAMES[0],
                        help="what compiles (%(default)s)")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="compile also what is there")


def run(args: argparse.Namespace) -> int:
    """Build what is missing; 1 when some model could not be built.

    Raises: DeviceError, CudaError, StoreError, ModelError.
    """
    shop = workshop(args)
    with open_site(args.library) as site, locked(shop.plans.directory):
        sys.stderr.write(f"{shop.precision} plans for {site.target} in {shop.plans.directory}\n")
        vectors = golden_vectors() if site.device is not None else {}
        failed = 0
        with Bars() as bars:
            for network in shop.networks():
                show = _bar(bars, network.name)
                try:
                    bars.say(build_one(shop, site, network, vectors, show, force=args.force))
                except ModelError as error:
                    failed += 1
                    bars.say(f"{network.name}: {error}")
    return EX_SOME_FAILED if failed else EX_OK


def _bar(bars: Bars, name: str) -> Progress:
    return lambda done: bars.show(name, round(100 * done), 100)


def build_one(
    shop: Workshop,
    site: Site,
    network: Network,
    vectors: Vectors,
    show: Progress = lambda done: None,
    force: bool = False,
) -> str:
    """Build one plan unless a sound one is there, and keep it if it agrees; returns what was done.

    Raises: ModelError, PlanError, StoreError, CudaError.
    """
    wanted = network.wanted(shop.recipe, site.target)
    if not force and is_sound(shop, wanted):
        show(1.0)
        return f"{network.name}: is there ({wanted.key})"
    started = time.monotonic()
    plan = build_plan(site.library, network.onnx, shop.recipe, show)
    build_s = time.monotonic() - started
    told = "not compared: it cannot run here"
    if site.device is not None:
        agreement = compared(site, network, plan, vectors[Modality(network.name)])
        check(network.name, agreement, shop.precision)
        told = f"worst cosine to its model {agreement.worst_cosine:.5f}"
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    digest = sha256(plan).hexdigest()
    sidecar = Sidecar(network.name, wanted, digest, len(plan), now, round(build_s, 3))
    write_plan(shop.plans, plan, sidecar)
    show(1.0)
    return f"{network.name}: compiled ({wanted.key}), {len(plan) / 1e6:.1f} MB; {told}"


def is_sound(shop: Workshop, wanted: Wanted) -> bool:
    """Whether this plan is there, and would be run."""
    try:
        shop.plans.load(wanted)
    except PlanError:
        return False
    return True


def compared(site: Site, network: Network, plan: bytes, vectors: NDArray[Any]) -> Agreement:
    """The plan on the GPU against its ONNX file on the CPU.  Raises: PlanError, CudaError."""
    if site.device is None:
        raise ValueError("a plan for a stand-in cannot run")
    reference = OpenVinoBackend(THREADS).load(network.onnx)
    engine = TensorRtEngine(site.device, site.library.trt, plan)
    try:
        return compare(reference, engine, vectors)
    finally:
        engine.close()
