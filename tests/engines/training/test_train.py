from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError, MissingFileError, StoreError, UsageError
from engines.__main__ import main


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--workers", "0"), UsageError),
        (("--clips", "0"), UsageError),
        (("--minutes", "-1"), UsageError),
        (("--data", "no/such/folder"), MissingFileError),
        (("--label-map", "none.yaml"), MissingFileError),
        (("--label-map", "map.yaml"), ConfigError),
    ],
)
def test_a_mistake_is_found_before_anything_is_rendered(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    error: type[UsageError],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("map.yaml").write_text("rooms: {walk: {only: []}}")
    assert main(["train", "--work", "work", "--out", "out", *options]) == error.exit_code
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not Path("work").exists()


def test_missing_pretrained_weights_are_found_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEHOUSE_WEIGHTS", str(tmp_path / "none"))
    work = tmp_path / "work"
    status = main(["train", "--work", str(work), "--out", str(tmp_path / "out")])
    assert status == MissingFileError.exit_code
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not work.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    from engines.training.train import make_folder

    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose another"):
        make_folder(tmp_path / "file" / "out")
