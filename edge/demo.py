"""``gatehouse demo``: private broker, real daemon on the shipped recording, real subscriber."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from edge.board import Board
from edge.demo_broker import PrivateBroker
from edge.errors import EX_OK, EX_SOME_FAILED, GatehouseError
from edge.sources.recording import Recording
from edge.subscriber import Subscriber, subscribed
from edge.watch import POLL_S, open_view

SITE, DEVICE, ROOM = "demo", "laptop", "room-1"
GRACE_S = 60.0
"""Longer than the recording by this: something hangs."""

STOP_S = 10.0


def demo(recording: Path | None = None, models: Path | None = None) -> int:
    """Show the whole chain once; 0 when a fall arrived over MQTT, else 1.

    recording, models: None: those that ship with the package.
    Raises: GatehouseError, when a part does not start.
    """
    path = recording or Path(str(files("edge") / "data" / "demo.mcap"))
    total_s = Recording(path).duration_ns / 1e9
    say(f"Gatehouse demo: {path.name}, {total_s:.0f} s, through sensors, gate, alarms and MQTT")
    with TemporaryDirectory(prefix="gatehouse-demo-") as folder, PrivateBroker() as broker:
        config = write_config(Path(folder), broker.port, path, models)
        with subscribed(broker.host, broker.port, f"aal/v1/{SITE}/#") as hub:
            say(f"private broker on port {broker.port}; starting the daemon ...")
            with daemon(config) as child:
                board = follow(hub, child, Clockwork(total_s))
    summarise(board)
    return EX_OK if board.fall_was_told() else EX_SOME_FAILED


def write_config(folder: Path, port: int, recording: Path, models: Path | None) -> Path:
    """Write the configuration that the daemon runs with; returns its path."""
    settings = {
        "site": SITE,
        "device": DEVICE,
        "state_dir": str(folder / "state"),
        "mqtt": {"host": PrivateBroker.host, "port": port},
        "models": {"directory": str(models) if models is not None else None},
        "rooms": [
            {
                "name": ROOM,
                "source": {"type": "recording", "path": str(recording), "realtime": True},
            }
        ],
    }
    config = folder / "gatehouse.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return config


@contextmanager
def daemon(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``gatehouse run`` as a process of its own, its log beside the configuration.

    Raises: GatehouseError with the log's last line when it fails.
    """
    log_path = config.with_name("daemon.log")
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    with log_path.open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.returncode > 0:
        raise DaemonError(last_words(log_path), child.returncode)


class DaemonError(GatehouseError):
    """The daemon of the demo failed; carries its exit status."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def last_words(log_path: Path) -> str:
    """Return the last line of the daemon's log."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1].removeprefix("gatehouse: error: ") if lines else "the daemon left no word"


@dataclass(slots=True)
class Clockwork:
    """How far the recording is."""

    total_s: float
    began_s: float | None = None

    def begin(self) -> None:
        """The first news of the room has come."""
        if self.began_s is None:
            self.began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the room's first news."""
        return 0.0 if self.began_s is None else time.monotonic() - self.began_s

    def draw(self) -> RenderableType:
        """A bar with elapsed and total seconds."""
        done_s = min(self.elapsed_s, self.total_s)
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(self.total_s, done_s, width=60), f"{done_s:.0f}/{self.total_s:.0f} s"
        )
        return line


def follow(hub: Subscriber, child: subprocess.Popen[bytes], clockwork: Clockwork) -> Board:
    """Show what arrives until the daemon has ended and nothing more comes."""
    board = Board()
    deadline_s = time.monotonic() + clockwork.total_s + GRACE_S
    with open_view(clockwork.draw) as view:
        while True:
            running = child.poll() is None and time.monotonic() < deadline_s
            messages = hub.receive(POLL_S)
            news = [line for message in messages for line in board.apply(*message)]
            if board.rooms:
                clockwork.begin()
            view.update(board, news)
            if not running and not messages:
                return board


def summarise(board: Board) -> None:
    """Say what has come over MQTT."""
    kinds = sorted({alarm.alarm_class for alarm in board.history})
    count = len({alarm.alarm_id for alarm in board.history})
    say(f"Activities: {' > '.join(board.activities) or 'none'}")
    say(f"{board.messages} MQTT messages, {count} alarms ({', '.join(kinds) or 'none'})")
    if board.fall_was_told():
        say("The fall arrived at the hub.")
    else:
        say("No fall alarm arrived at the hub.")


def say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
