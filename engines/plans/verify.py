"""Compare this board's plans with the models they come from, on inputs of the shipped recording.

Each plan runs on the GPU, its ONNX file on the CPU. A plan that does not compute its model is
removed, and the daemon runs that model on the CPU until it is built again: status 1. Without a GPU
nothing can be verified, and that is what it says: status 69.

For example:
  python -m engines verify --config /etc/gatehouse/gatehouse.yaml
  python -m engines verify --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from edge.errors import EX_OK, EX_SOME_FAILED, CudaError, DeviceError, PlanError
from edge.vocabulary import Modality
from engines.plans.build import Vectors, compared
from engines.plans.compare import Agreement, check
from engines.plans.files import Entry, locked, remove
from engines.plans.golden import golden_vectors
from engines.plans.options import Network, Workshop, add_common, workshop
from engines.plans.site import Site, open_site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_common(parser)
    parser.add_argument("--json", action="store_true", help="one JSON line for each plan")


def run(args: argparse.Namespace) -> int:
    """Verify every plan; 1 when one is missing or wrong.

    Raises: DeviceError without a GPU, StoreError, ModelError.
    """
    shop = workshop(args)
    try:
        with open_site("tensorrt") as site, locked(shop.plans.directory):
            vectors = golden_vectors()
            return verify_all(shop, site, vectors, as_json=args.json)
    except (CudaError, DeviceError) as error:
        raise DeviceError(
            f"nothing was verified: a plan runs only on the board that it was built for ({error})"
        ) from error


def verify_all(shop: Workshop, site: Site, vectors: Vectors, as_json: bool) -> int:
    """Verify and print one line for each; returns the exit status."""
    failed = 0
    for network in shop.networks():
        problem = None
        agreement = None
        try:
            agreement = verify_one(shop, site, network, vectors)
        except PlanError as error:
            problem, failed = str(error), failed + 1
        sys.stdout.write(_line(network.name, agreement, problem, as_json) + "\n")
    return EX_SOME_FAILED if failed else EX_OK


def verify_one(shop: Workshop, site: Site, network: Network, vectors: Vectors) -> Agreement:
    """Raises: PlanError when there is no such plan, or a wrong one, which is then removed."""
    wanted = network.wanted(shop.recipe, site.target)
    plan = shop.plans.load(wanted)
    agreement = compared(site, network, plan, vectors[Modality(network.name)])
    try:
        check(network.name, agreement, shop.precision)
    except PlanError as error:
        remove(shop.plans, [Entry(shop.plans.path_of(wanted), None, str(error))])
        raise
    return agreement


def _line(name: str, agreement: Agreement | None, problem: str | None, as_json: bool) -> str:
    if as_json:
        told = None if agreement is None else asdict(agreement)
        return json.dumps({"name": name, "agreement": told, "problem": problem})
    if agreement is None:
        return f"{name}: {problem}"
    return (
        f"{name}: agrees on {agreement.vectors} inputs, worst cosine "
        f"{agreement.worst_cosine:.5f}, worst difference {agreement.worst_difference:.5f}"
    )
