from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError, MediaError, MissingFileError
from edge.sources import gst as core
from edge.sources.gstreamer import GreyDepthFile, MediaFile
from edge.values import Sample, Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

S = 1_000_000_000
VIDEO = "videotestsrc num-buffers={n} ! video/x-raw,width={w},height={h},framerate={fps}/1"
TONE = "audiotestsrc num-buffers={n} samplesperbuffer=441 ! audio/x-raw,rate=44100,channels=2"

Launch = Callable[..., Path]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Run a pipeline to its end; the file it wrote. Elements in ``needs`` may be missing: skip."""

    def run(name: str, description: str) -> Path:
        path = tmp_path / name
        words = description.replace("!", " ").split()
        for element in (word for word in words if "=" not in word and "/" not in word):
            if not element.endswith(".") and GST.ElementFactory.find(element) is None:
                pytest.skip(f"GStreamer has no {element} here")
        with core.opened(GST, f'{description} ! filesink location="{path}"') as pipeline:
            pipeline.play()
            message = pipeline.bus.timed_pop_filtered(20 * S, GST.MessageType.EOS)
            assert message is not None
        return path

    return run


def video(n: int = 30, w: int = 320, h: int = 240, fps: int = 15) -> str:
    return VIDEO.format(n=n, w=w, h=h, fps=fps)


def both(launch: Launch) -> Path:
    """2 s of pictures and sound in one file."""
    mux = "avimux name=mux ! identity"
    tone = TONE.format(n=200) + " ! queue ! mux."
    return launch("both.avi", f"{video()} ! jpegenc ! queue ! mux. {tone} {mux}")


def read(path: Path) -> list[Sample]:
    return list(MediaFile(path).samples())


def test_pictures_and_sound_come_in_order_of_capture_time(launch: Launch) -> None:
    path = both(launch)
    assert MediaFile(path).streams == {Stream.RGB, Stream.AUDIO}
    samples = read(path)
    times = [sample.t_ns for sample in samples]
    assert times == sorted(times)
    pictures = [sample for sample in samples if sample.stream is Stream.RGB]
    assert len(pictures) == 30
    assert all(p.data.shape == (240, 320, 3) and p.data.dtype == np.uint8 for p in pictures)
    assert [round(p.t_ns * 15 / S) for p in pictures] == list(range(30))


def test_sound_is_16_khz_mono_without_gaps(launch: Launch) -> None:
    chunks = [s for s in read(both(launch)) if s.stream is Stream.AUDIO]
    assert all(chunk.data.dtype == np.int16 and chunk.data.ndim == 1 for chunk in chunks)
    assert sum(len(chunk.data) for chunk in chunks) == pytest.approx(32_000, abs=32)
    position = 0
    for chunk in chunks:
        assert abs(chunk.t_ns - position * S / 16_000) < S / 1_000
        position += len(chunk.data)
    sound = np.concatenate([chunk.data for chunk in chunks])
    spectrum = np.abs(np.fft.rfft(sound[:16_000]))
    assert int(spectrum.argmax()) == 440


def test_two_readings_are_the_same_bits(launch: Launch) -> None:
    path = both(launch)
    one, other = read(path), read(path)
    assert [(s.stream, s.t_ns, s.data.tobytes()) for s in one] == [
        (s.stream, s.t_ns, s.data.tobytes()) for s in other
    ]
    assert MediaFile(path).digest == MediaFile(path).digest


def test_a_reading_may_be_left_early(launch: Launch) -> None:
    samples = MediaFile(both(launch)).samples()
    first = next(samples)
    samples.close()  # type: ignore[attr-defined]
    assert first.t_ns == 0


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("a.wav", "wavenc"),
        ("a.ogg", "audioconvert ! vorbisenc ! oggmux"),
        ("a.flac", "audioconvert ! flacenc"),
        ("a.mp3", "audioconvert ! lamemp3enc"),
    ],
)
def test_a_sound_file_offers_only_sound(launch: Launch, name: str, encode: str) -> None:
    path = launch(name, f"{TONE.format(n=100)} ! {encode}")
    assert MediaFile(path).streams == {Stream.AUDIO}
    length = sum(len(sample.data) for sample in read(path))
    assert length == pytest.approx(16_000, abs=2_000)  # mp3 pads


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(1280, 720, (360, 640, 3)), (360, 720, (640, 320, 3)), (425, 240, (240, 425, 3))],
)
def test_large_pictures_are_shrunk_without_distortion(
    launch: Launch, width: int, height: int, shape: tuple[int, ...]
) -> None:
    path = launch("v.avi", f"{video(2, width, height)} ! jpegenc ! avimux")
    assert [sample.data.shape for sample in read(path)] == [shape] * 2


@pytest.mark.parametrize(("name", "encoder"), [("p.jpg", "jpegenc"), ("p.png", "pngenc")])
def test_a_single_picture_is_one_sample(launch: Launch, name: str, encoder: str) -> None:
    samples = read(launch(name, f"{video(1)} ! {encoder}"))
    assert [(sample.stream, sample.t_ns) for sample in samples] == [(Stream.RGB, 0)]


def test_grey_depth_is_decoded_by_the_given_coding(launch: Launch) -> None:
    grey = f"{video(3)},format=GRAY8".replace("videotestsrc", "videotestsrc pattern=white")
    path = launch("d.mkv", f"{grey} ! matroskamux")
    source = GreyDepthFile(path, lambda g: g.astype(np.uint16) * 10)
    assert source.streams == {Stream.DEPTH}
    samples = list(source.samples())
    assert [round(sample.t_ns * 15 / S) for sample in samples] == [0, 1, 2]
    assert samples[0].data.shape == (240, 320)
    assert samples[0].data.dtype == np.uint16
    assert (samples[0].data == 2_350).all()  # the test picture's white is 235


def test_sound_is_no_depth(launch: Launch) -> None:
    path = launch("a.wav", f"{TONE.format(n=10)} ! wavenc")
    with pytest.raises(MediaError, match=r"a\.wav: has no pictures"):
        GreyDepthFile(path, lambda grey: grey.astype(np.uint16))


@pytest.mark.parametrize(
    "content", [b"room: kitchen\n" * 40, bytes(50_000), bytes(range(256)) * 30, b"\x00"]
)
def test_what_is_not_media_is_refused_by_name_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"wrong\.mp4: .*; ") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_an_empty_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError, match=r"empty\.mp4: empty file"):
        MediaFile(tmp_path / "empty.mp4")
    with pytest.raises(MissingFileError, match=r"none\.mp4: No such file"):
        MediaFile(tmp_path / "none.mp4")
    with pytest.raises(MissingFileError, match="directory"):
        MediaFile(tmp_path)


def test_an_mp4_cut_before_its_index_is_damaged(launch: Launch) -> None:
    path = launch("v.mp4", f"{video()} ! jpegenc ! qtmux")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError, match=r"v\.mp4: not media, or damaged"):
        read(path)


def test_a_wav_cut_short_plays_as_far_as_it_goes(launch: Launch) -> None:
    path = launch("a.wav", f"{TONE.format(n=100)} ! wavenc")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert sum(len(sample.data) for sample in read(path)) == pytest.approx(8_000, abs=100)


def test_importing_the_sources_loads_no_binding() -> None:
    code = (
        "import sys, edge.sources.gstreamer, edge.sources.webcam; "
        "sys.exit(bool({'gi', 'cv2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
