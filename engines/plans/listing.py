"""Show every plan: for which TensorRT and board it was built, and whether it would be run.

Run it as the user who runs the daemon: what others own is refused. Status 1 when a plan is
damaged, foreign or writable by others.

For example:
  python -m engines list
  sudo -u gatehouse /opt/gatehouse/bin/python -m engines list --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from edge.errors import EX_OK, EX_SOME_FAILED
from engines.plans.files import Entry, entries
from engines.plans.options import add_common, workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_common(parser)
    parser.add_argument("--json", action="store_true", help="one JSON line for each plan")


def run(args: argparse.Namespace) -> int:
    """Print all plans, newest first."""
    shop = workshop(args)
    store, found = shop.plans, entries(shop.plans)
    sys.stderr.write(f"TensorRT runs {shop.precision} encoders of {shop.models.directory}\n")
    for entry in found:
        sys.stdout.write((_json_line(entry) if args.json else _line(entry)) + "\n")
    if not found:
        sys.stderr.write(f"no plans in {store.directory}\n")
    return EX_SOME_FAILED if any(entry.problem for entry in found) else EX_OK


def _line(entry: Entry) -> str:
    if entry.sidecar is None:
        return f"REFUSED {entry.problem}"
    side = entry.sidecar
    megabytes = f"{side.plan_bytes / 1e6:.1f} MB"
    return f"{side.name:6} {side.wanted.key} {megabytes:>8} {side.built_at} {side.wanted.target}"


def _json_line(entry: Entry) -> str:
    told = None if entry.sidecar is None else asdict(entry.sidecar)
    key = None if entry.sidecar is None else entry.sidecar.wanted.key
    line = {"path": str(entry.path), "key": key, "sidecar": told, "problem": entry.problem}
    return json.dumps(line)
