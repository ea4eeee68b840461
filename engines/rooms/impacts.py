"""Sounds of things that touch: bodies, feet, hands, doors, dishes, glass.

Each function returns one mono waveform at AUDIO_RATE_HZ, (N,) float64, near full scale for a loud
event 2 m away; ``rng`` chooses the variant.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.random import Generator
from scipy.signal import butter, sosfilt

from edge.values import AUDIO_RATE_HZ
from engines.rooms.scene import F64

REFERENCE_FORCE = 3.0
"""Thousands of newtons: the fall whose thud is near full scale."""


def times(seconds: float) -> F64:
    """Return (N,) s, the time axis of a sound."""
    return np.arange(max(1, round(seconds * AUDIO_RATE_HZ))) / AUDIO_RATE_HZ


def band(signal: F64, low_hz: float, high_hz: float) -> F64:
    """Keep what lies between the two frequencies (12 dB an octave)."""
    top = min(high_hz, 0.49 * AUDIO_RATE_HZ)
    filtered = sosfilt(butter(2, [low_hz, top], "band", fs=AUDIO_RATE_HZ, output="sos"), signal)
    return np.asarray(filtered, np.float64)


def noise(rng: Generator, t: F64, low_hz: float, high_hz: float) -> F64:
    """Make band-limited noise, as long as ``t``."""
    return band(rng.standard_normal(len(t)), low_hz, high_hz)


def modes(rng: Generator, t: F64, count: int, hz: tuple[float, float], decay_s: float) -> F64:
    """Sum ``count`` decaying partials of random pitch: the ring of something struck."""
    frequency = np.exp(rng.uniform(np.log(hz[0]), np.log(hz[1]), (count, 1)))
    decay = decay_s * rng.uniform(0.4, 1.6, (count, 1))
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    level = rng.uniform(0.3, 1.0, (count, 1)) / np.sqrt(count)
    partials = level * np.sin(2 * np.pi * frequency * t + phase) * np.exp(-t / decay)
    return np.asarray(partials.sum(axis=0), np.float64)


def thud(rng: Generator, strength: float, hardness: float) -> F64:
    """Drop a body or limb; strength: contact force / 1000 N; hardness: 0 carpet to 1 tiles."""
    t = times(0.4)
    boom = modes(rng, t, 5, (38, 170), 0.03 + 0.06 * rng.random())
    contact = noise(rng, t, 60, 250 + 900 * hardness) * np.exp(-t / 0.02)
    level = 0.6 * min(max(sqrt(max(strength, 0.0) / REFERENCE_FORCE), 0.05), 1.6)
    return level * (boom + (0.8 + hardness) * contact)


def step(rng: Generator, strength: float, hardness: float) -> F64:
    """Plant one foot; a carpet (hardness 0) swallows the heel's click."""
    t = times(0.16)
    heel = noise(rng, t, 80, 350 + 2_200 * hardness) * np.exp(-t / 0.016)
    late = times(0.16) - rng.uniform(0.04, 0.09)  # the sole follows the heel
    sole = noise(rng, t, 100, 900) * np.where(late > 0, np.exp(-np.abs(late) / 0.02), 0.0)
    return strength * 0.22 * (heel + 0.5 * sole + 0.5 * modes(rng, t, 2, (55, 120), 0.03))


def slap(rng: Generator, strength: float) -> F64:
    """Strike skin or cloth."""
    t = times(0.1)
    return strength * 0.6 * noise(rng, t, 450, 4_500) * np.exp(-t / 0.013)


def hit(rng: Generator, strength: float) -> F64:
    """Land a blow: a slap with the dull sound of the body under it."""
    sound = thud(rng, 0.8 * strength, 0.0)
    add(sound, slap(rng, strength), 0.0)
    return sound


def sip(rng: Generator, strength: float) -> F64:
    """Slurp from a cup: a short rush of wet air."""
    t = times(rng.uniform(0.25, 0.5))
    bubbles = 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(18, 40) * t)
    return strength * 0.12 * noise(rng, t, 900, 4_500) * np.hanning(len(t)) * bubbles


