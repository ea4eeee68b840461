"""What a user reads when the broker cannot be used."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from edge.demo_broker import PrivateBroker
from edge.errors import BrokerError
from edge.outbox.mqtt import MqttLink, probe
from edge.settings import MqttSettings


def mqtt(port: int, **more: Any) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, **more)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt install openssl)")
    pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        " -subj /CN=broker -addext subjectAltName=IP:127.0.0.1"
    )
    place = ["-keyout", str(key), "-out", str(pem)]
    subprocess.run([*command.split(), *place], check=True, capture_output=True)
    return pem, key


def test_a_good_broker_passes_the_probe(broker: PrivateBroker) -> None:
    probe(mqtt(broker.port))
    assert "gatehouse-probe" in (broker.directory / "log").read_text()


def test_a_wrong_password_is_told_from_a_broker_that_is_down(
    guarded: PrivateBroker, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    settings = mqtt(guarded.port, username="edge", password_file=secret)
    with pytest.raises(BrokerError, match=r"refuses this device: Not authorized; check mqtt.user"):
        probe(settings)
    guarded.kill()
    with pytest.raises(BrokerError, match=r"is not reachable: .* check mqtt.host"):
        probe(settings)


def test_a_host_that_does_not_exist_is_named() -> None:
    with pytest.raises(BrokerError, match=r"nowhere\.invalid:1883 is not reachable"):
        probe(MqttSettings(host="nowhere.invalid"))


def test_a_program_that_is_no_broker_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closing = threading.Thread(target=lambda: server.accept()[0].close())
        closing.start()
        with pytest.raises(BrokerError, match=r"closed the connection .* speaks MQTT 5"):
            probe(mqtt(server.getsockname()[1]))
        closing.join()


def test_tls_works_with_the_right_authority_only(certificate: tuple[Path, Path]) -> None:
    with PrivateBroker(certificate=certificate) as secure:
        probe(mqtt(secure.port, tls={"ca_file": certificate[0]}))
        with pytest.raises(BrokerError, match=r"TLS failed: self.signed certificate"):
            probe(mqtt(secure.port, tls={}))
        with pytest.raises(BrokerError, match=r"mqtt\.tls"):
            probe(mqtt(secure.port))


def test_tls_towards_a_port_that_does_not_speak_it_is_explained(broker: PrivateBroker) -> None:
    with pytest.raises(BrokerError, match=r"TLS failed: .* check mqtt\.tls"):
        probe(mqtt(broker.port, tls={}))


def test_a_link_remembers_why_it_is_down_until_it_is_up(broker: PrivateBroker) -> None:
    link = MqttLink(mqtt(broker.port), "box-1")
    broker.kill()
    with pytest.raises(BrokerError):
        link.connect()
    assert "is not reachable" in str(link.last_problem)
    broker.start()
    link.connect()
    assert link.last_problem is None
    link.close()


def test_paho_is_loaded_by_the_first_connection_only() -> None:
    code = "import sys, edge.outbox.hub; sys.exit('paho' in str(sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
