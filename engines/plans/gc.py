"""Remove plans that nothing needs: of each model all but the newest, and whatever is refused.

The plan of this board, TensorRT and model always stays, and so does the last good one before it,
for a return to the TensorRT or the model that it is of. Where no GPU tells which plan is this
board's, only the refused go.

For example:
  python -m engines gc --dry-run
  python -m engines gc --keep 1
"""

from __future__ import annotations

import argparse
import sys

from edge.errors import EX_OK, CudaError, DeviceError, UsageError
from engines.plans.files import entries, locked, remove, superfluous
from engines.plans.options import Workshop, add_common, workshop
from engines.plans.site import open_site

KEEP = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_common(parser)
    parser.add_argument("--keep", type=int, metavar="N", default=KEEP,
                        help="of each model, the newest N (%(default)s)")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")


def run(args: argparse.Namespace) -> int:
    """Remove, and say what.  Raises: UsageError, StoreError, PlanError."""
    if args.keep < 1:
        raise UsageError("--keep must be at least 1: the daemon needs a plan of each model")
    shop = workshop(args)
    wanted = wanted_here(shop)
    with locked(shop.plans.directory):
        found = entries(shop.plans)
        if wanted is None:
            wanted = {entry.sidecar.wanted.key for entry in found if entry.sidecar is not None}
        gone = superfluous(found, wanted, args.keep)
        for entry in gone:
            sys.stdout.write(f"{entry.path.name}: {entry.problem or 'not needed'}\n")
        if not args.dry_run:
            sys.stdout.write(f"{remove(shop.plans, gone) / 1e6:.1f} MB freed\n")
    return EX_OK


def wanted_here(shop: Workshop) -> set[str] | None:
    """Keys of the plans that the daemon would run on this board; None: not known without a GPU."""
    try:
        with open_site("tensorrt") as site:
            return {n.wanted(shop.recipe, site.target).key for n in shop.networks()}
    except (CudaError, DeviceError):
        return None
