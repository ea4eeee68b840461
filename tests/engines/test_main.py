from __future__ import annotations

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from edge.errors import EX_UNAVAILABLE, EX_USAGE, StoreError
from engines.__main__ import COMMANDS, main

pytest.importorskip("scipy", reason="needs scipy (the extra train)")


def test_help_names_every_command_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_help_loads_no_heavy_package() -> None:
    code = (
        "import sys; from engines.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join({'torch', 'cv2', 'scipy', 'moderngl', 'mujoco'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.stderr.strip() == ""


def test_the_help_of_rooms_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rooms", "--help"])
    assert "python -m engines rooms --out" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [[], ["cook"], ["rooms"], ["rooms", "--out", "x", "--split", "no"]]
)
def test_a_wrong_command_line_is_one_line_and_status_64(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == EX_USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_impossible_number_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rooms", "--out", str(tmp_path), "--clips", "0"]) == EX_USAGE
    assert "--clips" in capsys.readouterr().err


def test_an_error_is_one_line_and_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["rooms", "--out", str(tmp_path / "file" / "x")]) == StoreError.exit_code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_killed_worker_is_one_line_and_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(args: object) -> int:
        raise BrokenProcessPool

    monkeypatch.setattr("engines.rooms.generate.run", killed)
    assert main(["rooms", "--out", str(tmp_path)]) == EX_UNAVAILABLE
    assert "--workers" in capsys.readouterr().err
