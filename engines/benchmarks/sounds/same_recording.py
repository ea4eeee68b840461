"""Which files were cut from one recording, where their names do not tell.

Two files are of one recording when somewhere their waveforms run in step: the peak of their
cross-correlation over the overlap, after a difference filter, is at least IN_STEP. Only pairs whose
sounds are alike are looked at. Cuts of one recording that do not overlap are not found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.values import F32
from engines.benchmarks.sounds.waveforms import Recording
from engines.training.metrics import F64

ALIKE = 0.96  # cosine of centred class scores
IN_STEP = 0.5
SHORTEST_OVERLAP = 0.2  # of both files' energy
HEARD_SAMPLES = 8 * 16_000
POINTS = 1 << 18


def groups_by_waveform(
    recordings: Sequence[Recording], vectors: Mapping[str, F32]
) -> dict[str, str]:
    """Group of every clip by name: the first clip that it shares a recording with.

    vectors: what each clip sounds like, by name; clips of different labels are not compared.
    """
    names = [r.row.name for r in recordings]
    sounds = np.stack([vectors[name] for name in names]).astype(np.float64)
    sounds -= sounds.mean(axis=0)
    sounds /= np.maximum(np.linalg.norm(sounds, axis=1, keepdims=True), 1e-9)
    leader = {name: name for name in names}
    for label in sorted({r.row.label for r in recordings}):
        own = [i for i, r in enumerate(recordings) if r.row.label == label]
        _join(own, recordings, sounds, leader)
    return {name: _root(name, leader) for name in names}


def _join(
    own: Sequence[int], recordings: Sequence[Recording], sounds: F64, leader: dict[str, str]
) -> None:
    spectra: dict[int, tuple[F64, NDArray[np.complex128]]] = {}
    for place, i in enumerate(own):
        for j in own[:place]:
            if sounds[i] @ sounds[j] < ALIKE:
                continue
            for k in (i, j):
                if k not in spectra:
                    wave = whitened(recordings[k].load())
                    spectra[k] = (wave, np.fft.rfft(wave, POINTS))
            if correlation(spectra[i], spectra[j]) >= IN_STEP:
                a = _root(recordings[i].row.name, leader)
                b = _root(recordings[j].row.name, leader)
                leader[max(a, b)] = min(a, b)


def _root(name: str, leader: Mapping[str, str]) -> str:
    while leader[name] != name:
        name = leader[name]
    return name


def whitened(wave: F32) -> F64:
    """The first seconds, differentiated, of unit energy."""
    changes = np.diff(wave[:HEARD_SAMPLES].astype(np.float64), prepend=0.0)
    return np.asarray(changes / max(float(np.linalg.norm(changes)), 1e-9), np.float64)


def correlation(
    a: tuple[F64, NDArray[np.complex128]], b: tuple[F64, NDArray[np.complex128]]
) -> float:
    """Highest |cosine| of the overlap over all lags.  a, b: whitened wave, its spectrum"""
    (wave_a, spectrum_a), (wave_b, spectrum_b) = a, b
    both = np.fft.irfft(spectrum_a * np.conj(spectrum_b), POINTS)
    lags = np.append(np.arange(len(wave_a)), np.arange(1 - len(wave_b), 0))
    from_a, from_b = np.maximum(lags, 0), np.maximum(-lags, 0)
    length = np.minimum(len(wave_a) - from_a, len(wave_b) - from_b)
    energy_a, energy_b = (np.append(0.0, np.cumsum(w * w)) for w in (wave_a, wave_b))
    shared_a = energy_a[from_a + length] - energy_a[from_a]
    shared_b = energy_b[from_b + length] - energy_b[from_b]
    enough = np.minimum(shared_a, shared_b) >= SHORTEST_OVERLAP
    cosines = np.abs(both[lags]) / np.sqrt(np.maximum(shared_a * shared_b, 1e-12))
    return float(np.max(cosines, where=enough, initial=0.0))
