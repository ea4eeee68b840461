"""``python -m engines COMMAND``: the workshop's commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engines.commands import Commands, run_program

COMMANDS: Commands = {
    "rooms": ("engines.rooms.generate", "render rooms with sound, depth and ground truth"),
    "train": ("engines.training.train", "train the models that ship"),
    "evaluate": ("engines.training.evaluate", "score models on clips, or run benchmark suites"),
    "build": ("engines.plans.build", "compile the models for this board's GPU (TensorRT plans)"),
    "verify": ("engines.plans.verify", "compare this board's plans with the models they come from"),
    "list": ("engines.plans.listing", "show the plans there are, and which of them can run"),
    "gc": ("engines.plans.gc", "remove plans that nothing needs any more"),
    "card": ("engines.card.command", "write a model's card from what the benchmarks found"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    return run_program("python -m engines", __doc__, COMMANDS, given)


if __name__ == "__main__":
    sys.exit(main())
