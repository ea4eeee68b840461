"""What one training process does: its streams one after another, with notes to the main one."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from queue import Queue

from edge.vocabulary import Modality
from engines.training.artefacts import read_record, write_stream
from engines.training.audio import AudioSettings, pool_patches, sound_windows, train_audio
from engines.training.cache import Clip
from engines.training.clips import is_plain, may_be_heard
from engines.training.finetune import FinetuneSettings, Report, TrainedStream, finetune
from engines.training.labels import Label
from engines.training.spoilers import NO_DEPTH

RESUME_DIR = "unfinished"


@dataclass(frozen=True, slots=True)
class Note:
    """Progress of one task, for the bars."""

    task: str
    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One process's work."""

    streams: Sequence[FinetuneSettings]
    audio: AudioSettings | None
    train: Sequence[Clip]
    held_out: Sequence[Clip]
    work: Path
    artefacts: Path


def run_lane(lane: Lane, notes: Queue[Note]) -> dict[str, dict[str, float]]:
    """Train the streams that are not trained yet with these settings; returns facts by modality.

    Each leaves its artefacts as soon as it is trained.
    """
    import cv2

    cv2.setNumThreads(1)
    logging.basicConfig(
        filename=lane.work / "training.log",
        level=logging.INFO,
        format="%(asctime)s %(process)d %(message)s",
    )
    facts = {}
    for settings in lane.streams:
        facts[settings.modality.value] = _picture_stream(lane, settings, notes)
    if lane.audio is not None:
        facts[Modality.AUDIO.value] = _audio(lane, lane.audio, notes)
    for name, found in facts.items():
        logging.getLogger(__name__).info("%s: %s", name, found)
    return facts


def _picture_stream(lane: Lane, settings: FinetuneSettings, notes: Queue[Note]) -> dict[str, float]:
    modality = settings.modality
    clips = [
        c for c in lane.train if c.spoiled in (None, NO_DEPTH) and c.row.dataset in settings.shares
    ]
    key = work_key(settings, clips)
    found = _finished(lane.artefacts, modality, key)
    if found is not None:
        return found
    name = sha256(key.encode()).hexdigest()[:12]
    kept = lane.work / RESUME_DIR / f"{modality.value}-{name}.pt"
    report = _reporter(modality.value, notes)
    if settings.refine:
        trained = in_two_rounds(clips, lane.held_out, settings, kept, report)
    else:
        trained = finetune(clips, lane.held_out, settings, kept, report)
    record = {"key": key, "seed": settings.seed, "facts": trained.facts}
    write_stream(lane.artefacts, trained.encoder, trained.head, record)
    kept.unlink(missing_ok=True)
    return trained.facts


def in_two_rounds(
    clips: Sequence[Clip],
    held_out: Sequence[Clip],
    settings: FinetuneSettings,
    kept: Path,
    report: Report,
) -> TrainedStream:
    """First single actions, then stories and plain cameras as well.

    All at once, a network that starts from nothing learned the single actions less well.
    """
    basic, share = [c for c in clips if is_plain(c)], settings.refine / settings.steps
    minutes = settings.minutes / (1 + share)
    first = finetune(basic, held_out, replace(settings, minutes=minutes), kept, report)
    second = replace(
        settings,
        steps=settings.refine,
        minutes=settings.minutes - minutes,
        backbone_rate=settings.backbone_rate / 2,
        head_rate=settings.head_rate / 2,
        seed=settings.seed + 1,
    )
    again = kept.with_name(f"{kept.stem}-refined.pt")
    trained = finetune(clips, held_out, second, again, report, first)
    again.unlink(missing_ok=True)
    before = {f"first_{name}": value for name, value in first.facts.items()}
    return replace(trained, facts={**before, **trained.facts})


def _audio(lane: Lane, settings: AudioSettings, notes: Queue[Note]) -> dict[str, float]:
    clips = [c for c in lane.train if c.spoiled in (None, "noisy_sound") and may_be_heard(c)]
    key = work_key(settings, clips)
    found = _finished(lane.artefacts, Modality.AUDIO, key)
    if found is not None:
        return found
    held_out = [c for c in lane.held_out if not c.spoiled and may_be_heard(c)]
    report = _reporter("yamnet", notes)
    train, unseen = (
        sound_windows(some, pool_patches(some, lane.work / "pooled", report))
        for some in (clips, held_out)
    )
    trained = train_audio(train, settings, _reporter("audio", notes), unseen)
    record = {"key": key, "seed": settings.seed, "facts": trained.facts}
    write_stream(lane.artefacts, trained.encoder, trained.head, record)
    return trained.facts


def work_key(settings: FinetuneSettings | AudioSettings, clips: Sequence[Clip]) -> str:
    """Name a training after its settings and what it learns from.

    The minutes left are not part of it: they differ whenever an interrupted run goes on.
    """
    chosen = {name: value for name, value in asdict(settings).items() if name != "minutes"}
    told = sorted(f"{c.row.dataset}|{c.row.name}|{c.spoiled}|{_plain(c.label)}" for c in clips)
    digest = sha256("\n".join(told).encode()).hexdigest()
    return json.dumps({**chosen, "clips": digest}, sort_keys=True)


def _plain(label: Label) -> str:
    """The same in every process, which a set's own order is not."""
    sounds = None if label.sounds is None else sorted(label.sounds)
    return f"{sorted(label.allowed)} {label.contains} {sounds} {sorted(label.unsure)}"


def _reporter(task: str, notes: Queue[Note]) -> Report:
    def report(done: int, total: int, loss: float) -> None:
        if done % 10 == 0 or done == total:
            notes.put(Note(task, done, total, loss))
        if done % 100 == 0 or done == total:
            logging.getLogger(__name__).info("%s %d/%d loss %.4f", task, done, total, loss)

    return report


def _finished(artefacts: Path, modality: Modality, key: str) -> dict[str, float] | None:
    record = read_record(artefacts, modality)
    facts: dict[str, float] | None = record["facts"] if record and record["key"] == key else None
    return facts
