"""The terminal view of what devices tell the hub: ``gatehouse watch``, and half of the demo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.board import Board, RoomView
from edge.subscriber import subscribed
from edge.vocabulary import MODALITIES

POLL_S = 0.2
BAR_WIDTH = 30
RECENT = 6
"""Alarm transitions kept on the screen."""


class View(Protocol):
    """Shows a board."""

    def update(self, board: Board, news: list[str]) -> None:
        """Show what is new."""


class PlainView:
    """Lines, for logs, pipes and scripts."""

    def update(self, board: Board, news: list[str]) -> None:
        """Write each piece of news as a line, at once."""
        for line in news:
            sys.stdout.write(line + "\n")
        if news:
            sys.stdout.flush()


class LiveView:
    """A picture that redraws itself in a terminal."""

    def __init__(self, live: Live, footer: Callable[[], RenderableType] | None = None) -> None:
        self._live, self._footer = live, footer

    def update(self, board: Board, news: list[str]) -> None:
        """Draw the whole board again."""
        parts = [render(board)]
        if self._footer is not None:
            parts.append(self._footer())
        self._live.update(Group(*parts))


@contextmanager
def open_view(footer: Callable[[], RenderableType] | None = None) -> Iterator[View]:
    """Lines or a picture, whichever standard output can take."""
    if not sys.stdout.isatty():
        yield PlainView()
        return
    with Live(console=Console(), refresh_per_second=8) as live:
        yield LiveView(live, footer)


def watch(host: str, port: int, site: str, device: str) -> NoReturn:
    """Show everything until interrupted.  Raises: BrokerError."""
    board = Board()
    with subscribed(host, port, f"aal/v1/{site}/{device}/#") as hub, open_view() as view:
        while True:
            news = [line for message in hub.receive(POLL_S) for line in board.apply(*message)]
            view.update(board, news)


def render(board: Board) -> RenderableType:
    """Draw every room, and the latest alarm transitions."""
    if not board.rooms:
        return Text("waiting for a device ...", style="dim")
    panels: list[RenderableType] = [
        Panel(_room(room), title=f"[b]{name}[/b]", title_align="left", width=78)
        for name, room in sorted(board.rooms.items())
    ]
    lines = [Text(alarm.line, style="red") for alarm in board.history[-RECENT:]]
    return Group(*panels, *lines)


def _room(room: RoomView) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=10)
    grid.add_column(width=BAR_WIDTH)
    grid.add_column()
    grid.add_row("confidence", *_bar(room.confidence or 0, "cyan"), style="bold")
    for modality in MODALITIES:
        name = modality.value
        if name in room.missing:
            grid.add_row(name, Text(f"missing: {room.missing[name]}", style="yellow"), "")
        else:
            grid.add_row(name, *_bar(room.gate.get(name, 0), "green"))
    what = Text(room.action or "no decision", style="bold cyan")
    alarms = [
        Text(f" {alarm.alarm_class.upper()} {alarm.state} ", style="bold white on red")
        for alarm in room.alarms.values()
        if alarm.is_open
    ]
    return Group(what, grid, *alarms)


def _bar(share: float, colour: str) -> tuple[Text, Text]:
    """share: in [0, 1]"""
    filled = round(share * BAR_WIDTH)
    bar = Text("█" * filled, style=colour) + Text("░" * (BAR_WIDTH - filled), style="dim")
    return bar, Text(f"{share:4.0%}")
