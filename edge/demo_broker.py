"""A private mosquitto on a free loopback port: for the demo and for tests, never for a home."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from edge.errors import BrokerError

_START_TIMEOUT_S = 10.0
_PATIENCE_S = 5.0  # to end in good order
_ATTEMPTS = 3  # another program may take the free port first
_SYSTEM_PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


class PrivateBroker:
    """Context manager; dies with the thread that started it.

    Acknowledged messages survive ``kill``, but for the last second or so: mosquitto saves on
    change. users: name to password, None lets everybody in; acl: text of a mosquitto ACL file;
    certificate: PEM files of certificate and key, None speaks plain MQTT.
    Raises: BrokerError when mosquitto is not installed or does not start.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self._program = _find("mosquitto")
        self._users, self._acl, self._certificate = users, acl, certificate
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0  # chosen at the first start, kept over restarts

    def __enter__(self) -> PrivateBroker:
        self._directory = tempfile.TemporaryDirectory(prefix="gatehouse-broker-")
        try:
            for attempt in range(_ATTEMPTS):
                self.port = _free_port()
                try:
                    self.start()
                    return self
                except BrokerError:
                    if attempt == _ATTEMPTS - 1:
                        raise
            raise BrokerError("mosquitto was not started")
        except BaseException:
            self._directory.cleanup()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._directory is not None:
            self._directory.cleanup()

    @property
    def directory(self) -> Path:
        """Where its configuration, log and state are."""
        if self._directory is None:
            raise BrokerError("the private broker is used outside its with block")
        return Path(self._directory.name)

    def start(self) -> None:
        """Start and wait until it accepts connections; state of an earlier run is kept."""
        config = self._write_config()
        self._process = subprocess.Popen(
            [*_dying_with_parent(), self._program, "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise BrokerError(f"mosquitto did not start: {self._last_words()}")

    def stop(self) -> None:
        """End it in good order; does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def reload(self, acl: str) -> None:
        """Replace the access rules of the running broker."""
        self._acl = acl
        self._write_config()
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _write_config(self) -> Path:
        place = self.directory
        lines = [
            f"listener {self.port} {self.host}",
            f"allow_anonymous {'true' if self._users is None else 'false'}",
            "persistence true",
            f"persistence_location {place}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "max_queued_messages 100000",
            f"log_dest file {place}/log",
        ]
        if _is_root():
            lines.append("user root")  # else it drops to a user that may not write here
        if self._users is not None:
            lines.append(f"password_file {self._write_passwords(self._users)}")
        if self._acl is not None:
            (place / "acl").write_text(self._acl, encoding="utf-8")
            lines.append(f"acl_file {place}/acl")
        if self._certificate is not None:
            certificate, key = self._certificate
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        config = place / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return config

    def _write_passwords(self, users: Mapping[str, str]) -> Path:
        path = self.directory / "passwords"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text("".join(f"{n}:{p}\n" for n, p in users.items()), encoding="utf-8")
            subprocess.run([_find("mosquitto_passwd"), "-U", str(path)], check=True)
        return path

    def _last_words(self) -> str:
        log = self.directory / "log"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return lines[-1] if lines else "it left no log"


def _find(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=_SYSTEM_PLACES)
    if found is None:
        raise BrokerError(f"{program} is not installed; run: apt install mosquitto")
    return found


def _dying_with_parent() -> list[str]:
    """A prefix of util-linux; a fork of our own would be unsafe beside running threads."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((PrivateBroker.host, 0))
        return int(probe.getsockname()[1])


def _is_root() -> bool:
    return os.geteuid() == 0
