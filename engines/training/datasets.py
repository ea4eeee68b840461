"""Opens any row of a manifest as the runtime would, and cuts it into encoder inputs.

Depth clips are grey pictures; their codings are those of facts about the sets: UTD-MHAD grey =
1 + 254 * clip((mm - 1900) / 2200), MSR Action3D grey = 1 + 254 * clip((raw - 250) / 400). The unit
of MSR's raw values is not documented; they are taken as they are, so its distances are not metric.
Grey 0 is no reading in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.compose import make_window, open_file
from edge.errors import MediaError
from edge.pipeline import audio_reason, tensor_of
from edge.preprocess.finder import PersonFinder
from edge.preprocess.frames import FrameInputs, FramePreprocessor
from edge.settings import WindowSettings
from edge.signals import audio_cues
from edge.stages import Source
from edge.values import F32, PATCH_SAMPLES, Mask, Step, Tick
from edge.vocabulary import Modality
from engines.training.manifest import Row

VIDEO = (Modality.RGB, Modality.FLOW, Modality.DEPTH)
Spoiler = Callable[["Step | Tick"], "Step | Tick"]


def utd_mhad_mm(grey: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Kinect v2 millimetres of UTD-MHAD's coding."""
    return _linear(grey, 1900.0, 2200.0)


def msr_action3d_mm(grey: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Raw values of MSR Action3D's coding, taken as if they were millimetres."""
    return _linear(grey, 250.0, 400.0)


def _linear(grey: NDArray[np.uint8], low: float, width: float) -> NDArray[np.uint16]:
    values = low + width * (grey.astype(np.float32) - 1) / 254
    return np.where(grey == 0, 0, np.rint(values)).astype(np.uint16)


GREY_DEPTH: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint16]]] = {
    "utd_mhad": utd_mhad_mm,
    "msr_action3d": msr_action3d_mm,
}


def open_row(row: Row) -> Source:
    """The source of a clip: a recording, a film, or grey depth in its set's coding.

    Raises: MissingFileError, MediaError.
    """
    if row.modalities != "depth" or row.path.suffix == ".mcap":
        return open_file(row.path)
    if row.dataset not in GREY_DEPTH:
        raise MediaError(
            f"{row.path}: the grey depth of data set {row.dataset!r} has a coding that is not "
            f"known here; name one of {', '.join(GREY_DEPTH)}, or convert it to .mcap"
        )
    from edge.sources.gstreamer import GreyDepthFile

    return GreyDepthFile(row.path, GREY_DEPTH[row.dataset])


def grid_items(source: Source) -> Iterator[Step | Tick]:
    """What the runtime's synchroniser makes of a source, to the last deciding tick."""
    grid = make_window(source.streams, WindowSettings())
    for sample in source.samples():
        yield from grid.push(sample)
    yield from grid.flush()


@dataclass(frozen=True, slots=True)
class Part:
    """One modality of a clip: only what is there, with its place among frames or ticks."""

    tensors: NDArray[np.generic]  # (n, *input_shape); depth and sound as int16
    places: NDArray[np.int64]  # (n,) index of the frame or tick
    cues: F32  # (n, 2) level and detail


@dataclass(frozen=True, slots=True)
class ClipInputs:
    """Everything the encoders would be given of one clip, decoded and cut once."""

    frames_ns: NDArray[np.int64]  # (N,) capture times of the feature frames, from the clip's start
    ticks_ns: NDArray[np.int64]  # (K,) of the ticks
    decides: Mask  # (K,)
    parts: dict[Modality, Part] = field(default_factory=dict)


STORED_TYPES: dict[Modality, type[np.generic]] = {
    Modality.RGB: np.uint8,
    Modality.FLOW: np.int8,
    Modality.DEPTH: np.int16,  # 32.767 m is farther than any depth camera sees
    Modality.AUDIO: np.int16,
}
AUDIO_FULL_SCALE = 32_768.0


