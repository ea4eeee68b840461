from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import MediaError, MissingFileError
from edge.sources.recording import Recording, RecordingWriter, is_recording
from edge.values import Sample, Stream

pytest.importorskip("foxglove", reason="needs foxglove-sdk")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
foxglove_messages = pytest.importorskip("foxglove.messages", reason="needs foxglove-sdk >= 0.30")

FRAME_NS = 66_666_667


def a_few_samples() -> list[Sample]:
    rng = np.random.default_rng(3)
    samples = []
    for i in range(6):
        smooth = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), np.uint8), (9, 9), 4)
        depth = rng.integers(0, 65_536, (24, 32)).astype(np.uint16)
        sound = rng.integers(-32_768, 32_768, 1_600).astype(np.int16)
        samples.append(Sample(Stream.RGB, i * FRAME_NS, smooth))
        samples.append(Sample(Stream.DEPTH, i * FRAME_NS + 1_000, depth))
        samples.append(Sample(Stream.AUDIO, i * 100_000_000, sound))
    return samples


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "room.mcap"
    with RecordingWriter(path, depth_hfov_deg=74.0, metadata={"seed": "7"}) as writer:
        for sample in a_few_samples():
            writer.write(sample)
    return path


def of(samples: list[Sample], stream: Stream) -> list[Sample]:
    return [s for s in samples if s.stream is stream]


def test_depth_and_sound_come_back_bit_exact(recorded: Path) -> None:
    back = list(Recording(recorded).samples())
    for stream in (Stream.DEPTH, Stream.AUDIO):
        for before, after in zip(of(a_few_samples(), stream), of(back, stream), strict=True):
            assert after.t_ns == before.t_ns
            assert after.data.dtype == before.data.dtype
            np.testing.assert_array_equal(after.data, before.data)


def test_pictures_come_back_nearly_as_they_were(recorded: Path) -> None:
    back = of(list(Recording(recorded).samples()), Stream.RGB)
    for before, after in zip(of(a_few_samples(), Stream.RGB), back, strict=True):
        assert after.data.dtype == np.uint8
        error = np.abs(after.data.astype(int) - before.data.astype(int)).mean()
        assert error < 6


def test_red_stays_red(tmp_path: Path) -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 250
    with RecordingWriter(tmp_path / "red.mcap") as writer:
        writer.rgb(0, red)
    (sample,) = Recording(tmp_path / "red.mcap").samples()
    assert sample.data[..., 0].min() > 230
    assert sample.data[..., 1:].max() < 20


def test_samples_come_in_order_of_capture_time_however_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "shuffled.mcap"
    samples = a_few_samples()
    with RecordingWriter(path) as writer:
        for i in np.random.default_rng(0).permutation(len(samples)):
            writer.write(samples[i])
    times = [s.t_ns for s in Recording(path).samples()]
    assert times == sorted(s.t_ns for s in samples)


def test_it_knows_its_streams_duration_calibration_and_metadata(recorded: Path) -> None:
    recording = Recording(recorded)
    assert recording.streams == frozenset(Stream)
    assert recording.duration_ns == 500_000_000
    assert recording.depth_hfov_deg == pytest.approx(74.0)
    assert recording.metadata == {"seed": "7"}
    assert is_recording(recorded)


def test_a_stream_without_a_sample_is_not_offered(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "sound.mcap") as writer:
        writer.audio(0, np.zeros(160, np.int16))
    recording = Recording(tmp_path / "sound.mcap")
    assert recording.streams == {Stream.AUDIO}
    assert recording.depth_hfov_deg is None


def test_two_readings_are_identical_and_so_are_two_writings(recorded: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mcap"
    with RecordingWriter(again, depth_hfov_deg=74.0, metadata={"seed": "7"}) as writer:
        for sample in a_few_samples():
            writer.write(sample)
    assert Recording(again).digest == Recording(recorded).digest
    first, second = Recording(recorded).samples(), Recording(again).samples()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gone\.mcap"):
        Recording(tmp_path / "gone.mcap")


def test_a_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="directory"):
        Recording(tmp_path)


