from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.outbox.tls import check_files, read_secret, tls_context
from edge.settings import MqttSettings, TlsSettings


def key_pair(place: Path, name: str, *more: str) -> TlsSettings:
    """A certificate that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt install openssl)")
    pem, key = place / f"{name}.pem", place / f"{name}.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN=box"
    files = ["-keyout", str(key), "-out", str(pem)]
    subprocess.run([*command.split(), *files, *more], check=True, capture_output=True)
    return TlsSettings(ca_file=pem, cert_file=pem, key_file=key)


def test_files_of_the_settings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "nothing", tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ConfigError, match="nothing: No such file"):
        check_files(MqttSettings(username="edge", password_file=missing))
    with pytest.raises(ConfigError, match="nothing: No such file"):
        check_files(MqttSettings(tls={"ca_file": missing}))
    with pytest.raises(ConfigError, match="must be PEM"):
        check_files(MqttSettings(tls={"ca_file": wrong}))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{tmp_path.name}: Is a directory; check password_file"):
        read_secret(tmp_path)


def test_the_brokers_name_and_certificate_are_always_checked(tmp_path: Path) -> None:
    for settings in (TlsSettings(), key_pair(tmp_path, "box", "-nodes")):
        context = tls_context(settings)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = key_pair(tmp_path, "one", "-nodes"), key_pair(tmp_path, "other", "-nodes")
    with pytest.raises(ConfigError, match=r"mqtt\.tls: .*key must fit the certificate"):
        tls_context(TlsSettings(cert_file=one.cert_file, key_file=other.key_file))


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    locked = key_pair(tmp_path, "locked", "-passout", "pass:secret")
    with pytest.raises(ConfigError, match=r"mqtt\.tls: .*no passphrase"):
        check_files(MqttSettings(tls=locked))
