from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import StoreError
from engines.benchmarks.items import Workbench
from engines.benchmarks.pretexts import rooms
from engines.benchmarks.pretexts.rooms import RoomSizes, room_rows, room_sides
from engines.training.split import group_of

HEADER = "path,dataset,modalities,label,group\n"


def fill(folder: Path, split: str, bodies: list[int]) -> None:
    folder.mkdir(parents=True)
    lines = []
    for i, body in enumerate(bodies):
        name = f"{split}-0-{i:05d}-walk-4s.mcap"
        (folder / name).write_bytes(b"")
        lines.append(f"{name},rooms,rgb+depth+audio,walk,body{body}|seed{i}")
    (folder / "manifest.csv").write_text(HEADER + "\n".join(lines) + "\n")


def bench(work: Path) -> Workbench:
    return Workbench("", str(work), None, 1)


def test_no_person_is_on_both_sides(tmp_path: Path) -> None:
    fill(tmp_path / "rooms", "train", [1, 2, 60, 3])  # 60 is a test person: not learned from
    fill(tmp_path / "testrooms", "test", [50, 60])
    sides = room_sides(bench(tmp_path), RoomSizes(train=4, test=2))
    learned, judged = ({group_of(row) for row in side} for side in (sides.train, sides.test))
    assert not learned & judged
    assert learned == {"rooms|body1", "rooms|body2", "rooms|body3"}
    assert "rooms|body50" in judged


def test_enough_rooms_are_not_rendered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "rooms", "train", [1, 2, 3])
    monkeypatch.setattr(rooms, "render", lambda *args: pytest.fail("rendered"))
    assert [row.group for row in room_rows(tmp_path / "rooms", "train", 2, 0, 1)] == [
        "body1|seed0",
        "body2|seed1",
    ]


def test_missing_rooms_are_rendered_and_a_failure_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    class Failed:
        returncode = 69

    def run(command: list[str], **options: object) -> Failed:
        asked.append(command)
        return Failed()

    monkeypatch.setattr(rooms.subprocess, "run", run)
    with pytest.raises(StoreError, match="rendering failed with status 69"):
        room_rows(tmp_path / "rooms", "test", 30, 900, 2)
    assert asked[0][asked[0].index("--split") + 1] == "test"
    assert asked[0][asked[0].index("--clips") + 1] == "30"
