from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import MediaError, MissingFileError
from engines.training.manifest import read_manifest

FIRST = "path,dataset,modalities,label,group\n"


def test_a_manifest_is_read_beside_its_clips(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("path,dataset,modalities,label,group\na/b.mp4,urfd,rgb,crouch,g\n")
    (only,) = read_manifest(file)
    assert only.path == tmp_path / "a/b.mp4"
    assert only.name == "a/b.mp4"
    file.write_text("path,label\n")
    with pytest.raises(MediaError, match="dataset, modalities, group"):
        read_manifest(file)
    with pytest.raises(MissingFileError):
        read_manifest(tmp_path / "none.csv")


def test_a_spreadsheets_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text(FIRST + "a.mp4,urfd,rgb,crouch,g\n", encoding="utf-8-sig")
    assert [row.dataset for row in read_manifest(file)] == ["urfd"]


def test_a_short_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text(FIRST + "a.mp4,urfd,rgb,crouch,g\nb.mp4,urfd\n")
    with pytest.raises(MediaError, match="line 3"):
        read_manifest(file)


def test_a_film_is_not_a_manifest(tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(MediaError, match="not UTF-8"):
        read_manifest(file)


def test_a_cell_without_end_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text(FIRST + "a" * 200_000)
    with pytest.raises(MediaError, match="not a table"):
        read_manifest(file)
