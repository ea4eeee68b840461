from __future__ import annotations

import numpy as np
import pytest

from edge.values import AUDIO_RATE_HZ, PATCH_SAMPLES

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.logmel import (  # noqa: E402  # needs torch
    BANDS,
    FRAME,
    HOP,
    OFFSET,
    POINTS,
    LogMel,
    mel_bands,
)


def test_the_convolutions_compute_the_spectrogram_of_a_fourier_transform() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, PATCH_SAMPLES)
    starts = range(0, PATCH_SAMPLES - FRAME + 1, HOP)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    spectrum = np.abs(np.fft.rfft([sound[s : s + FRAME] * window for s in starts], POINTS))
    expected = np.log(spectrum @ mel_bands() + OFFSET)
    got = LogMel()(torch.from_numpy(sound[None].astype(np.float32)))
    assert got.shape == (1, 1, len(starts), BANDS)
    np.testing.assert_allclose(got[0, 0].numpy(), expected, atol=2e-3)


def test_a_higher_tone_lies_in_a_higher_band() -> None:
    t = np.arange(PATCH_SAMPLES) / AUDIO_RATE_HZ
    tones = np.stack([np.sin(2 * np.pi * hertz * t) for hertz in (300, 1000, 4000)])
    bands = LogMel()(torch.from_numpy(tones.astype(np.float32)))[:, 0].mean(dim=1).argmax(dim=1)
    assert bands.tolist() == sorted(set(bands.tolist()))


def test_silence_is_finite() -> None:
    assert torch.isfinite(LogMel()(torch.zeros(1, PATCH_SAMPLES))).all()
