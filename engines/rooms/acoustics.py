"""The way of sound from its source to the microphone beside the camera: room, noise, microphone."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from edge.values import AUDIO_RATE_HZ
from engines.rooms.impacts import times
from engines.rooms.scene import F64


def reverb_tail(rng: Generator, room_m: tuple[float, float, float]) -> F64:
    """Return a room's impulse response without the direct sound: early echoes, a decaying tail."""
    width, depth, height = room_m
    decay_s = rng.uniform(0.2, 0.65) * (width * depth * height / 45) ** 0.3
    t = times(decay_s)
    tail = rng.standard_normal(len(t)) * np.exp(-6.9 * t / decay_s) * 0.05
    tail[: AUDIO_RATE_HZ // 300] = 0
    for delay in rng.uniform(0.003, 0.022, 7):
        tail[min(len(t) - 1, round(delay * AUDIO_RATE_HZ))] += rng.uniform(-0.35, 0.35)
    return np.asarray(tail, np.float64)


def reverberate(direct: F64, sent: F64, tail: F64) -> F64:
    """Add the room's answer to ``sent`` to the direct sound; all (N,), same length out."""
    return np.asarray(direct + fftconvolve(sent, tail)[: len(direct)], np.float64)


def room_tone(rng: Generator, samples: int) -> F64:
    """Return the noise of a quiet to busy room, (samples,): coloured noise and mains hum."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / AUDIO_RATE_HZ)
    colour = np.maximum(frequency, 30.0) ** (-0.5 * rng.uniform(0.6, 1.8))
    noise = np.fft.irfft(spectrum * colour, samples)
    level = 10 ** (rng.uniform(-58, -36) / 20)
    t = np.arange(samples) / AUDIO_RATE_HZ
    mains = 2 * np.pi * float(rng.choice([50.0, 60.0])) * t
    hum = np.sin(mains) + rng.uniform(0, 0.8) * np.sin(2 * mains + 1) + 0.3 * np.sin(4 * mains + 2)
    hum *= 10 ** (rng.uniform(-70, -46) / 20)
    return np.asarray(level * noise / max(float(noise.std()), 1e-9) + hum, np.float64)


def microphone(rng: Generator, sound: F64) -> NDArray[np.int16]:
    """Return what a cheap microphone makes of it: its gain, its band, soft clipping, 16 bits."""
    gain = 10 ** (rng.uniform(-12, 2) / 20)
    low, high = rng.uniform(40, 110), rng.uniform(4_500, 7_800)
    heard = sosfilt(butter(2, [low, high], "band", fs=AUDIO_RATE_HZ, output="sos"), gain * sound)
    heard = np.where(np.abs(heard) < 0.7, heard, np.sign(heard) * (0.7 + 0.3 * np.tanh(
        (np.abs(heard) - 0.7) / 0.3)))  # fmt: skip
    dither = rng.uniform(-0.5, 0.5, len(heard)) + rng.uniform(-0.5, 0.5, len(heard))
    return np.asarray(np.clip(np.round(heard * 32_767 + dither), -32_768, 32_767), np.int16)
