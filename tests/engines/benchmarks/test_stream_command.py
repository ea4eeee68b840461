from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import EX_OK, MissingFileError, UsageError
from engines.__main__ import main
from engines.benchmarks import command
from engines.benchmarks.items import Workbench

pytest.importorskip("torch", reason="needs the extra: train")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        (("violence", "--choose"), UsageError, "--suite stream"),
        (("violence", "--scenes", "here"), UsageError, "--suite stream"),
        (("stream", "--choose"), UsageError, "--scenes DIR"),
        (("stream", "--scenes", "nowhere"), MissingFileError, "nowhere: no scene"),
    ],
)
def test_a_mistake_about_scenes_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    error: type[UsageError],
    said: str,
) -> None:
    places = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"))
    assert main(["evaluate", *places, "--suite", *options]) == error.exit_code
    shown = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert said in shown[-1]
    assert not (tmp_path / "out").exists()


def test_choosing_judges_nothing_and_is_given_all_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Workbench] = []

    def choose(bench: Workbench) -> int:
        asked.append(bench)
        return EX_OK

    monkeypatch.setattr(command, "choose_thresholds", choose)
    places = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"))
    scenes = ("--scenes", "one", "--scenes", "two")
    assert main(["evaluate", *places, "--suite", "stream", "--choose", *scenes]) == EX_OK
    assert [bench.scenes for bench in asked] == [("one", "two")]
    assert not (tmp_path / "out").exists()
