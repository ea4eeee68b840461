"""How commands tell people what went wrong: one line on stderr for each mistake."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.errors import EX_OK, EX_SOME_FAILED, GatehouseError


def failed(message: str, status: int, debug: bool) -> int:
    """Write one error line; returns the status.  debug: show the trace, too"""
    sys.stdout.flush()
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"gatehouse: error: {' '.join(message.split())}\n")
    return status


def each_path(paths: Sequence[Path], handle: Callable[[Path], None], debug: bool) -> int:
    """Handle every file, also after a bad one; returns the exit status of all of them."""
    failures: list[int] = []
    for path in paths:
        try:
            handle(path)
        except GatehouseError as error:
            failures.append(failed(str(error), error.exit_code, debug))
    if not failures:
        return EX_OK
    all_alike = len(failures) == len(paths) and len(set(failures)) == 1
    return failures[0] if all_alike else EX_SOME_FAILED
