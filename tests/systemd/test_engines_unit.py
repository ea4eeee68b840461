"""gatehouse-engines compiles before the watch begins, and cannot keep it from beginning."""

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from edge.backends import DESKTOP_NODES, JETSON_NODES
from engines.__main__ import COMMANDS

UNITS = Path(__file__).parents[2] / "systemd"
BINARIES = ("/opt/gatehouse/bin/gatehouse", "/opt/gatehouse/bin/python")


def lines(name: str, key: str) -> list[str]:
    """All values of a key; systemd, unlike configparser, takes several."""
    text = (UNITS / name).read_text(encoding="utf-8")
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, encoding="utf-8")
    return parser


def test_systemd_accepts_both_units_and_the_boards_addition(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    names = ("gatehouse.service", "gatehouse-engines.service", "gatehouse.service.d/nvidia.conf")
    for name in names:
        text = (UNITS / name).read_text(encoding="utf-8")
        for binary in BINARIES:
            text = text.replace(binary, "/bin/true")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / name) for name in names[:2])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")  # an unknown key only warns


def test_it_runs_once_before_the_daemon_which_only_wants_it() -> None:
    engines = unit("gatehouse-engines.service")
    assert engines["Unit"]["Before"] == "gatehouse.service"
    assert engines["Service"]["Type"] == "oneshot"
    assert engines["Install"]["WantedBy"] == "gatehouse.service"  # not RequiredBy
    assert "TimeoutStartSec" in engines["Service"]


def test_a_daemon_that_restarts_does_not_wait_for_what_failed_to_compile() -> None:
    """Each start of the daemon starts what it wants, unless that is active already."""
    assert unit("gatehouse-engines.service")["Service"]["RemainAfterExit"] == "yes"
    assert all(c.startswith("-/") for c in lines("gatehouse-engines.service", "ExecStart"))


def test_it_starts_where_the_runtime_sees_a_gpu() -> None:
    globs = lines("gatehouse-engines.service", "ConditionPathExistsGlob")
    assert globs == [f"|/dev/{node}" for node in (*DESKTOP_NODES, *JETSON_NODES)]


def test_it_builds_and_collects_with_the_daemons_configuration_and_user() -> None:
    commands = lines("gatehouse-engines.service", "ExecStart")
    config = unit("gatehouse.service")["Service"]["ExecStart"].split("--config ")[1]
    for command, name in zip(commands, ("build", "gc"), strict=True):
        assert command.endswith(f"python -m engines {name} --config {config}")
        assert name in COMMANDS
    daemon, engines = unit("gatehouse.service"), unit("gatehouse-engines.service")
    for key in ("User", "Group", "UMask", "StateDirectoryMode"):
        assert engines["Service"][key] == daemon["Service"][key]


def test_it_is_confined_like_the_daemon_but_for_devices_and_network() -> None:
    daemon, engines = unit("gatehouse.service")["Service"], unit("gatehouse-engines.service")
    guards = [
        key
        for key in daemon
        if key.startswith(("Protect", "Restrict", "Private", "Lock", "NoNew", "Capability"))
    ]
    assert len(guards) > 12
    differing = {key for key in guards if engines["Service"].get(key) != daemon[key]}
    assert differing == {"ProtectClock", "RestrictAddressFamilies"}


def test_no_device_policy_shuts_the_gpu_out() -> None:
    """ProtectClock= implies a list of devices, of which a GPU is none."""
    board = unit("gatehouse.service.d/nvidia.conf")["Service"]
    assert (board["DevicePolicy"], board["DeviceAllow"], board["ProtectClock"]) == (
        "auto",
        "",
        "no",
    )
    engines = unit("gatehouse-engines.service")["Service"]
    assert not {"DevicePolicy", "DeviceAllow", "ProtectClock", "PrivateDevices"} & set(engines)
