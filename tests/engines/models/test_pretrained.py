from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import MissingFileError, ModelError
from engines.models.pretrained import YAMNET_FILE, weights_dir, yamnet_state

pytest.importorskip("torch", reason="needs the extra: train")


def test_weights_that_are_not_there_name_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_WEIGHTS", str(tmp_path))
    assert weights_dir() == tmp_path
    with pytest.raises(MissingFileError, match="GATEHOUSE_WEIGHTS"):
        yamnet_state()


def test_other_weights_under_the_same_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_WEIGHTS", str(tmp_path))
    (tmp_path / YAMNET_FILE).write_bytes(b"something else")
    with pytest.raises(ModelError, match="download the file again"):
        yamnet_state()
