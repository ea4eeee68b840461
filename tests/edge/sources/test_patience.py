from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edge.sources.patience import HungError, bounded, check_answered


def test_what_is_answered_in_time_leaves_nothing() -> None:
    before = threading.enumerate()
    done: list[int] = []
    bounded("start", lambda: done.append(1), 10)
    assert done == [1]
    assert threading.enumerate() == before
    check_answered()


def test_what_a_call_raises_is_raised() -> None:
    def fail() -> None:
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        bounded("start", fail, 10)


def test_a_call_that_hangs_is_given_up_and_no_other_is_begun_until_it_is_answered(
    wait_for: Callable[[Callable[[], bool]], None],
) -> None:
    answer = threading.Event()
    with pytest.raises(HungError, match=r"no answer for 0\.01 s"):
        bounded("start", answer.wait, 0.01)
    with pytest.raises(HungError, match="has not answered"):
        check_answered()
    answer.set()
    wait_for(_answered)


def test_what_hangs_for_one_source_does_not_stop_another() -> None:
    answer = threading.Event()
    with pytest.raises(HungError):
        bounded("start", answer.wait, 0.01)
    refused: list[HungError] = []

    def another() -> None:
        try:
            check_answered()
        except HungError as error:
            refused.append(error)

    other = threading.Thread(target=another, name="source-right-rgb")
    other.start()
    other.join()
    answer.set()
    assert refused == []


def _answered() -> bool:
    try:
        check_answered()
    except HungError:
        return False
    return True
