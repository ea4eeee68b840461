"""One program of several commands, each in a module of its own that is loaded when chosen."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import NoReturn

from edge.errors import EX_UNAVAILABLE, EX_USAGE, GatehouseError

INTERRUPTED = 130

Commands = Mapping[str, tuple[str, str]]
"""Command -> its module, which has ``add_arguments(parser)`` and ``run(args) -> int``; its help."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EX_USAGE, f"{self.prog}: {message}; see: {self.prog} --help\n")


def run_program(prog: str, about: str | None, commands: Commands, given: Sequence[str]) -> int:
    """Run the command that ``given`` names; returns its exit status.

    Every error is one line on stderr.
    """
    parser = _parser(prog, about, commands, given)
    args = parser.parse_args(given)
    told = f"{prog} {args.command}"
    try:
        return int(args.run(args))
    except GatehouseError as error:
        sys.stderr.write(f"{told}: {error}\n")
        return error.exit_code
    except BrokenProcessPool:
        sys.stderr.write(
            f"{told}: a worker process was killed, perhaps for want of memory; run again with "
            "fewer --workers\n"
        )
        return EX_UNAVAILABLE
    except KeyboardInterrupt:
        sys.stderr.write(f"{told}: interrupted; run again to go on\n")
        return INTERRUPTED


def _parser(prog: str, about: str | None, commands: Commands, given: Sequence[str]) -> _Parser:
    parser = _Parser(prog=prog, description=about)
    added = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    chosen = next((word for word in given if not word.startswith("-")), None)
    for name, (module_name, summary) in commands.items():
        if name != chosen:
            added.add_parser(name, help=summary)
            continue
        module = importlib.import_module(module_name)
        command = added.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
