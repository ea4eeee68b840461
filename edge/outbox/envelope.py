"""The envelope of every payload: CloudEvents 1.0.2, structured JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.outbox.payload import Payload

CONTENT_TYPE = "application/cloudevents+json"
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]*$", max_length=200)]
_LATE = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class CloudEvent(BaseModel):
    """The envelope (CloudEvents 1.0.2, JSON format); source and id together are unique."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    specversion: Literal["1.0"] = "1.0"
    id: Name
    source: Name
    type: str
    time: AwareDatetime
    subject: Name | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any]


def event_type(payload: type[Payload]) -> str:
    """Return the CloudEvents type of a kind of payload."""
    return f"aal.v1.{payload.kind}"


def utc(wall_ns: int) -> datetime:
    """wall_ns: since the epoch   returns: the same in UTC, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=round(wall_ns / 1e6))


def envelope(
    payload: Payload, source: str, event_id: str, wall_ns: int, subject: str | None = None
) -> bytes:
    """Wrap a payload; returns UTF-8 JSON."""
    event = CloudEvent(
        id=event_id,
        source=source,
        type=event_type(type(payload)),
        time=utc(wall_ns),
        subject=subject,
        data=payload.model_dump(mode="json", by_alias=True),
    )
    return event.model_dump_json(exclude_none=True).encode()


def stamped(raw: bytes, wall_ns: int, waited: bool) -> bytes:
    """Date an alarm or event with the moment it leaves the device; others pass unchanged.

    waited: it was stored before this connection; it counts as replayed if it is also old.
    """
    try:
        event = json.loads(raw)
        data, time = event["data"], event["time"]
        if "published_at" not in data:
            return raw
        now = utc(wall_ns)
        # A wall clock that was set back meanwhile does not make it new.
        late = abs(now - datetime.fromisoformat(time.replace("Z", "+00:00"))) > _LATE
        data["published_at"] = now.isoformat().replace("+00:00", "Z")
        data["replayed"] = waited and late
    except (ValueError, KeyError, TypeError, AttributeError):
        return raw  # empty, or damaged on disk: it must not hold up what waits behind it
    return json.dumps(event, separators=(",", ":")).encode()
