"""Which sensors are switched off now: policy by time of day, in local time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from edge.privacy_settings import DAYS, OffRule, PrivacySettings
from edge.values import Stream

_SECOND_NS = 1_000_000_000


class Schedule:
    """The rules of one device.

    When clocks change, an interval that begins or ends in the hour that is skipped or comes twice
    is the longer one of those it could be: rather off for an hour too long.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        self._rules: Sequence[OffRule] = settings.switched_off
        self._zone = None if settings.timezone is None else ZoneInfo(settings.timezone)

    def off(self, room: str, wall_ns: int) -> frozenset[Stream]:
        """The sensors of a room that are off at a moment.  wall_ns: since the epoch"""
        now_s = wall_ns / _SECOND_NS
        rules = (r for r in self._rules if r.rooms is None or room in r.rooms)
        applied = (rule.streams for rule in rules if _applies(rule, now_s, self._zone))
        return frozenset().union(*applied)


def _applies(rule: OffRule, now_s: float, zone: tzinfo | None) -> bool:
    if rule.start is None or rule.end is None:
        return True
    today = datetime.fromtimestamp(now_s, zone).date()
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        if DAYS[day.weekday()] not in rule.days:
            continue
        last_day = day if rule.end > rule.start else day + timedelta(days=1)
        begin_s = min(_instants(datetime.combine(day, rule.start), zone))
        end_s = max(_instants(datetime.combine(last_day, rule.end), zone))
        if begin_s <= now_s < end_s:
            return True
    return False


def _instants(local: datetime, zone: tzinfo | None) -> tuple[float, float]:
    """Seconds since the epoch of a local time: of a skipped or repeated one, both readings."""
    placed = local if zone is None else local.replace(tzinfo=zone)
    return placed.replace(fold=0).timestamp(), placed.replace(fold=1).timestamp()
