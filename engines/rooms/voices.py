"""Sounds of people: words by espeak-ng; screams, crying and coughs by a source and formants.

Each function returns one mono waveform at AUDIO_RATE_HZ, (N,) float64, near full scale for a loud
voice 2 m away; ``rng`` chooses the variant.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import wave
from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.signal import resample_poly

from edge.errors import EX_UNAVAILABLE, GatehouseError
from edge.values import AUDIO_RATE_HZ
from engines.rooms.bodies import cache_dir
from engines.rooms.impacts import add, noise, times
from engines.rooms.scene import F64

CALLS = (
    "help", "help me", "somebody help", "please help me", "I have fallen", "I can not get up",
    "nurse, help", "help, please", "is anybody there, help",
)  # fmt: skip
REMARKS = (
    "good morning", "where did I put my glasses", "it is nearly time for dinner", "thank you dear",
    "turn the radio down please", "she called on Sunday", "I will sit down for a moment",
    "what a lovely day", "the tea is getting cold", "did you take your tablets",
)  # fmt: skip
QUARREL = ("no, stop it", "leave me alone", "get off me", "give it back", "do not touch me", "ouch")

_LANGUAGES = ("en-us", "en-gb", "en-gb-scotland", "en-029")
_VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "croak")
_TEST_VARIANTS = ("m2", "m6", "f3")


class SpeechError(GatehouseError):
    """espeak-ng is not there or failed."""

    exit_code = EX_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker."""

    name: str  # espeak-ng's language and variant
    height: float  # 0 low to 1 high, within the variant
    throat: float  # stretch of the spectrum: above 1 a smaller throat

    @classmethod
    def choose(cls, rng: Generator, test: bool = False) -> Voice:
        """Choose a speaker; those for training and those for testing are disjoint."""
        known = [v for v in _VARIANTS if (v in _TEST_VARIANTS) == test]
        name = f"{rng.choice(_LANGUAGES)}+{rng.choice(known)}"
        return cls(name, float(rng.random()), float(rng.uniform(0.88, 1.15)))


def speech(rng: Generator, voice: Voice, text: str, *, loud: bool) -> F64:
    """Say ``text``; loud: shouted. ``rng`` varies pitch and pace.  Raises: SpeechError."""
    lift = rng.uniform(-5, 5) + (45 if loud else 25)
    pitch = round(lift + 45 * voice.height)
    rate = int(rng.integers(100, 170) if loud else rng.integers(120, 210))
    said = text.rstrip("!.") + ("!" if loud else ".")
    words = _spoken(said, voice.name, pitch, rate)
    grid = np.arange(0, len(words) - 1, voice.throat)
    words = np.interp(grid, np.arange(len(words)), words)
    if loud:  # shouting lifts the upper spectrum and levels the syllables
        lifted = np.append(0.0, np.diff(words)) + 0.35 * words
        words = np.tanh(3 * lifted / max(float(np.abs(lifted).max()), 1e-6))
    level = (0.55 if loud else 0.25) / max(float(np.abs(words).max()), 1e-6)
    return np.asarray(level * words, np.float64)


def scream(rng: Generator, strength: float) -> F64:
    """Scream: high, rough and open-mouthed."""
    t = times(rng.uniform(0.6, 1.6))
    x = t / t[-1]
    top = rng.uniform(550, 1_500)
    contour = top * (0.75 + 0.25 * np.minimum(1, x / 0.15)) * (1 - 0.35 * np.clip(x - 0.7, 0, 1))
    contour *= 1 + 0.02 * np.sin(2 * np.pi * rng.uniform(4, 8) * t)
    # Screams differ from other shrill sounds by their 30-150 Hz roughness.
    rough = 1 + rng.uniform(0.4, 0.9) * np.sin(2 * np.pi * rng.uniform(35, 130) * t)
    voice = _voiced(rng, contour, (rng.uniform(900, 1_300), rng.uniform(1_500, 2_100), 3_100))
    breath = 0.08 * noise(rng, t, 1_500, 6_000)
    return strength * 0.75 * (voice * rough / 1.6 + breath) * _swell(x, 0.08, 0.2)


