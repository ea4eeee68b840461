"""What the topics carry: CloudEvents 1.0 in structured JSON; the JSON Schema comes from here.

No image, sound, name or diagnosis is in any payload. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.values import AlarmState, Reason
from edge.vocabulary import AlarmClass, Modality

Probability = Annotated[float, Field(ge=0, le=1)]
PublishedState = Literal[
    AlarmState.CONFIRMED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.ESCALATED,
    AlarmState.RESOLVED,
    AlarmState.FALSE_ALARM,
    AlarmState.EXPIRED,
]


class Payload(BaseModel):
    """Content of one kind of topic; ``kind`` names it in the CloudEvents type."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]


class StatusPayload(Payload):
    """Whether the device is there."""

    kind: ClassVar[str] = "status"
    state: Literal["online", "stopped", "offline"]  # offline is said by the broker: the will
    boot_id: str
    version: str


class HeartbeatPayload(Payload):
    """Proof that inference is alive, not just TCP."""

    kind: ClassVar[str] = "heartbeat"
    seq: int = Field(ge=1)
    next_due_s: float = Field(gt=0)  # no heartbeat this long after this one: something is wrong
    last_inference_age_ms: int | None = Field(ge=0)  # null: none yet
    stored: int = Field(ge=0)  # alarm messages waiting on the device


class ModalityHealth(Payload):
    """State of one modality in one room."""

    kind: ClassVar[str] = "modality"
    state: Literal["ok", "degraded", "missing"]
    reason: str | None = None


class HealthPayload(Payload):
    """State of a room's sensors."""

    kind: ClassVar[str] = "health"
    room: str
    modalities: dict[Modality, ModalityHealth]


class ActivityPayload(Payload):
    """What is going on in a room; all null when no sensor can tell."""

    kind: ClassVar[str] = "activity"
    room: str
    action: str | None
    confidence: Probability | None
    gate: dict[Modality, Probability]
    missing: dict[Modality, Reason]
    captured_at: AwareDatetime


class AlarmPayload(Payload):
    """One alarm, whole; the highest revision wins."""

    kind: ClassVar[str] = "alarm"
    alarm_id: str
    alarm_class: AlarmClass = Field(serialization_alias="class", validation_alias="class")
    state: PublishedState
    score: Probability
    room: str
    revision: int = Field(ge=1)
    seq: int = Field(ge=1)  # of the alarm within this boot of the device
    boot_id: str  # of the device when this was said
    onset_at: AwareDatetime
    confirmed_at: AwareDatetime
    updated_at: AwareDatetime
    published_at: AwareDatetime  # stamped when it leaves the device
    clock_synced: bool  # false: trust differences between times only
    replayed: bool  # true: it waited long for a connection; old news
    gate: dict[Modality, Probability]
    missing: dict[Modality, Reason]


class EventPayload(Payload):
    """One transition of one alarm; from equals to when an unanswered alarm is repeated."""

    kind: ClassVar[str] = "event"
    alarm_id: str
    alarm_class: AlarmClass = Field(serialization_alias="class", validation_alias="class")
    from_state: AlarmState = Field(serialization_alias="from", validation_alias="from")
    to_state: PublishedState = Field(serialization_alias="to", validation_alias="to")
    revision: int = Field(ge=1)
    room: str
    at: AwareDatetime
    published_at: AwareDatetime
    clock_synced: bool
    replayed: bool


class FaultEntry(Payload):
    """Something that is broken."""

    kind: ClassVar[str] = "fault_entry"
    code: str
    detail: str  # one line that names the remedy
    since: AwareDatetime


class FaultPayload(Payload):
    """What is broken now, and what has just been restored."""

    kind: ClassVar[str] = "fault"
    active: tuple[FaultEntry, ...]
    restored: str | None = None  # code of the fault whose end this message tells


class PrivacyPayload(Payload):
    """What is watched, and whether pictures or sound are being kept."""

    kind: ClassVar[str] = "privacy"
    mode: Literal["watching", "paused"]
    recording: bool
    reason: str | None = None
    expires_at: AwareDatetime | None = None


PAYLOADS: tuple[type[Payload], ...] = (
    StatusPayload,
    HeartbeatPayload,
    FaultPayload,
    PrivacyPayload,
    HealthPayload,
    ActivityPayload,
    AlarmPayload,
    EventPayload,
)
