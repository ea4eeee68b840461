from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from edge import demo_broker
from edge.demo_broker import PrivateBroker
from edge.errors import BrokerError


@pytest.fixture(autouse=True)
def _mosquitto() -> None:
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_it_listens_on_a_port_of_its_own_until_the_block_ends() -> None:
    with PrivateBroker() as one, PrivateBroker() as two:
        assert one.port != two.port
        assert is_open(one.port)
        assert is_open(two.port)
        place = one.directory
    assert not is_open(one.port)
    assert not place.exists()


def test_it_comes_back_on_the_same_port() -> None:
    with PrivateBroker() as broker:
        port = broker.port
        broker.kill()
        assert not is_open(port)
        broker.start()
        assert broker.port == port
        assert is_open(port)


def test_a_missing_mosquitto_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(demo_broker, "_SYSTEM_PLACES", "")
    with pytest.raises(BrokerError, match="apt install mosquitto"):
        PrivateBroker()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_it_dies_with_its_parent() -> None:
    code = (
        "import time; from edge.demo_broker import PrivateBroker\n"
        "with PrivateBroker() as b: print(b.port, b.directory, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port, place = parent.stdout.readline().split()
        assert is_open(int(port))
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while is_open(int(port)) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(place)
    assert not is_open(int(port))
