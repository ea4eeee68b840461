from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.outbox.envelope import envelope
from edge.outbox.payload import PAYLOADS, HeartbeatPayload, StatusPayload
from edge.outbox.records import AlarmWriter
from edge.outbox.schema import asyncapi, files, schemas
from edge.outbox.topics import Topics
from edge.outbox.walltime import WallTime
from edge.values import Alarm, AlarmState, Reason
from edge.vocabulary import MODALITIES, AlarmClass, Modality

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", sorted(files()))
def test_the_committed_contract_is_current(name: str) -> None:
    remedy = "run: python -m edge.outbox.schema docs"
    assert (DOCS / name).read_text(encoding="utf-8") == files()[name], remedy


@pytest.mark.parametrize("kind", [payload.kind for payload in PAYLOADS])
def test_every_schema_is_valid_and_reached_by_a_channel(kind: str) -> None:
    schema = schemas()[kind]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert asyncapi()["channels"][kind]["address"].startswith("aal/v1/{site}/{device}/")


ALARMS = st.builds(
    Alarm,
    id=st.uuids().map(str),
    room=st.just("lounge"),
    alarm_class=st.sampled_from(AlarmClass),
    state=st.sampled_from([state for state in AlarmState if state is not AlarmState.CANDIDATE]),
    score=st.floats(0, 1),
    onset_ns=st.integers(0, 10**15),
    confirmed_ns=st.integers(0, 10**15),
    updated_ns=st.integers(0, 10**15),
    seq=st.integers(1, 2**63 - 1),
    revision=st.integers(1, 2**63 - 1),
    gate=st.fixed_dictionaries(dict.fromkeys(MODALITIES, st.floats(0, 1))),
    missing=st.dictionaries(st.sampled_from(Modality), st.sampled_from(Reason)),
)


@settings(max_examples=50, deadline=None)
@given(alarm=ALARMS, synced=st.booleans())
def test_every_alarm_message_fits_its_schema(alarm: Alarm, synced: bool) -> None:
    writer = AlarmWriter(Topics("home", "box"), "boot", WallTime(ManualClock(10**15)))
    state, event, *_ = writer.messages(alarm, AlarmState.CANDIDATE, synced)
    jsonschema.validate(json.loads(state.payload), schemas()["alarm"])
    jsonschema.validate(json.loads(event.payload), schemas()["event"])


def test_the_schema_refuses_what_the_contract_does_not_know() -> None:
    said = json.loads(
        envelope(StatusPayload(state="online", boot_id="b", version="1"), "s", "i", 0)
    )
    jsonschema.validate(said, schemas()["status"])
    said["data"]["picture"] = "..."
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, schemas()["status"])


def test_a_heartbeat_before_the_first_inference_fits_its_schema() -> None:
    beat = HeartbeatPayload(seq=1, next_due_s=10, last_inference_age_ms=None, stored=0)
    jsonschema.validate(json.loads(envelope(beat, "s", "i", 0)), schemas()["heartbeat"])
