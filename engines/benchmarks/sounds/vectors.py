"""One vector for each recording: what the published YAMNet makes of it, and its plain spectrum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.signals import audio_cues
from edge.values import AUDIO_RATE_HZ, F32
from engines.benchmarks.features import Progress
from engines.benchmarks.items import Workbench
from engines.benchmarks.sounds.waveforms import Recording, audible_starts, patches_at
from engines.models.pretrained import YAMNET_SHA256
from engines.training.cache import is_current

if TYPE_CHECKING:
    from torch import Tensor

HOP = AUDIO_RATE_HZ // 2
MOST_PATCHES = 40
BATCH = 32
RECIPE = "v1"
"""Changes whenever what a vector holds does: vectors are kept in the work folder."""


@dataclass(frozen=True, slots=True)
class Vector:
    """What is kept of one recording."""

    scores_mean: F32  # (521,) YAMNet's logits of the AudioSet classes, over its patches
    scores_max: F32  # (521,)
    spectrum: F32  # (128,) mean and standard deviation of 64 log-mel bands over time
    cues: F32  # (2,) level and detail, see edge.signals.audio_cues

    @property
    def all(self) -> F32:
        """(1170,) class scores, then the spectrum"""
        return np.concatenate([self.scores_mean, self.scores_max, self.spectrum])


def vectors_of(
    recordings: Sequence[Recording], bench: Workbench, progress: Progress
) -> dict[str, Vector]:
    """By clip name; what is in the work folder already is used.  Raises: MissingFileError."""
    key = sha256(f"{RECIPE}|{YAMNET_SHA256}|{HOP}|{MOST_PATCHES}".encode()).hexdigest()[:12]
    folder, found = Path(bench.work) / "sound_vectors" / key, {}
    make: Callable[[F32], Vector] | None = None
    for number, recording in enumerate(recordings):
        path = folder / recording.row.dataset / recording.pcm.with_suffix(".npz").name
        if not is_current(path, recording.pcm):
            make = make or vector_maker()
            _write(path, make(recording.load()))
        with np.load(path) as arrays:
            found[recording.row.name] = Vector(*(arrays[name] for name in Vector.__slots__))
        progress("listen", number + 1, len(recordings))
    return found


def _write(path: Path, vector: Vector) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    arrays: Mapping[str, F32] = {name: getattr(vector, name) for name in Vector.__slots__}
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def vector_maker() -> Callable[[F32], Vector]:
    """The published network with its classifier.  Raises: MissingFileError, ModelError."""
    import torch

    from engines.models.logmel import LogMel
    from engines.models.pretrained import yamnet_state
    from engines.models.yamnet import load_yamnet

    torch.set_num_threads(1)
    state = yamnet_state()
    net, log_mel = load_yamnet(state).eval(), LogMel()
    weight, bias = state["fc.weight"], state["fc.bias"]

    def make(wave: F32) -> Vector:
        patches = patches_at(wave, audible_starts(wave, HOP)[:MOST_PATCHES])
        scores, bands = [], []
        with torch.no_grad():
            for start in range(0, len(patches), BATCH):
                picture: Tensor = log_mel(torch.from_numpy(patches[start : start + BATCH]))
                features = net(picture).mean(dim=(2, 3))
                scores.append((features @ weight.T + bias).numpy())
                bands.append(picture[:, 0].numpy())
        logits, mel = np.concatenate(scores), np.concatenate(bands).reshape(-1, bands[0].shape[2])
        spectrum = np.concatenate([mel.mean(axis=0), mel.std(axis=0)])
        cues = np.mean([audio_cues(patch) for patch in patches], axis=0)
        return Vector(logits.mean(axis=0), logits.max(axis=0), spectrum, cues.astype(np.float32))

    return make
