"""What must not be seen, heard or kept: the privacy keys of the configuration file."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from edge.section import NAME, Section
from edge.values import Stream

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of ``date.weekday``."""

Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Share, Share]


def _clock_time(value: Any) -> Any:
    """YAML reads 22:30 without quotes as the number 1350, which is no time of day."""
    if isinstance(value, (int, float)):
        raise ValueError('write the time in quotes, as "22:30"')
    return value


TimeOfDay = Annotated[time, BeforeValidator(_clock_time)]


class ZoneSettings(Section):
    """An area that is blanked before anything else sees the picture."""

    # corners in order; x from the left, y from the top, as shares of width and height
    polygon: tuple[Point, ...] = Field(min_length=3, max_length=64)
    streams: frozenset[Literal[Stream.RGB, Stream.DEPTH]] = frozenset({Stream.RGB, Stream.DEPTH})

    @model_validator(mode="after")
    def _encloses_its_area(self) -> ZoneSettings:
        if not self.streams:
            raise ValueError("streams: name rgb, depth or both")
        if _area(self.polygon) < 1e-6:
            raise ValueError("polygon: encloses nothing; give the corners of an area")
        if _crosses_itself(self.polygon):
            raise ValueError("polygon: its sides cross; give the corners in order around the area")
        return self


class OffRule(Section):
    """Sensors that are switched off, always or between two times of day, local time."""

    streams: frozenset[Stream] = Field(min_length=1)
    start: TimeOfDay | None = None  # None for both: always
    end: TimeOfDay | None = None  # before start: on the next day
    days: frozenset[Day] = Field(default=frozenset(DAYS), min_length=1)  # on which start falls
    rooms: frozenset[Annotated[str, Field(pattern=NAME)]] | None = None  # None: all

    @model_validator(mode="after")
    def _both_or_none(self) -> OffRule:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end go together; leave both out to switch off for good")
        if self.start is not None and self.start == self.end:
            raise ValueError("start and end are the same; leave both out to switch off for good")
        if self.start is None and self.days != frozenset(DAYS):
            raise ValueError("days needs start and end")
        return self


class RecordingPolicy(Section):
    """Whether ``gatehouse record`` may write pictures and sound to disk, and for how long."""

    allowed: bool = False
    longest_s: float = Field(default=600.0, gt=0, le=86_400)
    free_mb: int = Field(default=256, ge=16)  # left free on the disk: alarms are kept there, too


class PrivacySettings(Section):
    """Policy of the device; zones belong to the rooms."""

    timezone: str | None = None  # such as Europe/Berlin; None: the system's
    switched_off: tuple[OffRule, ...] = Field(default=(), max_length=64)
    recording: RecordingPolicy = RecordingPolicy()

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                "unknown time zone; give one such as Europe/Berlin, and apt install tzdata"
            ) from error
        return name


def _area(polygon: tuple[Point, ...]) -> float:
    """Share of the picture inside a polygon whose sides do not cross."""
    following = (*polygon[1:], polygon[0])
    doubled = (x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, following, strict=True))
    return abs(sum(doubled)) / 2


def _crosses_itself(polygon: tuple[Point, ...]) -> bool:
    """Whether two sides cross: parts of such an area would stay visible."""
    sides = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    return any(
        _cross(*sides[i], *sides[j]) for i in range(len(sides)) for j in range(i + 1, len(sides))
    )


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    """Above 0 when c lies to one hand of the line from a to b, below 0 at the other."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
