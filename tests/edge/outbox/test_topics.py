from __future__ import annotations

from paho.mqtt.client import topic_matches_sub as matches

from edge.outbox.topics import Topics

TOPICS = Topics("home", "box-1")


def spoken() -> list[str]:
    rooms = [TOPICS.health("a"), TOPICS.activity("a"), TOPICS.alarm("a", "x"), TOPICS.event("a")]
    return [TOPICS.status, TOPICS.heartbeat, TOPICS.fault, TOPICS.privacy, *rooms]


def test_no_two_kinds_of_message_share_a_topic() -> None:
    assert len(set(spoken())) == len(spoken())


def test_everything_is_below_the_root_and_meets_the_filter_for_it() -> None:
    assert TOPICS.root == "aal/v1/home/box-1"
    assert all(matches(TOPICS.everything, topic) for topic in spoken())


def test_the_filter_for_alarms_meets_alarms_of_every_room_and_nothing_else() -> None:
    found = [topic for topic in spoken() if matches(TOPICS.all_alarms, topic)]
    assert found == [TOPICS.alarm("a", "x")]
    assert matches(TOPICS.all_alarms, TOPICS.alarm("b", "y"))


def test_another_device_of_the_house_is_not_met() -> None:
    other = Topics("home", "box-12")
    assert not matches(TOPICS.everything, other.status)
    assert other.client_id != TOPICS.client_id
