"""gatehouse doctor: everything that is wrong is found, with a remedy, and hides nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from edge.cli import main
from edge.demo_broker import PrivateBroker
from edge.device import DeviceInfo
from edge.doctor import compute, sensors, system
from edge.doctor.command import findings
from edge.doctor.findings import Finding, State, examine, ok
from edge.errors import ConfigError, CudaError
from edge.plans import Recipe, Sidecar, Target, Wanted
from edge.settings import ModelSettings, Settings

ORIN = DeviceInfo("Orin", (8, 7), 12_060, 16, 1 << 33)
TRT = SimpleNamespace(__version__="10.3.0")


def settings_of(tmp_path: Path, **parts: Any) -> Settings:
    source = {"type": "recording", "path": tmp_path / "room.mcap"}
    given = {
        "site": "home",
        "device": "box",
        "state_dir": tmp_path / "state",
        "rooms": [{"name": "left", "source": source}],
    }
    return Settings.model_validate({**given, **parts})


def only(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


def test_an_error_becomes_what_is_wrong_and_its_remedy() -> None:
    def check() -> Iterator[Finding]:
        yield ok("part", "one is fine")
        raise ConfigError("the other is not; buy a new one")

    assert examine("part", check) == [
        ok("part", "one is fine"),
        Finding("part", State.FAIL, "the other is not", "buy a new one"),
    ]


def test_the_remedy_is_never_to_run_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_device() -> None:
        raise CudaError("no CUDA device 0: cuInit failed: unknown error; see gatehouse doctor")

    (tmp_path / "nvhost-gpu").touch()
    monkeypatch.setattr("edge.doctor.compute.open_device", no_device)
    found = only(compute.driver(ModelSettings(), tmp_path))
    assert found.state is State.FAIL
    assert "usermod -aG video,render gatehouse" in str(found.remedy)


def test_a_bug_in_one_check_is_a_finding_not_the_end() -> None:
    def check() -> list[Finding]:
        raise KeyError("x")

    (found,) = examine("part", check)
    assert (found.state, found.told) == (State.FAIL, "KeyError: 'x'")


def test_whatever_fails_or_warns_names_a_remedy(tmp_path: Path) -> None:
    config = tmp_path / "gatehouse.yaml"
    data = json.loads(settings_of(tmp_path).model_dump_json(exclude={"models", "decision"}))
    config.write_text(yaml.safe_dump({**data, "mqtt": {"host": "127.0.0.1", "port": 1}}))
    found = list(findings(config))
    assert {f.what for f in found} >= {"models", "driver", "plans", "back end", "clock", "broker"}
    bad = [f for f in found if f.state in (State.WARN, State.FAIL)]
    assert {"camera left", "broker"} <= {f.what for f in bad}
    assert all(f.remedy for f in bad)
    assert all("bug" not in (f.remedy or "") for f in bad)


def test_json_is_one_line_for_each_finding_and_failures_give_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gatehouse.yaml"
    config.write_text("site: s\n")
    assert main(["doctor", "--json", "--config", str(config)]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (broken,) = [line for line in lines if line["what"] == "configuration"]
    assert broken["state"] == "fail"
    assert "device" in broken["told"]
    assert any(line["what"] == "models" and line["state"] == "ok" for line in lines)


def test_without_a_configuration_the_device_alone_is_examined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.doctor.command.DEFAULT", tmp_path / "none.yaml")
    main(["doctor"])
    shown = capsys.readouterr().out
    assert "only the device is examined" in shown
    assert "broker" not in shown


def test_a_machine_without_a_gpu_is_well(tmp_path: Path) -> None:
    for check in (compute.driver, compute.tensorrt, compute.plans):
        assert only(check(ModelSettings(), tmp_path)).state is State.NONE
    found = only(compute.backend(ModelSettings(), tmp_path))
    assert (found.state, found.told) == (
        State.OK,
        "openvino, fp32 encoders: there is no NVIDIA GPU",
    )


def test_tensorrt_without_a_gpu_is_a_failure(tmp_path: Path) -> None:
    found = only(compute.driver(ModelSettings(backend="tensorrt"), tmp_path))
    assert found.state is State.FAIL
    assert "models.backend to auto" in str(found.remedy)


def test_a_gpu_without_tensorrt_warns_that_the_cpu_does_the_work(
    tmp_path: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvhost-gpu").touch()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    settings = ModelSettings(directory=model_directory)
    (found,) = examine("tensorrt", lambda: compute.tensorrt(settings, tmp_path))
    assert found.state is State.FAIL
    assert "python3-libnvinfer" in str(found.remedy)
    found = only(compute.backend(settings, tmp_path))
    assert found.state is State.WARN
    assert "TensorRT cannot be loaded" in found.told
    assert "on the CPU: rgb, flow, depth, audio" in found.told
    assert "python3-libnvinfer" in str(found.remedy)


@pytest.mark.parametrize(
    ("version", "state"), [("8.6.2", State.FAIL), ("10.3.0", State.OK), ("11.4.0.106", State.OK)]
)
def test_a_tensorrt_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, state: State
) -> None:
    (tmp_path / "nvhost-gpu").touch()
    library = SimpleNamespace(__version__=version)
    monkeypatch.setattr("edge.doctor.compute.import_tensorrt", lambda: library)
    found = only(compute.tensorrt(ModelSettings(), tmp_path))
    assert found.state is state
    assert version in found.told


def test_a_board_is_described_with_its_release(tmp_path: Path) -> None:
    release = tmp_path / "nv_tegra_release"
    release.write_text("# R36 (release), REVISION: 4.3\nmore\n")
    assert compute.describe(ORIN, release) == (
        "Orin, compute capability 8.7, 16 SMs; driver for CUDA 12.6; R36 (release), REVISION: 4.3"
    )
    assert compute.describe(ORIN, tmp_path / "none").endswith("driver for CUDA 12.6")


def test_plans_are_judged_one_by_one(tmp_path: Path, model_directory: Path) -> None:
    tmp_path.chmod(0o755)
    settings = ModelSettings(directory=model_directory, plans=tmp_path)
    onnx = (model_directory / "rgb.onnx").read_bytes()
    target = Target("tensorrt", "10.3.0", "Orin", "8.7", 16)
    wanted = Wanted(sha256(onnx).hexdigest(), Recipe(), target)
    sidecar = Sidecar("rgb", wanted, sha256(b"plan").hexdigest(), 4, "now", 1.0)
    path = tmp_path / f"rgb-{wanted.key}.json"
    path.write_text(sidecar.to_json())
    path.with_suffix(".plan").write_bytes(b"plan")
    states = {f.what: f for f in compute.judged(settings, TRT, ORIN)}
    assert states["plan rgb"].state is State.OK
    assert states["plan flow"].state is State.FAIL
    assert "python -m engines build" in str(states["plan flow"].remedy)
    other = {f.what: f for f in compute.judged(settings, TRT, replace(ORIN, multiprocessors=8))}
    assert other["plan rgb"].state is State.FAIL
    assert "one is there for tensorrt 10.3.0 on Orin (8.7, 16 SMs)" in other["plan rgb"].told


def test_a_camera_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    found = only(sensors.webcam("camera left", tmp_path / "video9"))
    assert found.state is State.FAIL
    assert "plug it in" in str(found.remedy)
    (tmp_path / "video0").write_text("a file")
    found = only(sensors.webcam("camera left", tmp_path / "video0"))
    assert found.state is State.FAIL
    assert "does not answer as a camera" in found.told


@pytest.mark.parametrize(("caps", "state"), [(0x04200001, State.OK), (0x04A00000, State.FAIL)])
def test_a_camera_gives_its_name_and_a_data_node_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caps: int, state: State
) -> None:
    def answer(camera: object, request: int, buffer: bytearray) -> int:
        assert request == 0x80685600
        buffer[16:25] = b"Webcam C9"
        buffer[88:92] = caps.to_bytes(4, "little")
        return 0

    monkeypatch.setattr("edge.doctor.sensors.ioctl", answer)
    (tmp_path / "video0").touch()
    found = only(sensors.webcam("camera left", tmp_path / "video0"))
    assert found.state is state
    assert ("Webcam C9" in found.told) == (state is State.OK)


def test_a_recording_stands_for_a_camera(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert only(sensors.cameras(settings)).state is State.FAIL
    (tmp_path / "room.mcap").touch()
    assert only(sensors.cameras(settings)).state is State.OK
    assert only(sensors.microphone(settings)).state is State.NONE


@pytest.mark.parametrize(("found", "state"), [("pulsesrc", State.OK), (None, State.FAIL)])
def test_a_microphone_answers_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, state: State
) -> None:
    rooms = [{"name": "left", "source": {"type": "webcam"}}]
    monkeypatch.setattr("edge.doctor.sensors.gst.load", lambda: None)
    monkeypatch.setattr("edge.doctor.sensors.find_microphone", lambda gst, names: found)
    assert only(sensors.microphone(settings_of(tmp_path, rooms=rooms))).state is state


def test_the_broker_is_asked_under_another_name(tmp_path: Path, broker: PrivateBroker) -> None:
    mqtt = {"host": broker.host, "port": broker.port}
    assert only(system.broker(settings_of(tmp_path, mqtt=mqtt))).state is State.OK
    broker.stop()
    (found,) = examine("broker", lambda: system.broker(settings_of(tmp_path, mqtt=mqtt)))
    assert found.state is State.FAIL
    assert "mqtt.host" in str(found.remedy)


@pytest.mark.parametrize(("synced", "state"), [(True, State.OK), (False, State.WARN)])
def test_a_clock_that_is_not_synchronised_warns(
    monkeypatch: pytest.MonkeyPatch, synced: bool, state: State
) -> None:
    monkeypatch.setattr("edge.doctor.system.clock_synced", lambda: synced)
    assert only(system.clock()).state is state


@pytest.mark.parametrize(
    ("free_mib", "state"), [(5_000, State.OK), (500, State.WARN), (10, State.FAIL)]
)
def test_a_full_disk_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, state: State
) -> None:
    usage = SimpleNamespace(free=free_mib * 1024 * 1024)
    monkeypatch.setattr("edge.doctor.system.shutil.disk_usage", lambda place: usage)
    settings = settings_of(tmp_path, models={"plans": tmp_path / "plans"})
    assert only(system.disk(settings)).state is state


def test_what_others_may_read_or_write_is_named(tmp_path: Path) -> None:
    config, secret = tmp_path / "gatehouse.yaml", tmp_path / "password"
    for path in (config, secret):
        path.write_text("x")
        path.chmod(0o640)
    settings = settings_of(tmp_path, mqtt={"username": "u", "password_file": secret})
    settings.state_dir.mkdir(mode=0o700)
    assert {f.state for f in system.permissions(settings, config)} == {State.OK}
    settings.state_dir.chmod(0o755)
    config.chmod(0o666)
    secret.chmod(0o644)
    found = {f.what: f for f in system.permissions(settings, config)}
    assert found["permissions"].state is State.WARN
    assert found["configuration"].state is State.FAIL
    assert found["password"].state is State.FAIL
    secret.unlink()
    found = {f.what: f for f in system.permissions(settings, config)}
    assert "is not there" in found["password"].told


def test_a_state_directory_that_can_be_made_is_fine(tmp_path: Path) -> None:
    config = tmp_path / "gatehouse.yaml"
    config.touch(0o640)
    first = next(iter(system.permissions(settings_of(tmp_path), config)))
    assert (first.state, "can make it" in first.told) == (State.OK, True)
