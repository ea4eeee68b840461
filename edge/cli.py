"""The command ``gatehouse``. Heavy libraries load inside the command that needs them.

This is the one place that catches errors: one line on stderr, and the error's own exit status.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from edge import __version__
from edge.errors import EX_OK, EX_SOME_FAILED, GatehouseError, UsageError
from edge.record_command import describe_record
from edge.reporting import each_path, failed
from edge.vocabulary import MODALITIES, Modality

EX_INTERRUPTED = 130
STATUSES = """\
exit status: 0 fine, 1 some inputs failed, 64 usage, 65 bad media or data, 66 missing file,
69 broker or device unavailable, 74 damaged model or store, 78 configuration"""

Options = argparse.Namespace
Command = Callable[[Options], int]


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line like every other error."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of leaving with argparse's own status."""
        raise UsageError(f"{message}; see: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = make_parser().parse_args(arguments)
        command: Command = options.command
        status = command(options)
        sys.stdout.flush()
    except GatehouseError as error:
        return failed(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        return EX_INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK
    except Exception as error:  # the last resort: a user gets a line, not a trace
        hint = "this is a bug, please report it with what --debug adds"
        return failed(f"{type(error).__name__}: {error}; {hint}", EX_SOME_FAILED, debug)
    return status


def make_parser() -> argparse.ArgumentParser:
    """Describe every command."""
    common = Parser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", default=False, help="show traces, and log more"
    )
    parser = Parser(
        prog="gatehouse",
        description="Falls, violence and calls for help, recognised in the room.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gatehouse {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, summary: str, *examples: str) -> Parser:
        lines = "".join(f"  gatehouse {name} {example}\n" for example in examples)
        added: Parser = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"examples:\n{lines}\n{STATUSES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        added.set_defaults(command=command)
        return added

    describers = (_describe_run, _describe_replay, _describe_check, _describe_doctor)
    for describe in (*describers, describe_record, _describe_shows):
        describe(add)
    return parser


Add = Callable[..., Parser]


def _describe_run(add: Add) -> None:
    summary = "Watch the rooms of a configuration and tell the hub."
    run = add("run", run_daemon, summary, "--config /etc/gatehouse/gatehouse.yaml")
    run.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="YAML configuration"
    )


def run_daemon(options: Options) -> int:
    """``gatehouse run``."""
    from edge.daemon import run
    from edge.settings import load_settings

    level = logging.DEBUG if options.debug else logging.INFO
    logging.basicConfig(level=level, format="%(levelname)s %(name)s %(message)s")
    return run(load_settings(options.config))


def _describe_replay(add: Add) -> None:
    replay = add(
        "replay",
        run_replay,
        "Run recordings and media files through the whole chain, as fast as the machine goes.",
        "evening.mcap",
        "--json *.mp4 | jq -c 'select(.alarms != [])'",
        "--modalities depth,audio evening.mcap",
        "--faults docs/faults.example.yaml evening.mcap",
    )
    replay.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="MCAP recording or any media file"
    )
    replay.add_argument("--json", action="store_true", help="one JSON line per decision")
    replay.add_argument(
        "--modalities",
        type=_modalities,
        default=frozenset(MODALITIES),
        metavar="LIST",
        help="use only these of rgb,flow,depth,audio",
    )
    replay.add_argument(
        "--faults", type=Path, metavar="FILE", help="YAML script of what goes wrong when"
    )
    replay.add_argument(
        "--models", type=Path, metavar="DIR", help="use these models, not the shipped ones"
    )


def _modalities(text: str) -> frozenset[Modality]:
    known = {m.value: m for m in MODALITIES}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            told = ", ".join(known)
            raise argparse.ArgumentTypeError(f"unknown modality {name!r}; known: {told}")
    return frozenset(known[name] for name in names)


def run_replay(options: Options) -> int:
    """``gatehouse replay``: bad files are reported, and the others still run."""
    from edge.backends import open_backend
    from edge.faults import load_faults
    from edge.models import open_models
    from edge.replay_show import show_replay
    from edge.settings import ModelSettings

    settings = ModelSettings(directory=options.models, modalities=options.modalities)
    faults = load_faults(options.faults) if options.faults is not None else None
    with open_backend(settings) as chosen:
        models = open_models(settings, chosen)

        def show(path: Path) -> None:
            show_replay(path, models, faults, options.json)

        return each_path(options.paths, show, options.debug)


def _describe_check(add: Add) -> None:
    summary = "Check a configuration file without starting anything."
    check = add("check-config", check_config, summary, "/etc/gatehouse/gatehouse.yaml")
    check.add_argument("file", type=Path, metavar="FILE", help="YAML configuration")


def check_config(options: Options) -> int:
    """``gatehouse check-config``."""
    from edge.compose import check_sources
    from edge.settings import load_settings

    settings = load_settings(options.file)
    check_sources(settings.rooms)
    rooms = ", ".join(room.name for room in settings.rooms)
    device = f"device {settings.site}/{settings.device}"
    broker = f"broker {settings.mqtt.host}:{settings.mqtt.port}"
    sys.stdout.write(f"{options.file}: fine; {device}, {broker}, rooms {rooms}\n")
    return EX_OK


def _describe_doctor(add: Add) -> None:
    summary = "Examine GPU, plans, sensors, broker, clock, disk; name a remedy for each fault."
    example = "sudo -u gatehouse /opt/gatehouse/bin/gatehouse doctor"
    doctor = add("doctor", run_doctor, summary, "", "--config gatehouse.yaml --json")
    doctor.epilog = f"as the service sees it:\n  {example}\n\n{doctor.epilog}"
    doctor.add_argument(
        "--config", type=Path, metavar="FILE", help="(/etc/gatehouse/gatehouse.yaml, if there)"
    )
    doctor.add_argument("--json", action="store_true", help="one JSON line for each finding")


def run_doctor(options: Options) -> int:
    """``gatehouse doctor``: 1 when something fails; warnings do not count."""
    from edge.doctor.command import doctor

    return doctor(options.config, options.json)


def _describe_shows(add: Add) -> None:
    demo = "Show the whole chain on the shipped recording, with a private broker, in a minute."
    add("demo", run_demo, demo, "")
    summary = "Show what devices tell the hub, live, until interrupted."
    watch = add("watch", run_watch, summary, "--host broker.local --site elm-house")
    watch.add_argument("--host", default="localhost", help="broker (default: %(default)s)")
    watch.add_argument("--port", type=_port, default=1883, help="its port (default: %(default)s)")
    watch.add_argument("--site", default="+", help="only this site")
    watch.add_argument("--device", default="+", help="only this device")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give 1 to 65535")
    return int(text)


def run_demo(_options: Options) -> int:
    """``gatehouse demo``."""
    from edge.demo import demo

    return demo()


def run_watch(options: Options) -> NoReturn:
    """``gatehouse watch``."""
    from edge.watch import watch

    watch(options.host, options.port, options.site, options.device)
