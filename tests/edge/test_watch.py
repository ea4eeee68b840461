from __future__ import annotations

import pytest
from rich.console import Console

from edge.board import AlarmView, Board, RoomView
from edge.watch import PlainView, open_view, render


def drawn(board: Board) -> str:
    console = Console(width=90, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as capture:
        console.print(render(board))
    return capture.get()


def board_with_a_fall() -> Board:
    board = Board()
    alarm = AlarmView("a1", "fall", "confirmed", "r", 0.9, "2026-01-01T00:00:00Z")
    board.rooms["home/box/r"] = RoomView(
        "fall", 0.91, {"rgb": 0.5, "flow": 0.25, "depth": 0.25}, {"audio": "stale"}, {"a1": alarm}
    )
    board.history.append(alarm)
    return board


def test_the_picture_shows_activity_weights_what_is_missing_and_alarms() -> None:
    picture = drawn(board_with_a_fall())
    for part in ("home/box/r", "91%", "50%", "25%", "missing: stale", "FALL confirmed", "id=a1"):
        assert part in picture


def test_bars_are_as_long_as_their_share() -> None:
    rows = drawn(board_with_a_fall()).splitlines()
    rgb = next(row for row in rows if "rgb" in row)
    flow = next(row for row in rows if "flow" in row)
    assert rgb.count("█") == 15
    assert flow.count("█") == 8


def test_before_the_first_message_it_waits() -> None:
    assert "waiting for a device" in drawn(Board())


def test_without_a_terminal_news_come_as_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with open_view() as view:
        assert isinstance(view, PlainView)
        view.update(Board(), ["ALARM fall confirmed room=r id=a1"])
        view.update(Board(), [])
    assert capsys.readouterr().out == "ALARM fall confirmed room=r id=a1\n"
