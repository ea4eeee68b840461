from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cli import main
from edge.errors import MediaError
from edge.record_grid import Thinner
from edge.settings import WindowSettings
from edge.sources.mcap_repair import is_cut, repair
from edge.sources.mcap_writer import RecordingWriter
from edge.sources.recording import Recording
from edge.values import Sample, Step, Stream
from edge.window import GridSynchroniser

Make = Callable[..., Path]
PICTURE = np.zeros((2, 2, 3), np.uint8)


def shown(samples: list[Sample]) -> list[int | None]:
    """Number of the picture that each point of the 15 Hz grid shows."""
    grid = GridSynchroniser(frozenset({Stream.RGB, Stream.AUDIO}), WindowSettings())
    items = [item for sample in samples for item in grid.push(sample)] + grid.flush()
    steps = [item for item in items if isinstance(item, Step)]
    return [None if step.rgb is None else int(step.rgb[0, 0, 0]) for step in steps]


def thinned(samples: list[Sample]) -> list[Sample]:
    thinner = Thinner()
    kept = [left for sample in samples for left in thinner.push(sample)]
    return sorted([*kept, *thinner.flush()], key=lambda sample: sample.t_ns)


@settings(max_examples=80, deadline=None)
@given(
    gaps=st.lists(st.integers(5, 400), min_size=2, max_size=60),
    first_ms=st.integers(0, 200),
)
def test_the_grid_of_a_replay_shows_the_same_pictures_as_before(
    gaps: list[int], first_ms: int
) -> None:
    times = np.cumsum([first_ms, *gaps])
    pictures = [
        Sample(Stream.RGB, int(t) * 1_000_000, np.full((1, 1, 3), index, np.uint8))
        for index, t in enumerate(times)
    ]
    chunks = int(times[-1]) // 50 + 4  # the sound goes on beyond the pictures
    sound = [
        Sample(Stream.AUDIO, chunk * 50_000_000, np.ones(800, np.int16)) for chunk in range(chunks)
    ]
    samples = sorted([*sound, *pictures], key=lambda sample: sample.t_ns)
    assert shown(thinned(samples)) == shown(samples)


@pytest.mark.parametrize("rate", [30, 60])
def test_a_fast_camera_is_kept_at_fifteen_pictures_a_second(rate: int) -> None:
    pictures = [Sample(Stream.RGB, index * 10**9 // rate, PICTURE) for index in range(rate * 4)]
    assert len(thinned(pictures)) == pytest.approx(60, abs=1)


def test_a_slow_camera_loses_nothing() -> None:
    pictures = [Sample(Stream.DEPTH, index * 10**8, PICTURE) for index in range(30)]
    assert thinned(pictures) == pictures


@pytest.mark.skipif(shutil.which("gst-launch-1.0") is None, reason="needs gstreamer1.0-tools")
def test_a_video_becomes_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = tmp_path / "film.mkv"
    picture = "videotestsrc num-buffers=60 ! video/x-raw,width=64,height=48,framerate=30/1"
    sound = "audiotestsrc num-buffers=94 samplesperbuffer=340 ! audio/x-raw,rate=16000,channels=1"
    pipeline = (
        f"matroskamux name=m ! filesink location={video} {picture} ! jpegenc ! m. {sound} ! m."
    )
    subprocess.run(["gst-launch-1.0", "-q", *pipeline.split()], check=True)
    assert main(["import", "--to", str(tmp_path), str(video)]) == 0
    made = Recording(tmp_path / "film.mcap")
    assert made.streams == {Stream.RGB, Stream.AUDIO}
    pictures = list(made.samples(frozenset({Stream.RGB})))
    assert len(pictures) == pytest.approx(30, abs=1)
    assert pictures[0].data.shape == (48, 64, 3)
    assert f"{len(pictures)} rgb" in capsys.readouterr().err
    assert main(["import", str(video)]) == 74  # it is there already


def test_a_cut_recording_gives_all_that_is_whole_of_it_unchanged(
    make_recording: Make, tmp_path: Path
) -> None:
    whole = make_recording(seconds=20)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: len(content) * 2 // 3])
    saved = tmp_path / "saved.mcap"
    assert is_cut(cut)
    assert not is_cut(whole)
    count = repair(cut, saved)
    before, after = list(Recording(whole).samples()), list(Recording(saved).samples())
    assert 300 < len(after) == count - 1 < len(before)  # and the calibration
    assert Recording(saved).depth_hfov_deg == Recording(whole).depth_hfov_deg
    for one, other in zip(before, after, strict=False):
        assert (one.stream, one.t_ns) == (other.stream, other.t_ns)
        assert (one.data == other.data).all()
    assert not list(tmp_path.glob("*.saving"))


def test_damage_in_the_middle_of_a_cut_recording_ends_it_there(
    make_recording: Make, tmp_path: Path
) -> None:
    content = bytearray(make_recording(seconds=20).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: len(content) * 3 // 4])
    count = repair(cut, tmp_path / "saved.mcap")
    assert count > 100
    assert sum(1 for _ in Recording(tmp_path / "saved.mcap").samples()) == count - 1


def test_of_a_recording_cut_in_its_first_second_nothing_can_be_saved(
    make_recording: Make, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(make_recording().read_bytes()[:5_000])
    with pytest.raises(MediaError, match="nothing in it is complete"):
        repair(cut, tmp_path / "saved.mcap")
    assert not list(tmp_path.glob("saved*"))


def test_a_whole_recording_needs_no_import(
    make_recording: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(make_recording(seconds=1))]) == 65
    assert "gatehouse replay" in capsys.readouterr().err


def test_a_bad_file_among_good_ones_costs_only_itself(
    make_recording: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = make_recording("evening.mcap", seconds=20).read_bytes()
    cut = tmp_path / "late.mcap.part"
    cut.write_bytes(content[: len(content) // 2])
    target = tmp_path / "out"
    target.mkdir()
    assert main(["import", "--to", str(target), str(tmp_path / "none.mp4"), str(cut)]) == 1
    assert [path.name for path in target.iterdir()] == ["late.mcap"]
    assert "none.mp4" in capsys.readouterr().err


def test_the_writer_takes_the_calibration_from_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with RecordingWriter(path) as writer:
        writer.write(Sample(Stream.DEPTH, 1, np.ones((4, 6), np.uint16), 70.0))
    assert Recording(path).depth_hfov_deg == pytest.approx(70.0)
