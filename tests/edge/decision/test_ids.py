from __future__ import annotations

import uuid

from edge.decision.ids import AlarmIds


def test_ids_are_the_same_in_replay_and_differ_between_boots() -> None:
    first, again, other = (AlarmIds("box-1", boot) for boot in ("a", "a", "b"))
    names = [first.next() for _ in range(3)]
    assert names == [again.next() for _ in range(3)]
    assert not set(names) & {other.next() for _ in range(3)}


def test_numbers_count_from_one_without_gaps() -> None:
    ids = AlarmIds("box-1", "boot-1")
    assert [ids.next()[0] for _ in range(4)] == [1, 2, 3, 4]


def test_the_first_id_of_a_boot_is_the_one_the_contract_has_always_given() -> None:
    (_, first) = AlarmIds("box-1", "boot-1").next()
    assert first == "8fb7f237-9987-500a-bf2f-9c0b01c71c12"
    assert uuid.UUID(first).version == 5


def test_two_devices_of_the_same_boot_name_alarms_differently() -> None:
    assert AlarmIds("box-1", "a").next() != AlarmIds("box-2", "a").next()
