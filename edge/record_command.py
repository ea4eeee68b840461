"""``gatehouse record`` and ``gatehouse import`` on the command line."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import EX_OK

if TYPE_CHECKING:
    from rich.console import Console

    from edge.record import Progress

Options = argparse.Namespace
NOT_WATCHED = (
    "While this records, the service is not running: no room of this device is watched.\n"
    "Stop with Ctrl-C; what was recorded until then is kept."
)


def describe_record(add: Callable[..., Any]) -> None:
    """Add both commands.  add: see ``cli.make_parser``"""
    record = add(
        "record",
        run_record,
        "Write pictures, depth and sound of a room to a file: announced, and for a limited time.",
        "--config /etc/gatehouse/gatehouse.yaml --room room-101 --seconds 60 evening.mcap",
    )
    config = "/etc/gatehouse/gatehouse.yaml"
    record.epilog = (
        "the service gives up the camera meanwhile, and nobody is watched:\n"
        "  sudo systemctl stop gatehouse\n"
        f"  sudo -u gatehouse gatehouse record --config {config} --seconds 60 FILE\n"
        f"  sudo systemctl start gatehouse\n\n{record.epilog}"
    )
    record.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="YAML configuration"
    )
    record.add_argument("--room", metavar="NAME", help="which room (needed when there are several)")
    record.add_argument(
        "--seconds", type=_seconds, required=True, metavar="N", help="how long at most"
    )
    record.add_argument("path", type=Path, metavar="FILE", help="the recording; must not exist")
    _describe_import(add)


def _describe_import(add: Callable[..., Any]) -> None:
    summary = "Turn video files into recordings, and save what is whole of recordings cut off."
    command = add(
        "import", run_import, summary, "evening.mp4", "--to /srv/recordings *.mp4 cut.mcap.part"
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="what replay can read")
    command.add_argument(
        "--to", type=Path, metavar="DIR", help="where to write (default: beside each file)"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; give 1 to 86400 seconds")
    return seconds


def run_record(options: Options) -> int:
    """``gatehouse record``."""
    from edge.clock import SystemClock
    from edge.daemon import check_state_dir, stopped_by_signals
    from edge.record import Request, permitted, record
    from edge.settings import load_settings

    settings = load_settings(options.config)
    request = Request(options.room, options.seconds, options.path)
    permitted(settings, request)
    check_state_dir(settings.state_dir)
    stop, console = threading.Event(), _console()
    console.print(NOT_WATCHED, highlight=False, soft_wrap=True)
    with stopped_by_signals(stop), _bar(console, options.seconds) as told:
        done = record(settings, request, SystemClock(), stop, told)
    console.print(
        f"{options.path}: {_summary(done)}", highlight=False, markup=False, soft_wrap=True
    )
    return EX_OK


def run_import(options: Options) -> int:
    """``gatehouse import``: bad files are reported, and the others are still imported."""
    from edge.record_import import import_file
    from edge.reporting import each_path

    console = _console()

    def imported(path: Path) -> None:
        with _bar(console, None) as told:
            target, done = import_file(path, options.to, told)
        console.print(f"{target}: {_summary(done)}", highlight=False, markup=False, soft_wrap=True)

    return each_path(options.paths, imported, options.debug)


def _summary(done: Progress) -> str:
    parts = [f"{count} {stream.value}" for stream, count in sorted(done.written.items())]
    dropped = f", {done.dropped} dropped because the disk is too slow" if done.dropped else ""
    return f"{done.seconds:.1f} s, {', '.join(parts)}{dropped}"


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def _bar(console: Console, total_s: float | None) -> Iterator[Callable[[Progress], None]]:
    """Show seconds and what they hold.  total_s: None when nobody knows"""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.fields[state]}", markup=False), BarColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total_s, state="opening")

        def told(progress: Any) -> None:
            bar.update(
                task, completed=progress.seconds, state=progress.problem or _summary(progress)
            )

        yield told