def scrape(rng: Generator, strength: float) -> F64:
    """Drag a chair's feet over the floor: stick and slip."""
    t = times(rng.uniform(0.15, 0.5))
    chatter = 1 + 0.6 * np.sin(2 * np.pi * np.cumsum(rng.uniform(30, 130) + 0 * t) / AUDIO_RATE_HZ)
    window = np.hanning(len(t))
    return strength * 0.2 * noise(rng, t, 250, rng.uniform(1_200, 3_500)) * window * chatter


def clink(rng: Generator, strength: float) -> F64:
    """Set down a cup or a plate."""
    t = times(0.12)
    return strength * 0.25 * modes(rng, t, 4, (1_500, 6_000), 0.014)


def dishes_water(rng: Generator, strength: float) -> F64:
    """Wash up: dishes clatter under a running tap."""
    t = times(rng.uniform(1.2, 2.5))
    drift = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.5, 2.0) * t + rng.uniform(0, 6))
    sound = 0.04 * noise(rng, t, 400, 6_500) * drift
    for start in rng.uniform(0, t[-1] - 0.15, rng.integers(4, 12)):
        add(sound, clink(rng, rng.uniform(0.8, 2.5)), start)
    return strength * sound


def door(rng: Generator, strength: float) -> F64:
    """Slam a door: the latch, then the leaf."""
    t = times(0.6)
    sound = 0.12 * noise(rng, t, 900, 4_000) * np.exp(-t / 0.008)
    delay = rng.uniform(0.03, 0.2)
    slam = modes(rng, t, 6, (50, 320), 0.06) + 0.6 * noise(rng, t, 80, 1_400) * np.exp(-t / 0.03)
    add(sound, 0.5 * slam, delay)
    return strength * sound


def knock_door(rng: Generator, strength: float) -> F64:
    """Knock two to five times on wood."""
    knocks, gap = int(rng.integers(2, 6)), rng.uniform(0.13, 0.3)
    sound = np.zeros(round((knocks * gap + 0.2) * AUDIO_RATE_HZ))
    t, seed = times(0.15), int(rng.integers(1 << 31))
    for k in range(knocks):
        one = modes(np.random.default_rng(seed), t, 5, (140, 900), 0.025)  # the same wood each time
        add(sound, rng.uniform(0.7, 1.0) * one, k * gap * rng.uniform(0.95, 1.05))
    return strength * 0.45 * sound


def glass_break(rng: Generator, strength: float) -> F64:
    """Break a glass: a crash, then shards that ring and settle."""
    t = times(rng.uniform(0.8, 1.4))
    sound = 0.6 * noise(rng, t, 1_200, 7_500) * np.exp(-t / 0.035)
    shard = times(0.25)
    for start in rng.exponential(0.18, rng.integers(14, 36)):
        level = rng.uniform(0.1, 0.6) * np.exp(-start / 0.4)
        add(sound, level * modes(rng, shard, 3, (2_000, 7_500), 0.03), start)
    return strength * 0.8 * sound


def alarm_tone(rng: Generator, strength: float) -> F64:
    """Beep as a smoke alarm, a pager or an appliance does, with one or two pitches."""
    t = times(rng.uniform(1.2, 2.5))
    period, duty = rng.uniform(0.15, 1.0), rng.uniform(0.3, 0.6)
    phase = (t / period) % 1.0
    low = rng.uniform(500, 3_300)
    high = low * (1.0 if rng.random() < 0.5 else rng.uniform(1.1, 1.4))
    pitch = np.where((t // period) % 2 < 1, low, high)
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / AUDIO_RATE_HZ)
    if 3 * high < AUDIO_RATE_HZ / 2:
        tone += rng.uniform(0, 0.4) * np.sin(6 * np.pi * np.cumsum(pitch) / AUDIO_RATE_HZ)
    edges = np.clip(np.minimum(phase, duty - phase) * period / 0.005, 0, 1)
    return strength * 0.3 * tone * edges


def add(onto: F64, sound: F64, start_s: float) -> None:
    """Mix ``sound`` into ``onto`` in place from ``start_s``; what lies outside is cut off."""
    first = max(0, round(start_s * AUDIO_RATE_HZ))
    room = max(0, len(onto) - first)
    onto[first : first + len(sound)] += sound[:room]
