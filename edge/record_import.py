"""``gatehouse import``: a file that replay can read becomes a recording; no sensor is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edge.compose import open_file
from edge.errors import MediaError, StoreError
from edge.record import Progress
from edge.record_grid import Thinner
from edge.sources.mcap_repair import is_cut, repair
from edge.sources.mcap_writer import RecordingWriter
from edge.sources.recording import Recording, is_recording
from edge.values import Sample, Stream

TELL_EVERY = 64


def import_file(
    path: Path, directory: Path | None, told: Callable[[Progress], None]
) -> tuple[Path, Progress]:
    """Write the recording of a file; returns where it is and what it holds.

    directory: None: that of the file   Raises: MissingFileError, MediaError, StoreError.
    """
    target = _target(path, directory)
    if target.exists():
        raise StoreError(f"{target} exists; move it, or choose another place: --to DIR")
    if is_cut(path):
        repair(path, target)
        return target, _content(Recording(target))
    if is_recording(path):
        raise MediaError(f"{path}: is a whole recording already; use it: gatehouse replay {path}")
    return target, _convert(path, target, told)


def _target(path: Path, directory: Path | None) -> Path:
    name = path.name.removesuffix(".part").removesuffix(".mcap")
    stem = name if path.suffix in (".part", ".mcap") else path.stem
    target = (directory or path.parent) / f"{stem}.mcap"
    return target if target != path else target.with_name(f"{stem}.whole.mcap")


def _convert(path: Path, target: Path, told: Callable[[Progress], None]) -> Progress:
    thinner, written = Thinner(), Counter[Stream]()
    first_ns: int | None = None
    last_ns = 0

    def keep(writer: RecordingWriter, samples: list[Sample]) -> None:
        for sample in samples:
            writer.write(sample)
            written[sample.stream] += 1

    source = open_file(path)
    with RecordingWriter(target) as writer:
        for number, sample in enumerate(source.samples()):
            first_ns = sample.t_ns if first_ns is None else first_ns
            last_ns = max(last_ns, sample.t_ns)
            keep(writer, thinner.push(sample))
            if number % TELL_EVERY == 0:
                told(Progress((last_ns - first_ns) / 1e9, dict(written), 0))
        keep(writer, thinner.flush())
    return Progress((last_ns - (first_ns or 0)) / 1e9, dict(written), 0)


def _content(recording: Recording) -> Progress:
    written = Counter(sample.stream for sample in recording.samples())
    return Progress(recording.duration_ns / 1e9, dict(written), 0)
