from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.errors import EX_CONFIG, EX_USAGE

UNITS = Path(__file__).parents[2] / "systemd"


def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    text = (UNITS / "gatehouse.service").read_text(encoding="utf-8")
    unit = tmp_path / "gatehouse.service"
    unit.write_text(text.replace("/opt/gatehouse/bin/gatehouse", "/bin/true"), encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")  # an unknown key only warns


def test_mistakes_that_stay_are_not_tried_again() -> None:
    text = (UNITS / "gatehouse.service").read_text(encoding="utf-8")
    assert f"RestartPreventExitStatus={EX_USAGE} {EX_CONFIG}" in text
    assert "StartLimitIntervalSec=0" in text
