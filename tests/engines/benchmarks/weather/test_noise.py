from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.benchmarks.weather import noise
from engines.benchmarks.weather.noise import Noise, load_noise, noise_rows, rms
from engines.training.manifest import Row
from engines.training.split import side_of


def row(dataset: str, label: str, stem: str) -> Row:
    return Row(Path(f"{stem}.ogg"), f"audio/{dataset}/{stem}.ogg", dataset, "audio", label, stem)


def test_only_household_noise_of_the_testing_side_is_used() -> None:
    rows = [row("noise_of_life", "HairDryer", f"HairDryer{i}") for i in range(80)]
    rows += [row("noise_of_life", "FemaleScream", f"FemaleScream{i}") for i in range(80)]
    rows += [row("esc50", "vacuum_cleaner", "4-1-A")]
    chosen = noise_rows(rows)
    assert chosen
    assert {r.label for r in chosen} == {"HairDryer"}
    assert {side_of(r) for r in chosen} == {"test"}
    assert any(side_of(r) == "train" for r in rows[:80])  # there was something to refuse


def test_noise_is_drawn_by_its_seed_alone() -> None:
    sounds = tuple(np.random.default_rng(i).normal(size=900).astype(np.float32) for i in range(4))
    made = Noise(sounds)
    assert np.array_equal(made.draw(7), made.draw(7))
    assert not np.array_equal(made.draw(7), made.draw(8))


def test_recordings_are_brought_to_one_loudness_and_silence_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loud = {"a": 0.3, "b": 0.02, "silent": 0.0}
    monkeypatch.setattr(noise, "open_row", lambda r: FakeSource(r.path.stem))
    monkeypatch.setattr(noise, "sound_of", lambda kept: np.full(100, loud[kept[0]], np.float32))
    found = load_noise([row("noise_of_life", "HairDryer", stem) for stem in loud])
    assert [round(rms(sound), 5) for sound in found.sounds] == [1.0, 1.0]


class FakeSource:
    def __init__(self, stem: str) -> None:
        self.stem = stem

    def samples(self) -> list[str]:
        return [self.stem]
