"""The dispatcher: help without heavy packages, mistakes in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from calibration.__main__ import COMMANDS, main
from edge.errors import EX_USAGE


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert all(name in capsys.readouterr().out for name in COMMANDS)


def test_the_help_of_int8_shows_examples_and_loads_no_heavy_package() -> None:
    code = (
        "import sys; from calibration.__main__ import main\n"
        "try: main(['int8', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'scipy', 'openvino', 'onnx', 'tensorrt'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.stderr.strip() == ""
    assert "python -m calibration int8 --out models" in done.stdout
    assert "--live" in done.stdout


@pytest.mark.parametrize("argv", [[], ["cook"], ["int8", "--rule", "luck"], ["int8", "--x"]])
def test_a_wrong_command_line_is_one_line_and_status_64(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == EX_USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1
