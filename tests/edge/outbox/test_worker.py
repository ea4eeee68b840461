"""Against a link that fails when the test says so; ``test_hub`` has the real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.errors import BrokerError
from edge.outbox.events import Down
from edge.outbox.slots import LatestWins
from edge.outbox.store import Message, Outbox
from edge.outbox.topics import Topics
from edge.outbox.worker import OutboxWorker, Voice

Eventually = Callable[[Callable[[], bool]], bool]
TOPICS = Topics("home", "box-1")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "o.db") as opened:
        yield opened


@pytest.fixture
def worker(link: Any, outbox: Outbox) -> Iterator[OutboxWorker]:
    def status(state: str) -> Message:
        return Message(TOPICS.status, b"{}", state, retain=True)

    beat = Message(TOPICS.heartbeat, b"{}", "beat")
    voice = Voice(status, lambda: beat, heartbeat_s=0.5)
    ours = OutboxWorker(outbox, link, LatestWins(), TOPICS, voice, SystemClock())
    yield ours
    ours.stop()


def test_a_clean_stop_sends_what_is_stored_and_parts_without_the_will(
    worker: OutboxWorker, link: Any, outbox: Outbox, eventually: Eventually
) -> None:
    outbox.put([Message("t", b"{}", "alarm")])
    worker.start()
    assert eventually(lambda: worker.is_online)
    worker.stop()
    assert [said for said in link.said if said != "beat"] == ["alarm", "online", "stopped"]
    assert outbox.count() == 0
    assert link.wills == [False]


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        (BrokerError("broker is down; start it"), "broker is down; start it"),
        (RuntimeError("odd"), "RuntimeError: odd; it is retried; please report this"),
    ],
)
def test_no_error_ends_the_thread_and_the_problem_is_told_until_it_is_over(
    worker: OutboxWorker, link: Any, eventually: Eventually, trouble: Exception, problem: str
) -> None:
    link.trouble = trouble
    worker.start()
    assert eventually(lambda: worker.problem == problem)
    link.trouble = None
    assert eventually(lambda: worker.is_online and worker.problem is None)


def test_a_lost_connection_is_said_once_with_its_remedy_and_made_again(
    worker: OutboxWorker, link: Any, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    worker.start()
    assert eventually(lambda: worker.is_online)
    link.events.put(Down("session taken over"))
    assert eventually(lambda: worker.is_online and link.said.count("online") == 2)
    assert caplog.text.count("no other device is called box-1") == 1


def test_an_end_that_nobody_wanted_leaves_the_last_word_to_the_will(
    worker: OutboxWorker, link: Any, eventually: Eventually
) -> None:
    worker.start()
    assert eventually(lambda: worker.is_online)
    worker.stop(failed=True)
    assert "stopped" not in link.said
    assert link.wills == [True]


def test_stopping_what_never_started_says_nothing(worker: OutboxWorker, link: Any) -> None:
    worker.stop()
    assert (link.said, link.wills) == ([], [])
