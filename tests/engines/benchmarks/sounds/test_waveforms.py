from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from edge.values import F32, PATCH_SAMPLES
from engines.benchmarks.items import Workbench
from engines.benchmarks.sounds.waveforms import (
    audible_starts,
    hear,
    patches_at,
    silent_share,
)
from engines.training.manifest import Row

HOP = 4_000


def tone(seconds: float, level: float = 0.5) -> F32:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return (level * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def test_patches_of_digital_silence_are_left_out() -> None:
    sound = np.concatenate([tone(1.0), np.zeros(48_000, np.float32)])
    starts = audible_starts(sound, HOP)
    assert starts.max() < 16_000
    assert starts.min() == 0


def test_a_quiet_recording_is_heard_where_it_is_loudest_and_silence_has_one_patch() -> None:
    assert len(audible_starts(tone(3.0, 1e-3), HOP)) > 3
    assert len(audible_starts(np.zeros(48_000, np.float32), HOP)) == 1


def test_a_sound_shorter_than_a_patch_is_followed_by_zeros() -> None:
    sound = tone(0.2)
    starts = audible_starts(sound, HOP)
    assert starts.tolist() == [0]
    patch = patches_at(sound, starts)
    assert patch.shape == (1, PATCH_SAMPLES)
    assert not patch[0, len(sound) :].any()


def test_the_share_of_digital_zeros_is_told() -> None:
    loud = np.full(100, 0.5, np.float32)
    assert silent_share(np.concatenate([loud, np.zeros(300, np.float32)])) == pytest.approx(0.75)


def test_files_are_decoded_once_and_unreadable_ones_are_named(tmp_path: Path) -> None:
    pytest.importorskip("gi", reason="needs GStreamer's Python bindings")
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    with wave.open(str(good), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((tone(1.5) * 32_767).astype("<i2").tobytes())
    bad.write_bytes(b"no sound")
    rows = [Row(p, p.name, "esc50", "audio", "dog", "fold1") for p in (good, bad)]
    bench = Workbench(str(tmp_path), str(tmp_path / "work"), None, 1)
    first = hear(rows, bench, lambda task, done, total: None)
    assert [r.row.name for r in first.recordings] == ["good.wav"]
    assert "bad.wav" in first.problems[0]
    sound = first.recordings[0].load()
    assert len(sound) == pytest.approx(24_000, abs=200)
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.02)
    made = first.recordings[0].pcm.stat().st_mtime_ns
    again = hear(rows[:1], bench, lambda task, done, total: None)
    assert again.recordings[0].pcm.stat().st_mtime_ns == made
