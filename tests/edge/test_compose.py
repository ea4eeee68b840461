from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from edge.compose import make_decider, make_window, open_file, open_source
from edge.errors import MissingFileError, SourceError
from edge.settings import (
    DecisionSettings,
    RecordingSourceSettings,
    WebcamSourceSettings,
    WindowSettings,
)
from edge.sources.recording import Recording
from edge.values import Sample, Stream


def test_a_file_is_known_by_its_content_not_its_name(make_recording: Callable[..., Path]) -> None:
    path = make_recording("film.mp4", seconds=0.2)
    source = open_file(path)
    assert isinstance(source, Recording)
    assert source.digest == sha256(path.read_bytes()).hexdigest()


def test_a_configured_recording_opens_with_its_streams(
    make_recording: Callable[..., Path],
) -> None:
    path = make_recording(seconds=0.2, streams=("rgb",))
    source = open_source(RecordingSourceSettings(type="recording", path=path))
    assert source.streams == frozenset({Stream.RGB})
    assert isinstance(next(iter(source.samples())), Sample)


def test_a_camera_that_is_not_there_is_a_source_error(tmp_path: Path) -> None:
    settings = WebcamSourceSettings(type="webcam", device=str(tmp_path / "video9"))
    with pytest.raises(SourceError, match="video9"):
        open_source(settings)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        open_file(tmp_path / "none.mcap")


def test_window_and_decider_are_made_for_one_room() -> None:
    assert make_window(frozenset({Stream.RGB}), WindowSettings()).flush() == []
    assert make_decider("one", DecisionSettings(), "box", "boot") is not None
