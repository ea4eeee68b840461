from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ConfigError, DeviceError
from edge.exclusive import exclusive


def test_a_second_process_is_refused_and_told_who_has_the_device(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(DeviceError, match=f"process {os.getpid()}"):
        exclusive(tmp_path).__enter__()
    with exclusive(tmp_path):
        pass


def test_a_process_that_died_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from edge.exclusive import exclusive;"
        "held = exclusive(Path(sys.argv[1])); held.__enter__(); os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert died.returncode == -9
    with exclusive(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_that_cannot_be_used_names_the_account(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="sudo -u gatehouse"):
        exclusive(tmp_path / "file").__enter__()
