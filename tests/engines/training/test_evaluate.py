from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import (
    ConfigError,
    MediaError,
    MissingFileError,
    ModelError,
    StoreError,
    UsageError,
)
from engines.__main__ import main
from engines.store import Provenance, write_model_dir
from engines.training.evaluate import chosen_sets, thinned, write_json
from engines.training.manifest import Row

FIRST = "path,dataset,modalities,label,group\n"


def rows(dataset: str, count: int) -> list[Row]:
    return [Row(Path(str(i)), str(i), dataset, "rgb", "x", "g") for i in range(count)]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A directory whose files are whole and no networks."""
    files = {"rgb.onnx": b"x", "flow.onnx": b"x", "depth.onnx": b"x", "audio.onnx": b"x"}
    write_model_dir(tmp_path / "models", files, Provenance("none", ["surv_fight"], "", {}))
    return tmp_path / "models"


def evaluate(tmp_path: Path, models: Path, lines: str, *options: str) -> int:
    (tmp_path / "manifest.csv").write_text(FIRST + lines)
    argv = ["evaluate", "--manifest", str(tmp_path / "manifest.csv"), "--models", str(models)]
    return main([*argv, "--workers", "1", *options])


def test_a_limit_takes_clips_from_all_over_each_set() -> None:
    kept = thinned([*rows("a", 90), *rows("b", 2)], 30)
    names = [int(row.name) for row in kept if row.dataset == "a"]
    assert names == sorted(set(names))
    assert len(names) == 30
    assert min(names) < 30 < 60 < max(names)
    assert len({name % 15 for name in names}) > 10, "classes that come in turn must all be there"
    assert len(kept) == 32
    assert thinned(rows("a", 5), None) == rows("a", 5)


def test_a_misspelt_set_is_refused_and_those_there_are_named() -> None:
    assert len(chosen_sets([*rows("a", 2), *rows("b", 3)], "b")) == 3
    with pytest.raises(UsageError, match="it has a, b"):
        chosen_sets([*rows("a", 1), *rows("b", 1)], "a,c")


@pytest.mark.parametrize(
    ("lines", "options", "error", "said"),
    [
        ("a.mp4,mine,rgb,walk,g\n", (), ConfigError, "--label-map"),
        ("a.mp4,urfd,rgb,dance,g\n", (), ConfigError, "'dance'"),
        ("a.mp4,urfd\n", (), MediaError, "line 2"),
        ("", (), MediaError, "no clip is left"),
        ("a.mp4,urfd,rgb,crouch,g\n", ("--datasets", "urdf"), UsageError, "urdf"),
        ("a.mp4,urfd,rgb,crouch,g\n", ("--label-map", "none.yaml"), MissingFileError, "none.yaml"),
        ("a.mp4,urfd,rgb,crouch,g\n", ("--limit", "0"), UsageError, "--limit"),
        ("a.mp4,surv_fight,rgb,fight,No36fPv4zUw\n", ("--split", "unseen"), MediaError, "no clip"),
    ],
)
def test_a_mistake_is_one_line_and_its_status(
    tmp_path: Path,
    models: Path,
    capsys: pytest.CaptureFixture[str],
    lines: str,
    options: tuple[str, ...],
    error: type[UsageError],
    said: str,
) -> None:
    assert evaluate(tmp_path, models, lines, *options) == error.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert said in shown.err


def test_a_damaged_model_is_named_and_stdout_stays_empty(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "rgb.onnx").write_bytes(b"damaged")
    status = evaluate(tmp_path, models, "a.mp4,urfd,rgb,crouch,g\n", "--json", "-")
    assert status == ModelError.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert "damaged (sha256" in shown.err


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    write_json(str(tmp_path / "r.json"), {"a": 1})
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 1}
    with pytest.raises(StoreError):
        write_json(str(tmp_path / "no" / "r.json"), {})
