"""Features of cached clips by the exported encoders, and the windows that the gate learns from.

The windows are filled by ``edge.features.RoomFeatures``, so slots, validity and cues are the
runtime's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.encoders.engine import EngineEncoder
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS
from edge.features import Entry, RoomFeatures
from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32, FEATURE_DIM, VIDEO_STEPS, Mask
from edge.vocabulary import MODALITIES, Modality
from engines.training.cache import Clip, Target, decision_times, is_current, target_at
from engines.training.datasets import VIDEO, ClipInputs, encoder_batch, load_inputs

BATCH = 16


@dataclass(frozen=True, slots=True)
class GateWindows:
    """What the gate sees, as in edge.values.WindowFeatures, and what is known of it."""

    features: NDArray[np.float16]  # (N, M, VIDEO_STEPS, FEATURE_DIM)
    valid: Mask  # (N, M, VIDEO_STEPS)
    quality: F32  # (N, M, QUALITY_CUES)
    targets: tuple[Target, ...]
    clips: tuple[Clip, ...]


def feature_path(clip: Clip, directory: Path) -> Path:
    """Where a clip's features are kept."""
    return directory / clip.inputs.parent.name / clip.inputs.name


def encode_clips(clips: Sequence[Clip], models: Path, directory: Path) -> int:
    """Encode clips that have no features yet with the ONNX files of ``models``; return how many."""
    backend = OpenVinoBackend(threads=1)
    encoders = {
        m: EngineEncoder(ENCODERS[m], backend.load((models / ENCODERS[m].file).read_bytes()))
        for m in MODALITIES
    }
    fresh = 0
    for clip in clips:
        path = feature_path(clip, directory)
        if is_current(path, clip.inputs):
            continue
        inputs = load_inputs(clip.inputs)
        arrays = {}
        for modality, part in inputs.parts.items():
            rows = [
                encoders[modality].encode(
                    encoder_batch(modality, part.tensors[start : start + BATCH])
                )
                for start in range(0, len(part.tensors), BATCH)
            ]
            arrays[modality.value] = np.concatenate(rows).astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, **arrays)  # type: ignore[arg-type]  # stubs mistake names for options
        partial.replace(path)
        fresh += 1
    return fresh


def gate_windows(clips: Sequence[Clip], directory: Path, every_frames: int = 0) -> GateWindows:
    """All windows of clips; every n-th feature frame also ends one (0: decision ticks alone)."""
    features, valid, quality, targets, owners = [], [], [], [], []
    for clip in clips:
        with np.load(feature_path(clip, directory)) as arrays:
            encoded = {m: arrays[m.value] for m in MODALITIES if m.value in arrays}
        inputs, truth = load_inputs_light(clip), clip.truth()
        every = every_frames if truth is not None else 0
        for t_ns, row in windows_of(inputs, encoded, decision_times(inputs, every)):
            features.append(row[0].astype(np.float16))
            valid.append(row[1])
            quality.append(row[2])
            targets.append(target_at(clip.label, truth, t_ns / 1e9))
            owners.append(clip)
    m = len(MODALITIES)
    return GateWindows(
        np.array(features, np.float16).reshape(-1, m, VIDEO_STEPS, FEATURE_DIM),
        np.array(valid, np.bool_).reshape(-1, m, VIDEO_STEPS),
        np.array(quality, np.float32).reshape(-1, m, len(QUALITY_CUES)),
        tuple(targets),
        tuple(owners),
    )


def load_inputs_light(clip: Clip) -> ClipInputs:
    """Times, places and cues of a clip without its pictures and sounds."""
    from engines.training.datasets import Part

    with np.load(clip.inputs) as arrays:
        parts = {
            m: Part(np.zeros(0), arrays[f"{m.value}_places"], arrays[f"{m.value}_cues"])
            for m in MODALITIES
            if f"{m.value}_places" in arrays
        }
        return ClipInputs(arrays["frames_ns"], arrays["ticks_ns"], arrays["decides"], parts)


def windows_of(
    inputs: ClipInputs, encoded: dict[Modality, NDArray[np.float16]], times_ns: Sequence[int]
) -> list[tuple[int, tuple[F32, Mask, F32]]]:
    """(time, (features, valid, quality)) of each time that has anything; see RoomFeatures."""
    entries = sorted(_entries(inputs, encoded), key=lambda pair: pair[1].t_ns)
    room = RoomFeatures(frozenset(MODALITIES))
    windows, position = [], 0
    for t_ns in times_ns:
        while position < len(entries) and entries[position][1].t_ns <= t_ns:
            room.add(*entries[position], None)
            position += 1
        window = room.window(t_ns)
        if len(window.missing) < len(MODALITIES):
            windows.append((t_ns, (window.features, window.valid, window.quality)))
    return windows


def _entries(
    inputs: ClipInputs, encoded: dict[Modality, NDArray[np.float16]]
) -> list[tuple[Modality, Entry]]:
    entries = []
    for modality in MODALITIES:
        times = inputs.frames_ns if modality in VIDEO else inputs.ticks_ns
        part, features = inputs.parts.get(modality), encoded.get(modality)
        row_of = {} if part is None else {int(p): row for row, p in enumerate(part.places)}
        for place, t_ns in enumerate(times):
            row = row_of.get(place)
            if row is None or part is None or features is None:
                entries.append((modality, Entry(int(t_ns), None, None)))
            else:
                feature = features[row].astype(np.float32)
                entries.append((modality, Entry(int(t_ns), feature, part.cues[row])))
    return entries