@pytest.mark.parametrize("keep", [1, 8, 9, 100, 5_000, -1, -8, -30])
def test_a_truncated_recording_is_refused_on_opening(recorded: Path, keep: int) -> None:
    recorded.write_bytes(recorded.read_bytes()[:keep])
    with pytest.raises(MediaError, match=r"room\.mcap: "):
        Recording(recorded)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"just some text\n", "not an MCAP"),
        (bytes(range(256)) * 40, "not an MCAP"),
        (b"\x89MCAP0\r\n" + b"x" * 400 + b"\x89MCAP0\r\n", "damaged|no summary"),
        (b"\x89MCAP0\r\n\x89MCAP0\r\n", "damaged|no summary"),
    ],
)
def test_what_is_no_recording_is_refused_on_opening(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "odd.mcap"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=complaint) as caught:
        Recording(path)
    assert "\n" not in str(caught.value)


def test_damage_inside_is_a_media_error_and_never_another(recorded: Path) -> None:
    content = recorded.read_bytes()
    rng = np.random.default_rng(1)
    complaints = []
    for position in rng.integers(8, len(content) - 8, 60):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        recorded.write_bytes(damaged)
        try:
            list(Recording(recorded).samples())
        except MediaError as error:
            complaints.append(str(error))
    assert len(complaints) > 30
    assert not any("\n" in complaint for complaint in complaints)


def write_foreign(path: Path, log: Callable[[object], None]) -> None:
    import foxglove

    context = foxglove.Context()
    with foxglove.open_mcap(path, context=context):
        log(context)


@pytest.mark.parametrize(
    ("case", "complaint"),
    [
        ("encoding", "32FC1.*store 16UC1"),
        ("size", "not what it says"),
        ("rate", "8000.*store pcm-s16 at 16000 Hz"),
        ("picture", "cannot be decoded"),
        ("nothing", "no picture, depth or sound"),
    ],
)
def test_foreign_content_it_cannot_use_is_a_media_error(
    tmp_path: Path, case: str, complaint: str
) -> None:
    from foxglove import channels

    m = foxglove_messages

    def log(context: object) -> None:
        if case == "encoding":
            image = m.RawImage(width=2, height=2, encoding="32FC1", step=8, data=b"\0" * 16)
            channels.RawImageChannel("/d", context=context).log(image, log_time=1)
        if case == "size":
            image = m.RawImage(width=9, height=2, encoding="16UC1", step=18, data=b"\0" * 16)
            channels.RawImageChannel("/d", context=context).log(image, log_time=1)
        if case == "rate":
            sound = m.RawAudio(format="pcm-s16", sample_rate=8_000, number_of_channels=1, data=b"")
            channels.RawAudioChannel("/a", context=context).log(sound, log_time=1)
        if case == "picture":
            picture = m.CompressedImage(format="jpeg", data=b"not a jpeg")
            channels.CompressedImageChannel("/p", context=context).log(picture, log_time=1)
        if case == "nothing":
            channels.PoseInFrameChannel("/q", context=context).log(m.PoseInFrame(), log_time=1)

    path = tmp_path / "foreign.mcap"
    write_foreign(path, log)
    with pytest.raises(MediaError, match=rf"foreign\.mcap: .*{complaint}"):
        list(Recording(path).samples())


def test_every_depth_sample_and_no_other_brings_the_field_of_view(recorded: Path) -> None:
    samples = list(Recording(recorded).samples())
    for sample in of(samples, Stream.DEPTH):
        assert sample.depth_hfov_deg == pytest.approx(74.0)
    for stream in (Stream.RGB, Stream.AUDIO):
        assert {sample.depth_hfov_deg for sample in of(samples, stream)} == {None}


@pytest.mark.parametrize(
    ("topic", "seen"),
    [("/room/depth/camera_info", 60.0), ("/room/color/camera_info", None), ("/info", None)],
)
def test_the_calibration_of_another_camera_is_not_taken_for_that_of_depth(
    tmp_path: Path, topic: str, seen: float | None
) -> None:
    foxglove = pytest.importorskip("foxglove", reason="needs foxglove-sdk")
    path, context = tmp_path / "other.mcap", foxglove.Context()
    focal = 16 / math.tan(math.radians(30))
    with foxglove.open_mcap(path, context=context):
        foxglove.channels.CameraCalibrationChannel(topic, context=context).log(
            foxglove.messages.CameraCalibration(
                width=32, height=24, K=[focal, 0, 16, 0, focal, 12, 0, 0, 1]
            ),
            log_time=0,
        )
        foxglove.channels.RawImageChannel("/room/depth/image", context=context).log(
            foxglove.messages.RawImage(
                width=2, height=1, encoding="16UC1", step=4, data=b"\x01\x00\x02\x00"
            ),
            log_time=1,
        )
    (sample,) = Recording(path).samples()
    assert sample.depth_hfov_deg == (pytest.approx(seen) if seen else None)
