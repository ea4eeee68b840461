"""Windows of one modality's frames as training shows them: whole, at their places in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.values import GRID_HZ, VIDEO_STEPS, Mask
from edge.vocabulary import Modality
from engines.training.augment import augment
from engines.training.cache import Clip, Target, decision_times, target_at
from engines.training.datasets import Part, encoder_batch, load_inputs
from engines.training.sampling import UNKNOWN, balanced_weights, class_name

FRAME_NS = 2 * 1_000_000_000 / GRID_HZ

EARLIER = (0, 3, 6)
"""A stretch of frames is judged at its end and this many steps before: frames cost most."""

LEAST_STEPS = 4


@dataclass(frozen=True, slots=True)
class FrameWindow:
    """One window of one clip: which stored frames it shows, at which slots, and what it shows."""

    clip: int
    frames: tuple[int, ...]
    slots: tuple[int, ...]  # 0 oldest ... VIDEO_STEPS - 1 the present
    target: Target  # at its end
    earlier: tuple[Mask, ...]  # (ACTIONS,) allowed at each of EARLIER; all True: not known


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames of W windows one after another, and where they belong."""

    frames: NDArray[Any]  # (F, *input_shape)
    places: NDArray[np.int64]  # (F, 2) window, slot
    allowed: Mask  # (W, len(EARLIER), ACTIONS)


def frame_windows(
    clips: Sequence[Clip], parts: Sequence[Part | None], every_frames: int
) -> list[FrameWindow]:
    """All windows of clips that have this modality and a label; every n-th frame ends one."""
    windows: list[FrameWindow] = []
    for index, (clip, part) in enumerate(zip(clips, parts, strict=True)):
        if part is not None:
            windows += _of_clip(index, clip, part, every_frames)
    return windows


def _of_clip(index: int, clip: Clip, part: Part, every_frames: int) -> list[FrameWindow]:
    inputs, truth = load_inputs(clip.inputs, frozenset()), clip.truth()
    row_of = {int(place): row for row, place in enumerate(part.places)}
    windows = []
    for t_ns in decision_times(inputs, every_frames if truth is not None else 2 * every_frames):
        target = target_at(clip.label, truth, t_ns / 1e9)
        newest = int(np.searchsorted(inputs.frames_ns, t_ns, side="right")) - 1
        if newest < 0 or class_name(target) == UNKNOWN:
            continue
        late = int((t_ns - inputs.frames_ns[newest]) // FRAME_NS)
        shown = [
            (row_of[place], VIDEO_STEPS - 1 - late - (newest - place))
            for place in range(max(0, newest - VIDEO_STEPS + 1 + late), newest + 1)
            if place in row_of
        ]
        if not shown:
            continue
        frames, slots = zip(*shown, strict=True)
        earlier = []
        for back in EARLIER:
            steps = sum(slot <= VIDEO_STEPS - 1 - back for slot in slots)
            t_s = (t_ns - back * FRAME_NS) / 1e9
            known = target if back == 0 else target_at(clip.label, truth, t_s)
            enough = back == 0 or (steps >= LEAST_STEPS and t_s >= 1.0)
            earlier.append(known.allowed if enough else np.ones_like(known.allowed))
        windows.append(FrameWindow(index, frames, slots, target, tuple(earlier)))
    return windows


class Stream:
    """The clips of one modality in memory, and batches of their windows."""

    def __init__(
        self,
        clips: Sequence[Clip],
        modality: Modality,
        shares: Mapping[str, float],
        every_frames: int,
        shown: int = VIDEO_STEPS,
    ) -> None:
        """shown: frames of a window in one training step, its last and others at random:
        neighbours look alike, and sensors do lose frames
        """
        self._modality, self._shown = modality, shown
        self._parts = [load_inputs(c.inputs, frozenset({modality})).parts.get(modality)
                       for c in clips]  # fmt: skip
        self.windows = frame_windows(clips, self._parts, every_frames)
        owners = [clips[w.clip] for w in self.windows]
        self.weights = balanced_weights(owners, [w.target for w in self.windows], shares)

    def batch(self, chosen: Sequence[int], rng: np.random.Generator | None) -> Batch:
        """The chosen windows; disturbed as sensors are when ``rng`` is given."""
        frames, places = [], []
        for row, index in enumerate(chosen):
            window = self.windows[index]
            part = self._parts[window.clip]
            if part is None:
                continue
            count = len(window.frames)
            kept = list(range(count)) if rng is None else some(count, self._shown, rng)
            shown = part.tensors[[window.frames[i] for i in kept]]
            frames.append(shown if rng is None else augment(self._modality, shown, rng))
            places += [(row, window.slots[i]) for i in kept]
        allowed = np.stack([np.stack(self.windows[i].earlier) for i in chosen])
        tensors = encoder_batch(self._modality, np.concatenate(frames))
        return Batch(tensors, np.array(places, np.int64), allowed)


def some(count: int, shown: int, rng: np.random.Generator) -> list[int]:
    """The last of ``count`` frames and up to ``shown`` - 1 others, in order."""
    others = rng.permutation(count - 1)[: shown - 1]
    return sorted([*(int(i) for i in others), count - 1])
