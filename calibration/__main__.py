"""``python -m calibration COMMAND``: fits a model and its sensors to where they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engines.commands import Commands, run_program

COMMANDS: Commands = {
    "int8": ("calibration.int8", "quantise the encoders, from clips or live on site"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    return run_program("python -m calibration", __doc__, COMMANDS, given)


if __name__ == "__main__":
    sys.exit(main())
