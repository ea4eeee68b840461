"""Names a file by its content."""

from __future__ import annotations

from hashlib import sha256
from typing import IO


def file_digest(file: IO[bytes]) -> str:
    """SHA-256 of what is left of an open file, in hexadecimal; the boot id of a replay.

    Python 3.10 has no ``hashlib.file_digest``.  Raises: OSError.
    """
    total = sha256()
    while block := file.read(1 << 20):
        total.update(block)
    return total.hexdigest()
