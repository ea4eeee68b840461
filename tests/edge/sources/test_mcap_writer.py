from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("foxglove", reason="needs foxglove-sdk")
pytest.importorskip("cv2", reason="needs OpenCV")

from edge.errors import StoreError
from edge.sources.mcap_writer import RecordingWriter
from edge.sources.recording import Recording
from edge.values import Sample, Stream


def one_of_each() -> list[Sample]:
    return [
        Sample(Stream.RGB, 1, np.full((16, 16, 3), 90, np.uint8)),
        Sample(Stream.DEPTH, 2, np.full((3, 5), 65_535, np.uint16)),
        Sample(Stream.AUDIO, 3, np.array([-32_768, 0, 32_767], np.int16)),
    ]


def test_any_mcap_tool_reads_it_with_foxglove_schema_names(tmp_path: Path) -> None:
    from mcap.reader import make_reader

    path = tmp_path / "room.mcap"
    with RecordingWriter(path, depth_hfov_deg=74.0) as writer:
        for sample in one_of_each():
            writer.write(sample)
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    names = {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()}
    assert names == {
        "/rgb": "foxglove.CompressedImage",
        "/depth": "foxglove.RawImage",
        "/depth/calibration": "foxglove.CameraCalibration",
        "/audio": "foxglove.RawAudio",
    }
    assert {index.compression for index in summary.chunk_indexes} == {"zstd"}


def record_in_vain(path: Path) -> None:
    with RecordingWriter(path) as writer:
        writer.write(one_of_each()[2])
        raise RuntimeError("camera gone")


def test_an_error_while_recording_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="camera"):
        record_in_vain(tmp_path / "half.mcap")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_recording_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "room.mcap"
    path.write_bytes(b"earlier")
    with pytest.raises(RuntimeError, match="camera"):
        record_in_vain(path)
    with RecordingWriter(path) as writer:
        writer.write(one_of_each()[2])
        assert path.read_bytes() == b"earlier"
    assert Recording(path).streams == {Stream.AUDIO}


def test_an_unwritable_place_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere.*choose"):
        RecordingWriter(tmp_path / "nowhere" / "a.mcap").__enter__()


def test_what_a_crash_left_behind_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "room.mcap.part").write_bytes(b"half")
    with RecordingWriter(tmp_path / "room.mcap") as writer:
        writer.write(one_of_each()[1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["room.mcap"]
    (sample,) = Recording(tmp_path / "room.mcap").samples()
    assert (sample.data == 65_535).all()


def test_the_calibration_is_written_once_and_before_the_depth(tmp_path: Path) -> None:
    path = tmp_path / "room.mcap"
    with RecordingWriter(path, depth_hfov_deg=60.0) as writer:
        for t_ns in (10, 20, 30):
            writer.depth(t_ns, np.ones((4, 6), np.uint16))
    recording = Recording(path)
    assert recording.depth_hfov_deg == pytest.approx(60.0)
    assert [sample.t_ns for sample in recording.samples()] == [10, 20, 30]


def test_a_name_taken_by_a_directory_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "room.mcap").mkdir()
    with (
        pytest.raises(StoreError, match=r"cannot write .*room\.mcap"),
        RecordingWriter(tmp_path / "room.mcap") as writer,
    ):
        writer.write(one_of_each()[2])
