from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from edge.privacy_schedule import Schedule
from edge.privacy_settings import PrivacySettings
from edge.values import Stream

BERLIN = "Europe/Berlin"
NIGHT = {"streams": ["rgb"], "start": "22:00", "end": "06:30"}


def schedule(*rules: dict[str, Any], zone: str | None = BERLIN) -> Schedule:
    return Schedule(PrivacySettings.model_validate({"timezone": zone, "switched_off": rules}))


def at(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(local.timestamp() * 1e9)


@pytest.mark.parametrize(
    ("moment", "is_off"),
    [
        ("2026-01-10T21:59:59", False),
        ("2026-01-10T22:00:00", True),
        ("2026-01-10T23:59:59", True),
        ("2026-01-11T00:00:00", True),
        ("2026-01-11T06:29:59", True),
        ("2026-01-11T06:30:00", False),
        ("2026-07-10T22:00:00", True),
        ("2026-07-10T21:59:59", False),
    ],
)
def test_a_night_reaches_over_midnight_in_local_time(moment: str, is_off: bool) -> None:
    assert (Stream.RGB in schedule(NIGHT).off("any", at(moment))) is is_off


def test_a_rule_counts_for_the_day_on_which_it_starts() -> None:
    friday = schedule({**NIGHT, "days": ["fri"]})
    assert friday.off("any", at("2026-01-09T23:00:00")) == {Stream.RGB}
    assert friday.off("any", at("2026-01-10T05:00:00")) == {Stream.RGB}  # still Friday's night
    assert friday.off("any", at("2026-01-10T23:00:00")) == frozenset()
    assert friday.off("any", at("2026-01-09T05:00:00")) == frozenset()  # Thursday's


def test_rules_add_up_and_may_name_rooms_or_hold_for_good() -> None:
    both = schedule(NIGHT, {"streams": ["audio"], "rooms": ["bath"]})
    night, noon = at("2026-01-10T23:00:00"), at("2026-01-10T12:00:00")
    assert both.off("bath", night) == {Stream.RGB, Stream.AUDIO}
    assert both.off("bath", noon) == {Stream.AUDIO}
    assert both.off("lounge", noon) == frozenset()


# Berlin 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00.
@pytest.mark.parametrize(
    ("end", "moment", "fold", "is_off"),
    [
        ("02:30", "2026-10-25T02:29:00", 0, True),
        ("02:30", "2026-10-25T02:45:00", 0, True),  # would be on, and off again at the second 02:00
        ("02:30", "2026-10-25T02:29:00", 1, True),
        ("02:30", "2026-10-25T02:30:00", 1, False),
        ("02:30", "2026-03-29T01:59:00", 0, True),
        ("02:30", "2026-03-29T03:29:00", 0, True),  # 02:30 does not exist: the later reading
        ("02:30", "2026-03-29T03:30:00", 0, False),
        ("06:30", "2026-03-29T06:29:00", 0, True),
        ("06:30", "2026-03-29T06:30:00", 0, False),
    ],
)
def test_when_the_clocks_change_a_sensor_is_rather_off_for_too_long(
    end: str, moment: str, fold: int, is_off: bool
) -> None:
    rules = schedule({**NIGHT, "end": end})
    assert (rules.off("any", at(moment, fold=fold)) == {Stream.RGB}) is is_off


def test_a_night_that_starts_in_the_skipped_hour_starts_at_once() -> None:
    rules = schedule({**NIGHT, "start": "02:30", "end": "05:00"})
    assert rules.off("any", at("2026-03-29T01:29:00")) == frozenset()
    assert rules.off("any", at("2026-03-29T01:30:00")) == {Stream.RGB}
    assert rules.off("any", at("2026-03-29T03:00:00")) == {Stream.RGB}


def test_every_minute_of_two_years_is_off_exactly_by_local_wall_clock_or_longer() -> None:
    rules, zone = schedule(NIGHT), ZoneInfo(BERLIN)
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    while moment.year < 2028:
        local = moment.astimezone(zone)
        expected = (local.hour, local.minute) >= (22, 0) or (local.hour, local.minute) < (6, 30)
        assert bool(rules.off("any", round(moment.timestamp() * 1e9))) is expected, local
        moment += timedelta(minutes=97)


@pytest.fixture
def lisbon() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Lisbon"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("lisbon")
def test_without_a_time_zone_the_system_s_own_counts() -> None:
    rules = schedule(NIGHT, zone=None)
    for day in ("2026-01-10", "2026-07-10"):
        assert rules.off("any", at(f"{day}T21:59:00", "Europe/Lisbon")) == frozenset()
        assert rules.off("any", at(f"{day}T22:00:00", "Europe/Lisbon")) == {Stream.RGB}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({**NIGHT, "start": 1320}, "in quotes"),  # what YAML makes of 22:00
        ({**NIGHT, "start": "25:00"}, "time"),
        ({**NIGHT, "end": None}, "go together"),
        ({**NIGHT, "end": "22:00"}, "the same"),
        ({**NIGHT, "days": ["friday"]}, "'fri'"),
        ({**NIGHT, "days": []}, "at least 1"),
        ({"streams": ["rgb"], "days": ["fri"]}, "needs start and end"),
        ({"streams": []}, "at least 1"),
        ({"streams": ["flow"]}, "rgb"),
    ],
)
def test_a_rule_that_says_something_else_than_it_seems_is_refused(
    rule: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        schedule(rule)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Europe/Berlin.*tzdata"):
        schedule(zone="Europe/Atlantis")
