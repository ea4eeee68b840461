"""Log-mel spectrogram as convolutions, so that the audio graph takes the raw waveform.

YAMNet's front end: 25 ms frames every 10 ms, periodic Hann, 512-point DFT, 64 HTK mel bands
between 125 and 7500 Hz, log(magnitude mel + 0.001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.values import AUDIO_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME, HOP, POINTS, BANDS = 400, 160, 512, 64
LOW_HZ, HIGH_HZ, OFFSET = 125.0, 7500.0, 1e-3


def mel_bands() -> NDArray[np.float64]:
    """Triangles on the HTK mel scale.   returns: (POINTS / 2 + 1, BANDS)"""

    def mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        mels: NDArray[np.float64] = 1127.0 * np.log1p(hertz / 700.0)
        return mels

    at = mel(np.linspace(0, AUDIO_RATE_HZ / 2, POINTS // 2 + 1))[:, None]
    low, high = mel(np.array([LOW_HZ, HIGH_HZ]))
    edges = np.linspace(low, high, BANDS + 2)
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    bands: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    bands[0] = 0
    return bands


def dft_kernels() -> NDArray[np.float64]:
    """Windowed cosines, then sines.   returns: (POINTS + 2, FRAME)"""
    n = np.arange(FRAME)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / FRAME)
    angle = 2 * np.pi * np.outer(np.arange(POINTS // 2 + 1), n) / POINTS
    return np.concatenate([np.cos(angle), np.sin(angle)]) * window


class LogMel(nn.Module):
    """Only convolutions and elementwise operations; the DFT is a strided convolution."""

    dft: Tensor
    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.tensor(dft_kernels(), dtype=torch.float32)
        bands = torch.tensor(mel_bands().T.copy(), dtype=torch.float32)
        self.register_buffer("dft", kernels[:, None, None, :], persistent=False)
        self.register_buffer("mel", bands[:, :, None, None], persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (B, N) in [-1, 1] at 16 kHz   returns: (B, 1, frames, BANDS)"""
        parts = functional.conv2d(waveform[:, None, None, :], self.dft, stride=(1, HOP))
        squares = parts * parts
        half = POINTS // 2 + 1
        magnitude = torch.sqrt(squares[:, :half] + squares[:, half:])
        mel = functional.conv2d(magnitude, self.mel)  # (B, BANDS, 1, frames)
        return torch.log(mel + OFFSET).permute(0, 2, 3, 1)
