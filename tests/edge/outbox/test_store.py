from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.outbox.store import Message, OpenRecord, Outbox


def message(name: str, retain: bool = False) -> Message:
    return Message("aal/v1/s/d/x", name.encode(), name, retain=retain)


def ids(outbox: Outbox, **how: int) -> list[str]:
    return [stored.message.id for stored in outbox.pending(**how)]


def test_messages_come_back_oldest_first_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "new" / "outbox.db"
    with Outbox(path) as outbox:
        outbox.put([message("a"), message("b", retain=True)])
        outbox.put([message("c")])
    with Outbox(path) as outbox:
        stored = outbox.pending()
        assert [s.message for s in stored] == [
            message("a"),
            message("b", retain=True),
            message("c"),
        ]
        assert ids(outbox, after_seq=stored[0].seq, limit=1) == ["b"]


def test_an_id_is_stored_once(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.put([message("a")])
        outbox.put([message("a"), message("b")])
        assert ids(outbox) == ["a", "b"]


def test_a_removed_message_is_gone_and_its_number_is_not_used_again(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.put([message("a")])
        (first,) = outbox.pending()
        outbox.remove(first.seq)
        outbox.put([message("b")])
        (second,) = outbox.pending()
        assert second.seq > first.seq


def test_a_rejected_message_is_kept_for_another_try(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.put([message("a"), message("b")])
        outbox.reject(outbox.pending()[0].seq, "Not authorized")
        assert ids(outbox) == ["b"]
        assert outbox.count() == 2
        assert outbox.retry_rejected() == 1
        assert ids(outbox) == ["a", "b"]


def test_open_alarms_stay_in_the_order_of_opening(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.db") as outbox:
        for name in ("first", "second", "first"):
            outbox.put([], opened=[OpenRecord(name, message(name), b"1")])
        assert [record.alarm_id for record in outbox.open_alarms()] == ["first", "second"]


def test_the_latest_state_of_open_alarms_is_kept_until_they_close(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    with Outbox(path) as outbox:
        outbox.put(
            [], opened=[OpenRecord("x", message("x1"), b"1"), OpenRecord("y", message("y1"), b"1")]
        )
        outbox.put([], opened=[OpenRecord("x", message("x2"), b"2")], closed=["y"])
    with Outbox(path) as outbox:
        (kept,) = outbox.open_alarms()
        assert (kept.alarm_id, kept.message.payload, kept.record) == ("x", b"x2", b"2")
        assert kept.message.retain


def test_a_damaged_file_is_reported_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match=r"damaged .* mv .*o\.db .*o\.db\.damaged"):
        Outbox(path)
    assert path.read_bytes() == b"this is not a database" * 100


def test_a_place_that_cannot_hold_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="state_dir"):
        Outbox(tmp_path / "file" / "o.db")


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    with Outbox(path) as outbox:
        outbox._db.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="another version"):
        Outbox(path)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from edge.outbox.store import Outbox; "
    code += "o = Outbox(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "o.db")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StoreError, match="no other gatehouse uses it"):
            Outbox(tmp_path / "o.db")
    with Outbox(tmp_path / "o.db") as outbox:
        assert outbox.count() == 0


CHILD = """
import sys
from pathlib import Path
from edge.outbox.store import Message, Outbox
outbox = Outbox(Path(sys.argv[1]))
n = 0
while True:
    outbox.put([Message("t", b"x", str(n))])
    print(n, flush=True)
    n += 1
"""


def test_what_was_put_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(20)]
        os.kill(child.pid, signal.SIGKILL)
        said += child.stdout.readlines()
    with Outbox(path) as outbox:
        stored = [s.message.id for s in outbox.pending(limit=100_000)]
    assert stored[: len(said)] == [line.strip() for line in said]
