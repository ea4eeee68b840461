"""A device that cannot use its GPU goes on watching, and the hub is told: fault and health."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.daemon import serve
from edge.demo_broker import PrivateBroker
from edge.errors import CudaLostError
from edge.health import Notifier
from edge.models import Models
from edge.settings import Settings
from edge.subscriber import subscribed
from edge.vocabulary import Modality

PATIENCE_S = 30.0
PROBLEM = "networks on the CPU instead of the GPU: 1; no plan; run: python -m engines build"


def heard(broker: PrivateBroker, models: Models, settings: Settings) -> dict[str, Any]:
    """What is retained at the broker after a run, by topic."""
    assert serve(settings, models, SystemClock(), Notifier(""), threading.Event()) == 0
    kept: dict[str, Any] = {}
    wanted = {"fault", "room/left/health"}
    with subscribed(broker.host, broker.port, "aal/v1/home/box/#") as hub:
        deadline = time.monotonic() + PATIENCE_S
        while not wanted <= kept.keys() and time.monotonic() < deadline:
            for topic, raw in hub.receive(0.2):
                kept[topic.removeprefix("aal/v1/home/box/")] = json.loads(raw)["data"]
    return kept


def settings_of(state: Path, broker: PrivateBroker, recording: Path) -> Settings:
    source = {"type": "recording", "path": recording, "realtime": True}
    return Settings.model_validate(
        {
            "site": "home",
            "device": "box",
            "state_dir": state,
            "mqtt": {"host": broker.host, "port": broker.port},
            "rooms": [{"name": "left", "source": source}],
        }
    )


def test_a_network_on_the_cpu_is_a_fault_with_its_remedy_and_degrades_its_modality(
    make_recording: Callable[..., Path], models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    degraded = replace(models, degraded=frozenset({Modality.FLOW}), problem=PROBLEM)
    settings = settings_of(tmp_path / "state", broker, make_recording(seconds=2))
    with subscribed(broker.host, broker.port, "aal/v1/home/box/room/left/health") as hub:
        kept = heard(broker, degraded, settings)
        states = [json.loads(raw)["data"]["modalities"] for _, raw in hub.receive(1.0)]
    assert [(f["code"], f["detail"]) for f in kept["fault"]["active"]] == [("backend", PROBLEM)]
    watching = [state for state in states if state["rgb"]["state"] == "ok"]
    assert watching[0]["flow"] == {"state": "degraded", "reason": "cpu_instead_of_gpu"}
    assert watching[0]["depth"]["state"] == "ok"


def test_after_a_build_the_fault_is_gone(
    make_recording: Callable[..., Path], models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "state", broker, make_recording(seconds=1))
    heard(broker, replace(models, problem=PROBLEM), settings)
    assert heard(broker, models, settings)["fault"]["active"] == []


class Lost:
    """An encoder whose CUDA context breaks in the middle of the watch."""

    modality = Modality.RGB

    def encode(self, batch: Any) -> Any:
        raise CudaLostError("work on the device failed; restart the process")


def test_a_context_lost_while_watching_ends_the_process_so_that_systemd_starts_another(
    make_recording: Callable[..., Path], models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    lost = replace(models, encoders={**models.encoders, Modality.RGB: Lost()})
    settings = settings_of(tmp_path / "state", broker, make_recording(seconds=2))
    with pytest.raises(CudaLostError) as caught:
        serve(settings, lost, SystemClock(), Notifier(""), threading.Event())
    unit = Path(__file__).parents[2] / "systemd" / "gatehouse.service"
    (final,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit.read_text(), re.MULTILINE)
    assert str(caught.value.exit_code) not in final.split()
