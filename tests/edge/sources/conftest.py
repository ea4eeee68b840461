"""Real devices without hardware: a sound server with a microphone that is fed, a network camera."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.sources import gst as core

PATIENCE_S = 30.0
RTSP_SERVER = Path(__file__).with_name("rtsp_server.py")


class SoundServer:
    """A private PulseAudio whose sink ``mic`` is heard as the microphone ``mic.monitor``."""

    def __init__(self, directory: Path) -> None:
        self._socket = directory / "socket"
        self._environment = {"XDG_RUNTIME_DIR": str(directory), "HOME": str(directory)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """For PULSE_SERVER."""
        return f"unix:{self._socket}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        modules = (
            "module-null-sink sink_name=mic rate=16000 channels=1",
            f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
        )
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        loads = [word for module in modules for word in ("-L", module)]
        self._process = subprocess.Popen(
            ["pulseaudio", *options, *loads], env=self._environment, stderr=subprocess.DEVNULL
        )
        _wait_for(self._answers)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
        self._process = None
        self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it neither answer nor end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._socket)) == 0


def _wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds.  Raises: TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_S:.0f} s in vain")
        time.sleep(0.02)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds.  Raises: TimeoutError."""
    return _wait_for


@pytest.fixture
def sound_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    """A running one, which everything that speaks to PulseAudio finds."""
    if shutil.which("pulseaudio") is None:
        pytest.skip("needs a sound server: apt install pulseaudio")
    try:
        gst = core.load()
    except ConfigError as error:
        pytest.skip(str(error))
    if gst.ElementFactory.find("pulsesrc") is None:
        pytest.skip("GStreamer has no pulsesrc: apt install gstreamer1.0-pulseaudio")
    with tempfile.TemporaryDirectory(prefix="pa") as name:  # a socket's path must be short
        server = SoundServer(Path(name))
        monkeypatch.setenv("PULSE_SERVER", server.address)
        server.start()
        yield server
        server.kill()


class NetworkCamera:
    """An RTSP server in a process of its own: moving pictures, and a tone when asked for."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self, *options: str) -> None:
        """Start at the port it had, or at a free one.  options: see rtsp_server.py"""
        self._process = subprocess.Popen(
            [sys.executable, str(RTSP_SERVER), str(self.port), *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdecimal():
            self.kill()
            pytest.skip("needs an RTSP server: apt install gir1.2-gst-rtsp-server-1.0")
        self.port = int(line)

    def kill(self) -> None:
        """Pull its plug."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"rtsp://127.0.0.1:{self.port}/room"


@pytest.fixture
def network_camera() -> Iterator[NetworkCamera]:
    """One that a test has yet to start."""
    camera = NetworkCamera()
    yield camera
    camera.kill()


PIPEWIRE = ("pipewire", "wireplumber", "pw-cli", "dbus-run-session")
NODE = (
    "{ factory.name=support.null-audio-sink node.name=attic media.class=Audio/Source/Virtual "
    "object.linger=true audio.position=[MONO] }"
)


@pytest.fixture
def pipewire(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A private PipeWire with its session manager and a silent microphone called attic."""
    missing = [name for name in PIPEWIRE if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {missing[0]}: apt install pipewire pipewire-bin wireplumber dbus")
    with tempfile.TemporaryDirectory(prefix="pw") as name:
        for variable in ("XDG_RUNTIME_DIR", "PIPEWIRE_RUNTIME_DIR", "HOME"):
            monkeypatch.setenv(variable, name)
        server = subprocess.Popen(
            ["dbus-run-session", "--", "sh", "-c", "pipewire & exec wireplumber"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_for(lambda: (Path(name) / "pipewire-0").exists())
            made = ["pw-cli", "create-node", "adapter", NODE]
            subprocess.run(made, check=True, capture_output=True)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(PATIENCE_S)
