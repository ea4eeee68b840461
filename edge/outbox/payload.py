"""What the topics carry: CloudEvents 1.0 in structured JSON; the JSON Schema comes from here.

No image, sound, name or diagnosis is in any payload, and none would fit: every text is a known
word, an identifier, or one short line of short words. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.section import NAME
from edge.values import AlarmState, Reason, Stream
from edge.vocabulary import AlarmClass, Modality

MAX_LINE, MAX_WORD = 320, 80

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]  # what SQLite holds
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
RoomName = Annotated[str, Field(pattern=NAME, max_length=64)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=64)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9_]*$", max_length=40)]
FaultCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=200)]
Line = Annotated[
    str, Field(pattern=rf"^(\S{{0,{MAX_WORD}}}\s)*\S{{0,{MAX_WORD}}}$", max_length=MAX_LINE)
]
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
    boot_id: Identifier
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9.+-]*$", max_length=40)]


class HeartbeatPayload(Payload):
    """Proof that inference is alive, not just TCP."""

    kind: ClassVar[str] = "heartbeat"
    seq: Number
    next_due_s: float = Field(
        gt=0, le=86_400
    )  # no heartbeat this long after this one: something is wrong
    last_inference_age_ms: Count | None  # null: none yet
    stored: Count  # alarm messages waiting on the device


class ModalityHealth(Payload):
    """State of one modality in one room."""

    kind: ClassVar[str] = "modality"
    state: Literal["ok", "degraded", "missing"]
    reason: Word | None = None


class HealthPayload(Payload):
    """State of a room's sensors."""

    kind: ClassVar[str] = "health"
    room: RoomName
    modalities: dict[Modality, ModalityHealth]


class ActivityPayload(Payload):
    """What is going on in a room; all null when no sensor can tell."""

    kind: ClassVar[str] = "activity"
    room: RoomName
    action: Word | None
    confidence: Probability | None
    gate: dict[Modality, Probability]
    missing: dict[Modality, Reason]
    captured_at: AwareDatetime


class AlarmPayload(Payload):
    """One alarm, whole; the highest revision wins."""

    kind: ClassVar[str] = "alarm"
    alarm_id: Identifier
    alarm_class: AlarmClass = Field(serialization_alias="class", validation_alias="class")
    state: PublishedState
    score: Probability
    room: RoomName
    revision: Number
    seq: Number  # of the alarm within this boot of the device
    boot_id: Identifier  # of the device when this was said
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
    alarm_id: Identifier
    alarm_class: AlarmClass = Field(serialization_alias="class", validation_alias="class")
    from_state: AlarmState = Field(serialization_alias="from", validation_alias="from")
    to_state: PublishedState = Field(serialization_alias="to", validation_alias="to")
    revision: Number
    room: RoomName
    at: AwareDatetime
    published_at: AwareDatetime
    clock_synced: bool
    replayed: bool


class FaultEntry(Payload):
    """Something that is broken."""

    kind: ClassVar[str] = "fault_entry"
    code: FaultCode
    detail: Line  # one line that names the remedy
    since: AwareDatetime


class FaultPayload(Payload):
    """What is broken now, and what has just been restored."""

    kind: ClassVar[str] = "fault"
    active: tuple[FaultEntry, ...] = Field(max_length=256)
    restored: FaultCode | None = None  # code of the fault whose end this message tells


class RoomPrivacy(Payload):
    """What is hidden in a room."""

    kind: ClassVar[str] = "room_privacy"
    room: RoomName
    off: tuple[Stream, ...] = Field(max_length=len(Stream))  # switched off by policy, now
    zones: int = Field(ge=0, le=32)  # areas that are blanked


class PrivacyPayload(Payload):
    """What is watched, and whether pictures or sound are being kept."""

    kind: ClassVar[str] = "privacy"
    mode: Literal["watching", "paused"]
    recording: bool
    reason: Word | None = None
    recording_room: RoomName | None = None
    expires_at: AwareDatetime | None = None  # no recording lasts longer, whatever happens to it
    rooms: tuple[RoomPrivacy, ...] = Field(default=(), max_length=256)  # where anything is hidden


def one_short_line(text: str) -> str:
    """Any text as a ``Line``: long words and the end are cut, and the cuts are marked."""
    words = [w if len(w) <= MAX_WORD else w[: MAX_WORD - 1] + "…" for w in text.split()]
    line = " ".join(words)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


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
