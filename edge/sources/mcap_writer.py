"""Write a recording: zstd MCAP with Foxglove's schemas, so that any MCAP tool opens it.

Topics: ``/rgb`` CompressedImage (JPEG), ``/depth`` RawImage (16UC1, mm), ``/depth/calibration``
CameraCalibration, ``/audio`` RawAudio (pcm-s16, 16 kHz mono). Log time is capture time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import radians, tan
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.values import AUDIO_RATE_HZ, Sample, Stream

if TYPE_CHECKING:
    from foxglove.messages import CameraCalibration, Timestamp

MAGIC = b"\x89MCAP0\r\n"
METADATA_NAME = "gatehouse"
DEFAULT_QUALITY = 85
_ZSTD_LEVEL = 9  # depth shrinks by a tenth against the default 3, for 1 ms a frame


class RecordingWriter:
    """A recording under construction; a context manager.

    The file gets its name only when the block ends without an error; until then it is
    ``<name>.part``, which an error removes and a crash leaves behind, so that whoever finds a file
    under the final name finds a whole one. Raises: StoreError when it cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        depth_hfov_deg: float | None = None,
        metadata: Mapping[str, str] | None = None,
        keep_cut: bool = False,
    ) -> None:
        """depth_hfov_deg: horizontal field of view of the depth picture; None: what samples say.

        keep_cut: after an error, too, leave ``<name>.part`` for ``mcap_repair``
        """
        self._path = Path(path)
        self._part = part_of(self._path)
        self._depth_hfov_deg = depth_hfov_deg
        self._metadata = dict(metadata or {})
        self._keep_cut = keep_cut
        self._calibrated = False

    def __enter__(self) -> RecordingWriter:
        import foxglove
        from foxglove import channels
        from foxglove.mcap import MCAPCompression, MCAPWriteOptions

        # One thread: the bytes then depend on the content alone, not on the number of cores.
        options = MCAPWriteOptions(
            compression=MCAPCompression.Zstd,
            compression_level=_ZSTD_LEVEL,
            compression_threads=0,
        )
        context = self._context = foxglove.Context()  # kept: channels close when it goes
        try:
            self._writer = foxglove.open_mcap(
                self._part, allow_overwrite=True, context=context, writer_options=options
            )
        except (OSError, RuntimeError) as error:
            raise StoreError(f"cannot write {self._path}: {error}; choose another place") from error
        self._rgb = channels.CompressedImageChannel("/rgb", context=context)
        self._depth = channels.RawImageChannel("/depth", context=context)
        self._calibration = channels.CameraCalibrationChannel("/depth/calibration", context=context)
        self._audio = channels.RawAudioChannel("/audio", context=context)
        self._writer.write_metadata(METADATA_NAME, self._metadata)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
            if kind is None:
                self._publish()
        except (OSError, RuntimeError) as failed:
            if kind is None:
                reason = f"cannot write {self._path}: {failed}; is the disk full?"
                raise StoreError(reason) from failed
        finally:
            if not self._keep_cut:
                self._part.unlink(missing_ok=True)

    def flush(self) -> None:
        """Put everything so far on disk: of a crash after this, it survives in ``<name>.part``.

        Raises: StoreError, also for writes that failed since the last time.
        """
        try:
            self._writer.flush()
        except (OSError, RuntimeError) as error:
            rest = f"; save what is whole: gatehouse import {self._part}" if self._keep_cut else ""
            problem = f"cannot write {self._path}: {error}; is the disk full?{rest}"
            raise StoreError(problem) from error

    def rgb(self, t_ns: int, frame: NDArray[np.uint8], quality: int = DEFAULT_QUALITY) -> None:
        """frame: (H, W, 3) sRGB; stored as JPEG of ``quality`` (1..100), which is lossy."""
        import cv2
        from foxglove.messages import CompressedImage

        bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        message = CompressedImage(
            timestamp=_timestamp(t_ns), frame_id="rgb", data=jpeg.tobytes(), format="jpeg"
        )
        self._rgb.log(message, log_time=t_ns)

    def depth(self, t_ns: int, depth_mm: NDArray[np.uint16], hfov_deg: float | None = None) -> None:
        """depth_mm: (H, W), 0 = no return; stored without loss.

        hfov_deg: calibrates the recording when its maker did not
        """
        from foxglove.messages import RawImage

        height, width = depth_mm.shape
        stamp = _timestamp(t_ns)
        hfov_deg = self._depth_hfov_deg or hfov_deg
        if not self._calibrated and hfov_deg is not None:
            message = _calibration(stamp, width, height, hfov_deg)
            self._calibration.log(message, log_time=t_ns)
            self._calibrated = True
        image = RawImage(
            timestamp=stamp,
            frame_id="depth",
            width=width,
            height=height,
            encoding="16UC1",
            step=2 * width,
            data=depth_mm.astype("<u2").tobytes(),
        )
        self._depth.log(image, log_time=t_ns)

    def audio(self, t_ns: int, pcm: NDArray[np.int16]) -> None:
        """pcm: (N,) at 16 kHz; t_ns: capture time of the first sample; stored without loss."""
        from foxglove.messages import RawAudio

        message = RawAudio(
            timestamp=_timestamp(t_ns),
            data=pcm.astype("<i2").tobytes(),
            format="pcm-s16",
            sample_rate=AUDIO_RATE_HZ,
            number_of_channels=1,
        )
        self._audio.log(message, log_time=t_ns)

    def write(self, sample: Sample) -> None:
        """Store one sample, whatever its stream."""
        if sample.stream is Stream.DEPTH:
            self.depth(sample.t_ns, sample.data, sample.depth_hfov_deg)
        elif sample.stream is Stream.RGB:
            self.rgb(sample.t_ns, sample.data)
        else:
            self.audio(sample.t_ns, sample.data)

    def _publish(self) -> None:
        # The library reports a failed write only in its log, so look for the end mark ourselves.
        with self._part.open("rb") as file:
            file.seek(-len(MAGIC), os.SEEK_END)
            if file.read() != MAGIC:
                raise OSError("the file has no end")
            os.fsync(file.fileno())
        os.replace(self._part, self._path)


def part_of(path: Path) -> Path:
    """Where a recording is until it is whole."""
    return path.with_name(path.name + ".part")


def _timestamp(t_ns: int) -> Timestamp:
    from foxglove.messages import Timestamp

    return Timestamp(*divmod(t_ns, 1_000_000_000))


def _calibration(stamp: Timestamp, width: int, height: int, hfov_deg: float) -> CameraCalibration:
    """Describe a pinhole with square pixels and its axis in the middle."""
    from foxglove.messages import CameraCalibration

    focal = width / 2 / tan(radians(hfov_deg) / 2)
    cx, cy = width / 2, height / 2
    return CameraCalibration(
        timestamp=stamp,
        frame_id="depth",
        width=width,
        height=height,
        K=[focal, 0, cx, 0, focal, cy, 0, 0, 1],
        R=[1, 0, 0, 0, 1, 0, 0, 0, 1],
        P=[focal, 0, cx, 0, 0, focal, cy, 0, 0, 0, 1, 0],
    )
