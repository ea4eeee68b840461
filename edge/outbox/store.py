"""The outbox on disk: SQLite, write-ahead log, every commit forced to the medium.

A message is stored before it is sent and removed only after the broker has acknowledged it. Beside
the queue stands the latest full state of every open alarm, so that a restart can say it again.
Any thread may call; one lock guards the one connection, and no call waits for the network.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import StoreError

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    rejected TEXT
);
CREATE TABLE IF NOT EXISTS open_alarm (
    alarm_id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    record BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One publish; ``id`` makes sending it twice harmless."""

    topic: str
    payload: bytes  # empty and retained: clears the topic
    id: str
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the queue."""

    seq: int  # order of storing
    message: Message


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """The latest state of an alarm that is not closed."""

    alarm_id: str
    message: Message  # what its retained topic says
    record: bytes  # enough to rebuild the Alarm; see records.py


class Outbox:
    """Context manager. Raises StoreError, from every method, when the file fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was put stays."""
        with self._lock:
            self._db.close()

    def put(
        self,
        messages: Sequence[Message],
        opened: Sequence[OpenRecord] = (),
        closed: Sequence[str] = (),
    ) -> None:
        """Store messages and alarm states in one transaction; durable when this returns.

        An id that is already in the queue is not stored again. closed: ids of alarms.
        """
        rows = [(m.id, m.topic, m.payload, m.qos, m.retain) for m in messages]
        kept = [(o.alarm_id, o.message.topic, o.message.payload, o.record) for o in opened]
        with self._transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO message(id, topic, payload, qos, retain)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )
            db.executemany(  # an update keeps the row's place: the order of opening
                "INSERT INTO open_alarm VALUES (?, ?, ?, ?) ON CONFLICT(alarm_id) DO UPDATE SET"
                " topic = excluded.topic, payload = excluded.payload, record = excluded.record",
                kept,
            )
            db.executemany("DELETE FROM open_alarm WHERE alarm_id = ?", [(i,) for i in closed])

    def pending(self, after_seq: int = 0, limit: int = 100) -> list[Stored]:
        """Return what is still to be sent, oldest first, without the rejected."""
        query = (
            "SELECT seq, topic, payload, id, qos, retain FROM message"
            " WHERE seq > ? AND rejected IS NULL ORDER BY seq LIMIT ?"
        )
        return [
            Stored(seq, Message(topic, payload, name, qos, bool(retain)))
            for seq, topic, payload, name, qos, retain in self._read(query, (after_seq, limit))
        ]

    def open_alarms(self) -> list[OpenRecord]:
        """Return the latest state of every open alarm, in order of opening."""
        rows = self._read("SELECT alarm_id, topic, payload, record FROM open_alarm ORDER BY rowid")
        return [
            OpenRecord(alarm_id, Message(topic, payload, f"{alarm_id}.kept", 1, True), record)
            for alarm_id, topic, payload, record in rows
        ]

    def remove(self, seq: int) -> None:
        """Forget a message that the broker has acknowledged."""
        with self._transaction() as db:
            db.execute("DELETE FROM message WHERE seq = ?", (seq,))

    def reject(self, seq: int, why: str) -> None:
        """Set a message aside that the broker refused; it stays until ``retry_rejected``."""
        with self._transaction() as db:
            db.execute("UPDATE message SET rejected = ? WHERE seq = ?", (why, seq))

    def retry_rejected(self) -> int:
        """Make refused messages pending again; return how many."""
        with self._transaction() as db:
            return db.execute("UPDATE message SET rejected = NULL WHERE rejected NOTNULL").rowcount

    def count(self) -> int:
        """Return how many messages are stored, rejected ones included."""
        return int(self._read("SELECT count(*) FROM message")[0][0])

    def last_seq(self) -> int:
        """Return the newest message's number; 0 when the queue is empty."""
        return int(self._read("SELECT coalesce(max(seq), 0) FROM message")[0][0])

    def _prepare(self) -> None:
        self._db.execute("PRAGMA busy_timeout = 5000")
        # Two processes would send each other's alarms and take each other's connection.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise StoreError(
                f"{self._path}: written by another version of gatehouse (format {version});"
                f" move it away to start empty: mv {self._path} {self._path}.v{version}"
            )
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock, self._explained(), closing(self._db.execute(query, values)) as cursor:
            return cursor.fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite says into one line with a remedy; never touch the file itself."""
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise StoreError(
                f"{self._path}: the outbox is closed; start gatehouse again"
            ) from error
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{self._path}: {error}; check that its directory is writable, the disk has room"
                " and no other gatehouse uses it"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{self._path}: the outbox is damaged ({error}); keep it for rescue and start with"
                f" an empty one: mv {self._path} {self._path}.damaged"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self._path}: {error.strerror}; create its directory or change state_dir"
            ) from error