def read_inputs(
    source: Source, spoil: Spoiler | None = None, finder: PersonFinder | None = None
) -> ClipInputs:
    """Run a source through the runtime's own preprocessing.

    spoil: changes grid points and ticks before anything sees them, to make bad weather
    finder: of the people whom the crop is to hold; None leaves it to motion
    """
    frames, ticks = [], []
    preprocess = FramePreprocessor(finder=finder)
    origin_ns = 0
    for item in grid_items(source):
        item = spoil(item) if spoil else item
        if isinstance(item, Tick):
            origin_ns = item.origin_ns
            ticks.append(item)
            continue
        ready = preprocess.push(item)
        if ready is not None:
            frames.append((item.t_ns, ready))
    parts = {m: _video_part(m, [f for _, f in frames]) for m in VIDEO}
    parts[Modality.AUDIO] = _audio_part(ticks)
    return ClipInputs(
        frames_ns=np.array([t - origin_ns for t, _ in frames], np.int64),
        ticks_ns=np.array([t.t_ns - origin_ns for t in ticks], np.int64),
        decides=np.array([t.decides for t in ticks], np.bool_),
        parts={m: part for m, part in parts.items() if len(part.places)},
    )


def _video_part(modality: Modality, frames: list[FrameInputs]) -> Part:
    tensors = [tensor_of(modality, frame) for frame in frames]
    places = [i for i, tensor in enumerate(tensors) if tensor is not None]
    kept = [tensors[i] for i in places]
    cues = [frames[i].cues[modality] for i in places]
    kind = STORED_TYPES[modality]
    limits = np.iinfo(kind)  # type: ignore[type-var]
    return Part(
        np.clip(np.array(kept), limits.min, limits.max).astype(kind),
        np.array(places, np.int64),
        np.array(cues, np.float32).reshape(-1, 2),
    )


def _audio_part(ticks: list[Tick]) -> Part:
    places = [i for i, tick in enumerate(ticks) if audio_reason(tick) is None]
    patches = [tick.audio for i in places if (tick := ticks[i]).audio is not None]
    pcm = np.rint(np.array(patches, np.float32).reshape(-1, PATCH_SAMPLES) * AUDIO_FULL_SCALE)
    return Part(
        np.clip(pcm, -AUDIO_FULL_SCALE, AUDIO_FULL_SCALE - 1).astype(np.int16),
        np.array(places, np.int64),
        np.array([audio_cues(patch) for patch in patches], np.float32).reshape(-1, 2),
    )


def encoder_batch(modality: Modality, tensors: NDArray[np.generic]) -> NDArray[np.generic]:
    """Stored tensors in the type that the encoder takes."""
    if modality is Modality.AUDIO:
        return np.asarray(tensors / np.float32(AUDIO_FULL_SCALE), np.float32)
    return tensors.astype(np.int32) if modality is Modality.DEPTH else tensors


def save_inputs(path: Path, inputs: ClipInputs) -> None:
    """Write a clip's inputs; the file appears whole or not at all."""
    arrays: dict[str, NDArray[np.generic]] = {
        "frames_ns": inputs.frames_ns,
        "ticks_ns": inputs.ticks_ns,
        "decides": inputs.decides,
    }
    for modality, part in inputs.parts.items():
        arrays[f"{modality.value}_tensors"] = part.tensors
        arrays[f"{modality.value}_places"] = part.places
        arrays[f"{modality.value}_cues"] = part.cues
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # stubs mistake names for options
    partial.replace(path)


def load_inputs(path: Path, modalities: frozenset[Modality] | None = None) -> ClipInputs:
    """Read a clip's inputs, only of the modalities named."""
    wanted = frozenset(Modality) if modalities is None else modalities
    with np.load(path) as arrays:
        parts = {
            m: Part(
                arrays[f"{m.value}_tensors"], arrays[f"{m.value}_places"], arrays[f"{m.value}_cues"]
            )
            for m in Modality
            if m in wanted and f"{m.value}_tensors" in arrays
        }
        return ClipInputs(arrays["frames_ns"], arrays["ticks_ns"], arrays["decides"], parts)
