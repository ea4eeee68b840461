"""The files behind a secure connection: certificates, keys, passwords."""

from __future__ import annotations

import ssl
from pathlib import Path

from edge.errors import ConfigError
from edge.settings import MqttSettings, TlsSettings


class _ClosingSocket(ssl.SSLSocket):
    """paho forgets to close the socket of a handshake that fails."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def check_files(settings: MqttSettings) -> None:
    """Read every file the settings name, to say at once what is wrong.  Raises: ConfigError."""
    if settings.password_file is not None:
        read_secret(settings.password_file)
    if settings.tls is not None:
        tls_context(settings.tls)


def tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Build what the connection is secured with; verifies the broker's certificate and name.

    Raises: ConfigError naming the file that cannot be used.
    """
    for path in filter(None, (tls.ca_file, tls.cert_file, tls.key_file)):
        read_secret(path)
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.sslsocket_class = _ClosingSocket
        if tls.cert_file is not None:
            # An empty passphrase: OpenSSL would otherwise ask the terminal for one, and wait.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except ssl.SSLError as error:
        raise ConfigError(
            f"mqtt.tls: {error.reason or error}; ca_file, cert_file and key_file must be PEM,"
            " and the key must fit the certificate and have no passphrase"
        ) from error
    return context


def read_secret(path: Path) -> bytes:
    """Read a file of the settings. Raises: ConfigError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"mqtt: {path}: {error.strerror}; check password_file and tls in the configuration,"
            " and that the service may read it"
        ) from error
