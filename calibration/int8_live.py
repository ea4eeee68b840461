"""INT8 on site: the runtime's own pipeline runs, and its encoders count what passes inside them.

Of pictures and sounds nothing but histograms and a few sums is kept, in memory or on disk. First
ranges are watched, then FP32 and INT8 are compared on what comes next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from calibration.int8_clips import Sample
from calibration.rooms import CountingEncoder, Rooms
from edge.clock import SystemClock
from edge.errors import MediaError
from edge.models import ModelStore
from edge.settings import Settings
from edge.vocabulary import MODALITIES, Modality
from engines.quantize.histogram import read_histograms, write_histograms
from engines.quantize.recipe import Original, Quantised, Trial, Watch, candidates
from engines.training.bars import Bars

CHECK_SHARE = 0.25
SAVE_S = 60.0


def quantise_live(
    settings: Settings,
    store: ModelStore,
    originals: Mapping[Modality, Original],
    methods: Sequence[str],
    seconds: float,
    always: Mapping[Modality, Sample],
    work: Path,
    bars: Bars,
) -> list[Quantised]:
    """Watch, then compare.  Raises: MediaError when a sensor showed nothing; SourceError.

    always: what is counted and compared as well, for nobody may fall while it watches
    The counts stay in ``work`` until ``forget``: what was refused can be watched for longer.
    """
    rooms = Rooms(settings, store, SystemClock())
    seen = _watched(rooms, originals, seconds, always, work, bars)
    trials = {
        m: Trial(original, candidates(original, seen[m].seen, methods))
        for m, original in originals.items()
    }
    for m, trial in trials.items():
        for batch in always[m].checks:
            trial.run(batch)
    counters = {m: CountingEncoder(m, trial.run) for m, trial in trials.items()}
    check_s = CHECK_SHARE * seconds
    rooms.watch(counters, check_s, lambda at: bars.show("comparing, s", int(at), int(check_s)))
    _need_all(counters)
    return [trial.best() for trial in trials.values()]


def forget(work: Path, modalities: Iterable[Modality]) -> None:
    """The next run begins anew."""
    for m in modalities:
        _path(work, m).unlink(missing_ok=True)


def _watched(
    rooms: Rooms,
    originals: Mapping[Modality, Original],
    seconds: float,
    always: Mapping[Modality, Sample],
    work: Path,
    bars: Bars,
) -> dict[Modality, Watch]:
    """Counts of ``seconds`` in all: those of an interrupted run are gone on with."""
    before = {m: read_histograms(_path(work, m), _digest(o)) for m, o in originals.items()}
    done_s = min(found_s for _, found_s in before.values())
    watches = {m: Watch(o, before[m][0] if done_s else None) for m, o in originals.items()}
    if not done_s:
        _count(watches, always)
    counters = {m: CountingEncoder(m, watch.run) for m, watch in watches.items()}
    saved_s = at_s = done_s

    def save() -> None:
        for m, watch in watches.items():
            if done_s or counters[m].frames:  # else it is no sensor that was watched
                write_histograms(_path(work, m), watch.seen, _digest(originals[m]), at_s)

    def told(passed: float) -> None:
        nonlocal saved_s, at_s
        at_s = done_s + passed
        bars.show("watching, s", int(at_s), int(seconds))
        if at_s - saved_s >= SAVE_S:
            save()
            saved_s = at_s

    try:
        rooms.watch(counters, seconds - done_s, told)
    finally:
        save()
    if not done_s:
        _need_all(counters)
    return watches


def _count(watches: Mapping[Modality, Watch], samples: Mapping[Modality, Sample]) -> None:
    for m, watch in watches.items():
        for batch in samples[m].ranges:
            watch.run(batch)


def _need_all(counters: Mapping[Modality, CountingEncoder]) -> None:
    silent = [m.value for m in MODALITIES if m in counters and not counters[m].frames]
    if silent:
        raise MediaError(
            f"no usable {', '.join(silent)} came while watching; check that sensor, watch longer "
            "with --minutes, or leave it out with --modalities"
        )


def _digest(original: Original) -> str:
    return sha256(original.fp32).hexdigest()


def _path(work: Path, modality: Modality) -> Path:
    return work / f"{modality.value}.npz"
