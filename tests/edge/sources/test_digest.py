"""A file is named by its content."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from edge.sources.digest import file_digest


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_is_of_all_blocks(tmp_path: Path, size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        assert file_digest(file) == sha256(data).hexdigest()
