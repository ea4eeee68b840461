from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import __version__
from edge.cli import main
from edge.demo_broker import PrivateBroker

Make = Callable[..., Path]
COMMANDS = ("run", "replay", "check-config", "doctor", "record", "import", "demo", "watch")


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one error line on stderr."""
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("gatehouse: error: ")
    return line


def replay(models: Path, *arguments: Path | str) -> list[str]:
    return ["replay", "--models", str(models), *map(str, arguments)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert f"gatehouse {command}" in shown.split("examples:")[1]
    assert "78 configuration" in shown


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"gatehouse {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run"],
        ["replay"],
        ["replay", "a.mcap", "--modalities", "smell"],
        ["watch", "--port", "99999"],
        ["record", "--config", "a.yaml", "b.mcap"],
        ["record", "--config", "a.yaml", "--seconds", "soon", "b.mcap"],
        ["import"],
        ["demo", "--speed", "2"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_64(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 64
    assert "--help" in told(capsys)


def test_a_good_configuration_is_summarised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(
        "site: s\ndevice: d\nrooms: [{name: a, source: {type: webcam}}]\n", encoding="utf-8"
    )
    assert main(["check-config", str(path)]) == 0
    assert "device s/d, broker localhost:1883, rooms a" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "status"), [(None, 66), ("site: s\nsize: 3\n", 78)])
@pytest.mark.parametrize("command", [["check-config"], ["run", "--config"]])
def test_a_bad_configuration_has_its_status(
    command: list[str],
    text: str | None,
    status: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "bad.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main([*command, str(path)]) == status
    assert "bad.yaml" in told(capsys)


def test_replay_writes_json_lines_and_nothing_else(
    make_recording: Make, model_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_recording(seconds=5, fall_s=1.5)
    assert main(replay(model_directory, "--json", path)) == 0
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    assert all(line["path"] == str(path) for line in lines)
    assert any(alarm["class"] == "fall" for line in lines for alarm in line["alarms"])


def test_replay_twice_gives_the_same_bytes(
    make_recording: Make, model_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = replay(model_directory, "--json", make_recording(seconds=5, fall_s=1.5))
    main(command)
    first = capsys.readouterr().out
    main(command)
    assert capsys.readouterr().out == first


def test_modalities_that_are_not_named_are_disabled(
    make_recording: Make, model_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_recording(seconds=2)
    assert main(replay(model_directory, "--json", "--modalities", "depth,audio", path)) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["missing"] == {"rgb": "disabled", "flow": "disabled"}


def test_without_json_people_get_a_summary(
    make_recording: Make, model_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_recording(seconds=5, fall_s=1.5, streams=("rgb", "audio"))
    assert main(replay(model_directory, path)) == 0
    shown = capsys.readouterr().out
    assert "ALARM fall confirmed at" in shown
    assert "walk" in shown
    assert "depth 100% of the time (absent)" in shown


def test_a_bad_file_among_good_ones_costs_only_itself(
    make_recording: Make,
    model_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = make_recording(seconds=2)
    missing = tmp_path / "missing.mcap"
    assert main(replay(model_directory, "--json", missing, good)) == 1
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert "missing.mcap" in captured.err
    assert {json.loads(line)["path"] for line in captured.out.splitlines()} == {str(good)}


@pytest.mark.parametrize(("content", "status"), [(None, 66), (b"", 65), (b"\x89MCAP0\r\nx", 65)])
def test_the_only_file_being_bad_gives_its_own_status(
    content: bytes | None,
    status: int,
    model_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "bad.mcap"
    if content is not None:
        path.write_bytes(content)
    assert main(replay(model_directory, "--json", path)) == status
    assert "bad.mcap" in told(capsys)


def test_a_damaged_model_is_refused_with_its_remedy(
    make_recording: Make,
    model_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in model_directory.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "rgb.onnx").write_bytes(b"\0" + (copy / "rgb.onnx").read_bytes()[1:])
    assert main(replay(copy, make_recording(seconds=1))) == 74
    assert "damaged" in told(capsys)


def test_a_reader_that_leaves_early_is_no_error(
    make_recording: Make, model_directory: Path
) -> None:
    command = [sys.executable, "-m", "edge", *replay(model_directory, "--json", make_recording())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


def test_watching_without_a_broker_is_one_line_and_status_69(
    broker: PrivateBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.stop()
    assert main(["watch", "--host", broker.host, "--port", str(broker.port)]) == 69
    assert str(broker.port) in told(capsys)
