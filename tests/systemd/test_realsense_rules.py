"""The udev rules: a camera may be opened by the service's group, and by nobody else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = ROOT / "systemd" / "70-gatehouse-realsense.rules"
TERM = re.compile(r'([A-Z]+(?:\{[A-Za-z/_]+\})?)(==|!=|\+=|:=|=)"([^"]*)"')


def rules() -> list[list[tuple[str, str, str]]]:
    lines = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(rf"{TERM.pattern}(, {TERM.pattern})*", line), line
    return [[term.groups() for term in TERM.finditer(line)] for line in lines]  # type: ignore[misc]


def test_every_rule_is_for_realsense_cameras_alone() -> None:
    assert rules()
    for rule in rules():
        assert ("ATTR{idVendor}", "==", "8086") in rule
        assert ("ATTR{product}", "==", "*RealSense*") in rule


def test_the_group_is_one_the_service_has_and_others_get_nothing() -> None:
    given = {key: value for rule in rules() for key, sign, value in rule if sign == "="}
    assert given["MODE"] == "0660"
    unit = (ROOT / "systemd" / "gatehouse.service").read_text()
    groups = re.search(r"^SupplementaryGroups=(.*)$", unit, re.MULTILINE)
    assert groups is not None
    assert given["GROUP"] in groups[1].split()


def test_the_unit_lets_the_service_reach_what_the_rules_open() -> None:
    unit = (ROOT / "systemd" / "gatehouse.service").read_text()
    assert "DeviceAllow=char-usb_device rw" in unit
    assert "DeviceAllow=char-video4linux rw" in unit