def cry(rng: Generator, strength: float) -> F64:
    """Cry: sobs of falling pitch with drawn breath between them."""
    sound = np.zeros(round(rng.uniform(1.5, 2.5) * AUDIO_RATE_HZ))
    at, base = 0.0, rng.uniform(280, 520)
    while at * AUDIO_RATE_HZ < len(sound):
        t = times(rng.uniform(0.25, 0.6))
        x = t / t[-1]
        pitch = base * rng.uniform(0.9, 1.15) * (1.08 - 0.25 * x)
        pitch *= 1 + 0.03 * np.sin(2 * np.pi * rng.uniform(6, 10) * t)
        add(sound, _voiced(rng, pitch, (750, 1_250, 2_700)) * _swell(x, 0.15, 0.4), at)
        at += len(t) / AUDIO_RATE_HZ
        gasp = times(rng.uniform(0.1, 0.25))
        add(sound, 0.08 * noise(rng, gasp, 800, 4_000) * np.hanning(len(gasp)), at)
        at += len(gasp) / AUDIO_RATE_HZ + rng.uniform(0, 0.1)
    return strength * 0.4 * sound


def cough(rng: Generator, strength: float) -> F64:
    """Cough one to three times: a burst, rushing air, a short voiced end."""
    count = int(rng.integers(1, 4))
    sound = np.zeros(round((count * 0.5 + 0.1) * AUDIO_RATE_HZ))
    throat = (rng.uniform(450, 750), rng.uniform(1_100, 1_700), rng.uniform(2_300, 2_900))
    at = 0.0
    for _ in range(count):
        t = times(rng.uniform(0.28, 0.42))
        burst = noise(rng, t, 250, 4_500) * np.exp(-t / 0.03)
        air = 0.45 * noise(rng, t, 500, 3_000) * np.exp(-t / 0.12)
        voiced = _voiced(rng, rng.uniform(110, 260) * (1 - 0.2 * t / t[-1]), throat)
        voiced *= np.exp(-(((t - 0.22) / 0.06) ** 2))
        add(sound, rng.uniform(0.7, 1.0) * (burst + air + 0.5 * voiced), at)
        at += rng.uniform(0.35, 0.5)
    return strength * 0.6 * sound


def _voiced(rng: Generator, pitch_hz: F64, formants_hz: tuple[float, float, float]) -> F64:
    """Add the harmonics of a gliding pitch, weighted by three resonances; peak 1."""
    jitter = 1 + 0.006 * np.cumsum(rng.standard_normal(len(pitch_hz))) / np.sqrt(len(pitch_hz))
    pitch = pitch_hz * jitter
    phase = 2 * np.pi * np.cumsum(pitch) / AUDIO_RATE_HZ
    count = min(40, int(0.45 * AUDIO_RATE_HZ / float(pitch.max())))
    order = np.arange(1, count + 1)
    frequency = order * float(pitch.mean())
    weight = np.full(count, 0.03)
    for formant, level in zip(formants_hz, (1.0, 0.7, 0.4), strict=True):
        weight += level / (1 + ((frequency - formant) / (0.12 * formant + 60)) ** 2)
    weight /= order**0.5
    sound = weight @ np.sin(order[:, None] * phase)
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-6), np.float64)


def _swell(x: F64, attack: float, release: float) -> F64:
    """Shape an envelope over x in [0, 1]: rise, hold, fall."""
    return np.asarray(np.minimum(1, np.minimum(x / attack, (1 - x) / release)), np.float64)


def _spoken(text: str, voice: str, pitch: int, rate: int) -> F64:
    """Return espeak-ng's words at AUDIO_RATE_HZ; they are kept in the user's cache."""
    key = sha256(f"{voice}|{pitch}|{rate}|{text}".encode()).hexdigest()[:24]
    path = cache_dir() / "speech" / f"{key}.wav"
    if not path.exists():
        _synthesise(path, text, voice, pitch, rate)
    with wave.open(str(path), "rb") as file:
        found = file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768.0
    common = gcd(found, AUDIO_RATE_HZ)
    return np.asarray(resample_poly(pcm, AUDIO_RATE_HZ // common, found // common), np.float64)


def _synthesise(path: Path, text: str, voice: str, pitch: int, rate: int) -> None:
    program = shutil.which("espeak-ng")
    if program is None:
        raise SpeechError("espeak-ng speaks the scenes' words; run: apt install espeak-ng")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")  # workers may want the same words at once
    command = [program, "-v", voice, "-p", str(pitch), "-s", str(rate), "-a", "180"]
    done = subprocess.run([*command, "-w", str(part), text], capture_output=True, check=False)
    if done.returncode != 0 or not part.exists():
        raise SpeechError(f"espeak-ng cannot speak as {voice}; run: apt install espeak-ng")
    part.replace(path)
