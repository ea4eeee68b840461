"""Recordings of librealsense: every picture, the same on every reading."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.compose import open_file, open_source
from edge.errors import ConfigError, MediaError, MissingFileError
from edge.realsense_settings import DepthFilterSettings
from edge.settings import RecordingSourceSettings
from edge.sources.realsense import library
from edge.sources.realsense.playback import RealSenseFile, is_realsense_file
from edge.sources.realsense.synthetic import Look, SyntheticCamera, record
from edge.values import Sample, Stream

try:
    RS = library.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)
if not hasattr(RS.context, "convert_bag_to_db3"):
    pytest.skip("pip install 'pyrealsense2>=2.58': older ones write no .db3")

W, H, COUNT = 160, 120, 45
PLAIN = DepthFilterSettings(decimation=1, spatial=False, temporal=False)


def pictures(count: int = COUNT) -> list[tuple[Any, Any]]:
    random = np.random.default_rng(5)
    return [
        (
            random.integers(900, 4_000, (H, W)).astype(np.uint16),
            random.integers(0, 255, (H, W, 3)).astype(np.uint8),
        )
        for _ in range(count)
    ]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def make_file(given: list[tuple[Any, Any]], look: Look | None = None) -> Path:
        path = tmp_path / "evening.db3"
        record(path, SyntheticCamera(look=look), given)
        return path

    return make_file


def digest(samples: list[Sample]) -> str:
    total = hashlib.sha256()
    for sample in samples:
        total.update(repr((sample.stream, sample.t_ns, sample.depth_hfov_deg)).encode())
        total.update(sample.data.tobytes())
    return total.hexdigest()


def test_every_picture_comes_back_as_it_was(make: Callable[..., Path]) -> None:
    given = pictures()
    source = RealSenseFile(make(given), PLAIN, align=None)
    assert source.streams == {Stream.RGB, Stream.DEPTH}
    samples = list(source.samples())
    depth = [s for s in samples if s.stream is Stream.DEPTH]
    color = [s for s in samples if s.stream is Stream.RGB]
    assert len(depth) == len(color) == COUNT
    for index, (raw, picture) in enumerate(given):
        assert np.array_equal(depth[index].data, raw)
        assert np.array_equal(color[index].data, picture)
        assert abs(depth[index].t_ns - index * 1e9 / 30) < 1_000
        assert depth[index].depth_hfov_deg == pytest.approx(55.52, abs=0.01)


def test_filtered_and_aligned_it_is_the_same_on_every_reading(make: Callable[..., Path]) -> None:
    source = RealSenseFile(make(pictures(12)))
    first = list(source.samples())
    assert len(first) == 24
    assert {digest(list(source.samples())) for _ in range(4)} == {digest(first)}


def test_a_reading_left_early_leaves_nothing_running(make: Callable[..., Path]) -> None:
    source = RealSenseFile(make(pictures(12)))

    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))

    before = held()
    for _ in range(5):
        samples = source.samples()
        next(samples)
        samples.close()  # type: ignore[attr-defined]
    assert held() == before


@pytest.mark.parametrize(("name", "stream"), [("depth", Stream.DEPTH), ("color", Stream.RGB)])
def test_a_recording_of_one_sensor_is_enough(
    make: Callable[..., Path], name: str, stream: Stream
) -> None:
    alone = [
        (d if name == "depth" else None, c if name == "color" else None) for d, c in pictures(9)
    ]
    source = RealSenseFile(make(alone, Look(streams=frozenset({name}))))
    assert source.streams == {stream}
    assert len(list(source.samples())) == 9


def test_time_goes_on_across_the_wrap_of_the_cameras_counter(tmp_path: Path) -> None:
    camera, path = SyntheticCamera(), tmp_path / "wrap.db3"
    wrap_ms = 2**32 / 1_000
    record(path, camera, pictures(30), start_ms=wrap_ms - 500)
    times = [s.t_ns for s in RealSenseFile(path).samples() if s.stream is Stream.DEPTH]
    steps = np.diff(times) * 30 / 1e9  # librealsense itself loses some where stamps fall
    assert np.abs(steps - np.rint(steps)).max() < 1e-4
    assert steps.min() > 0.5
    assert times[-1] - times[0] == pytest.approx(29e9 / 30, abs=2_000)


def test_it_stands_wherever_a_recording_does(make: Callable[..., Path]) -> None:
    path = make(pictures(3))
    assert isinstance(open_file(path), RealSenseFile)
    assert isinstance(
        open_source(RecordingSourceSettings(type="recording", path=path)), RealSenseFile
    )
    assert len(open_file(path).digest) == 64


def test_what_only_looks_like_one_is_left_to_others(tmp_path: Path) -> None:
    other = tmp_path / "store.db"
    other.write_bytes(b"SQLite format 3\0")
    sound = tmp_path / "sound.bag"
    sound.write_bytes(b"RIFF")
    assert not is_realsense_file(other)
    assert not is_realsense_file(sound)
    with pytest.raises(MissingFileError, match=r"none\.db3: .*check the path"):
        is_realsense_file(tmp_path / "none.db3")


def test_damage_is_told_with_the_file(make: Callable[..., Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty.db3"
    empty.write_bytes(b"")
    with pytest.raises(MediaError, match=r"empty\.db3: not a RealSense recording"):
        RealSenseFile(empty)
    foreign = tmp_path / "foreign.db3"
    foreign.write_bytes(b"SQLite format 3\0" + bytes(5_000))
    with pytest.raises(MediaError, match=r"foreign\.db3: damaged recording"):
        RealSenseFile(foreign)
    bag = tmp_path / "foreign.bag"
    bag.write_bytes(b"#ROSBAG V2.0\n" + bytes(5_000))
    with pytest.raises(MediaError, match=r"foreign\.bag: damaged recording"):
        RealSenseFile(bag)


def test_a_recording_cut_off_ends_with_an_error_not_in_silence(make: Callable[..., Path]) -> None:
    path = make(pictures())
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(MediaError, match=r"evening\.db3: "):
        list(RealSenseFile(path).samples())
