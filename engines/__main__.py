"""``python -m engines rooms | train | evaluate | card``: the workshop's commands."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import NoReturn

from edge.errors import EX_UNAVAILABLE, EX_USAGE, GatehouseError

COMMANDS = {
    "rooms": ("engines.rooms.generate", "render rooms with sound, depth and ground truth"),
    "train": ("engines.training.train", "train the models that ship"),
    "evaluate": ("engines.training.evaluate", "score models on clips, or run benchmark suites"),
    "card": ("engines.card.command", "write a model's card from what the benchmarks found"),
}
"""Command -> its module, which has ``add_arguments(parser)`` and ``run(args) -> int``; its help."""

_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}; see: {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. Only the chosen command's module is loaded."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(prog="python -m engines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    chosen = next((word for word in given if not word.startswith("-")), None)
    for name, (module_name, summary) in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=summary)
            continue
        module = importlib.import_module(module_name)
        command = commands.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args = parser.parse_args(given)
    try:
        return int(args.run(args))
    except GatehouseError as error:
        sys.stderr.write(f"{parser.prog} {args.command}: {error}\n")
        return error.exit_code
    except BrokenProcessPool:
        sys.stderr.write(
            f"{parser.prog} {args.command}: a worker process was killed, perhaps for want of "
            "memory; run again with fewer --workers\n"
        )
        return EX_UNAVAILABLE
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog} {args.command}: interrupted\n")
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
