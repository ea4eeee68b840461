"""Who may judge: nobody that the model, or its calibration, has seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.int8_clips import rows_of
from calibration.int8_judge import judges
from edge.errors import MediaError
from engines.training.manifest import Row
from engines.training.split import TRAINABLE

HEAD = "path,dataset,modalities,label,group\n"
ROWS = {
    "train-0.mcap": "rooms,rgb,walk,body0|seed0",
    "test-0.mcap": "rooms,rgb,walk,body1|seed1",
    "test-1.mcap": "rooms,rgb,sit,body1|seed2",  # the same person elsewhere
    "test-2.mcap": "rooms,rgb,sit,body2|seed3",
    "own.mcap": "home,rgb,sit,anna",
}


def manifest(folder: Path, *names: str) -> Path:
    lines = [f"{name},{ROWS[name]}" for name in names or ROWS]
    path = folder / f"{'-'.join(names) or 'all'}.csv"
    path.write_text(HEAD + "\n".join(lines))
    for name in ROWS:
        (folder / name).touch()
    return path


def names(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]


def test_what_a_model_has_learned_from_is_no_judge(tmp_path: Path) -> None:
    table = manifest(tmp_path)
    assert names(judges(table, None, (), [])) == list(ROWS)
    assert names(judges(table, None, TRAINABLE, [])) == list(ROWS)[1:]


def test_a_group_that_was_calibrated_on_is_no_judge(tmp_path: Path) -> None:
    calibrated = rows_of([manifest(tmp_path, "test-0.mcap")])
    assert names(judges(manifest(tmp_path), None, ["rooms"], calibrated)) == [
        "test-2.mcap",
        "own.mcap",
    ]


def test_a_clip_that_was_named_without_its_group_is_no_judge(tmp_path: Path) -> None:
    table = manifest(tmp_path)
    calibrated = rows_of([tmp_path / "own.mcap"])
    assert "own.mcap" not in names(judges(table, None, (), calibrated))


def test_where_all_were_seen_nothing_is_judged(tmp_path: Path) -> None:
    table = manifest(tmp_path, "own.mcap")
    with pytest.raises(MediaError, match=r"own\.mcap\.csv.*--judge"):
        judges(table, None, (), rows_of([table]))
