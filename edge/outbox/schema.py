"""The MQTT contract as JSON Schema and AsyncAPI 3, generated from the types the code uses.

``python -m edge.outbox.schema docs`` writes docs/schema/*.json and docs/asyncapi.yaml; a test says
when the committed files are not current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from edge.outbox.envelope import CONTENT_TYPE, CloudEvent, event_type
from edge.outbox.payload import PAYLOADS, Payload
from edge.outbox.topics import Topics

_RETAINED = frozenset({"status", "fault", "privacy", "health", "activity", "alarm"})
_PARAMETERS = {
    "site": "the care home",
    "device": "this device",
    "room": "a watched room",
    "alarm_id": "uuid5 of device, boot and number; the same in every message about one alarm",
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return one JSON Schema (2020-12) per kind of payload, envelope included."""
    return {payload.kind: _schema(payload) for payload in PAYLOADS}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Gatehouse",
            "version": "1",
            "description": "What an assisted-living edge device says to the hub. MQTT 5, QoS 1,"
            " CloudEvents 1.0 in structured JSON. A closed alarm's topic is cleared by an empty"
            " retained message.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {kind: _channel(kind, address) for kind, address in _addresses().items()},
        "operations": {f"send_{kind}": _operation(kind) for kind in _addresses()},
        "components": {
            "messages": {
                payload.kind: {
                    "name": event_type(payload),
                    "summary": _first_line(payload),
                    "payload": {"$ref": f"./schema/{payload.kind}.json"},
                }
                for payload in PAYLOADS
            }
        },
    }


def files() -> dict[str, str]:
    """Return the text of every generated file, by its path below docs."""
    found = {
        f"schema/{kind}.json": json.dumps(schema, indent=2) + "\n"
        for kind, schema in schemas().items()
    }
    found["asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=False, width=100)
    return found


def main(directory: Path) -> None:
    """Write the generated files below ``directory``."""
    for name, text in files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _schema(payload: type[Payload]) -> dict[str, Any]:
    content = payload.model_json_schema(by_alias=True, mode="serialization")
    definitions = content.pop("$defs", {})
    envelope = CloudEvent.model_json_schema(mode="serialization")
    envelope["properties"]["type"] = {"const": event_type(payload), "title": "Type"}
    envelope["properties"]["data"] = content
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event_type(payload),
        "description": _first_line(payload),
        **{key: envelope[key] for key in ("type", "properties", "additionalProperties")},
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
    }
    return {**schema, "$defs": definitions} if definitions else schema


def _addresses() -> dict[str, str]:
    topics = Topics("{site}", "{device}")
    return {
        "status": topics.status,
        "heartbeat": topics.heartbeat,
        "fault": topics.fault,
        "privacy": topics.privacy,
        "health": topics.health("{room}"),
        "activity": topics.activity("{room}"),
        "alarm": topics.alarm("{room}", "{alarm_id}"),
        "event": topics.event("{room}"),
    }


def _channel(kind: str, address: str) -> dict[str, Any]:
    return {
        "address": address,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
        "parameters": {
            name: {"description": text}
            for name, text in _PARAMETERS.items()
            if f"{{{name}}}" in address
        },
    }


def _operation(kind: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{kind}"},
        "bindings": {"mqtt": {"qos": 1, "retain": kind in _RETAINED}},
    }


def _first_line(payload: type[Payload]) -> str:
    return (payload.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
