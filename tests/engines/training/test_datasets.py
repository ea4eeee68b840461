from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import MediaError, MissingFileError
from engines.training.datasets import open_row
from engines.training.manifest import Row


def test_grey_depth_in_an_unknown_coding_is_refused_not_shown_as_colour(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"film")
    with pytest.raises(MediaError, match="utd_mhad"):
        open_row(Row(file, "a.mp4", "mine", "depth", "walk", "g"))


@pytest.mark.parametrize("name", ["none.mp4", "none.mcap"])
def test_a_missing_clip_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingFileError, match="none"):
        open_row(Row(tmp_path / name, name, "rooms", "rgb", "walk", "g"))
