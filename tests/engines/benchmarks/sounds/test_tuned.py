from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.values import PATCH_SAMPLES
from engines.benchmarks.sounds.disturb import cut, hole, mixed
from engines.benchmarks.sounds.waveforms import Recording
from engines.training.manifest import Row

torch = pytest.importorskip("torch", reason="needs the extra: train")


def test_a_cut_is_always_one_patch_that_holds_the_short_sound() -> None:
    rng = np.random.default_rng(0)
    click = np.ones(50, np.float32)
    for _ in range(20):
        patch = cut(click, np.array([0]), rng)
        assert patch.shape == (PATCH_SAMPLES,)
        assert patch.dtype == np.float32
        assert np.count_nonzero(patch) >= 40


def test_a_mixture_balances_levels_before_it_shares() -> None:
    loud, quiet = np.full(4, 2.0, np.float32), np.array([0.1, -0.1, 0.1, -0.1], np.float32)
    assert mixed(loud, quiet, 0.75).tolist() == pytest.approx([2.0, 1.0, 2.0, 1.0])


def test_holes_stay_inside_and_are_thin() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        picture = np.zeros((96, 64))
        picture[hole(96, 64, rng)] = 1
        assert 0 < picture.sum() <= 16 * 64


def beeps(folder: Path) -> list[Recording]:
    t, made = np.arange(20_000) / 16_000, []
    for number in range(4):
        path = folder / f"{number}.npy"
        pitch = 500 if number % 2 == 0 else 3_000
        np.save(path, (8_000 * np.sin(2 * np.pi * pitch * t)).astype(np.int16))
        row = Row(path, path.name, "esc50", "audio", "x", "fold1")
        made.append(Recording(row, path.name, path))
    return made


def test_a_tuning_tells_two_pitches_apart_and_is_found_again(tmp_path: Path) -> None:
    from edge.errors import MissingFileError
    from engines.benchmarks.sounds import tuned

    settings = tuned.TuneSettings(steps=12, clips=4, patches=1, head_rate=3e-3)
    recordings, told = beeps(tmp_path), []
    try:
        net = tuned.tuned_net(
            recordings, [0, 1, 0, 1], settings, tmp_path, lambda *news: told.append(news)
        )
    except MissingFileError as error:
        pytest.skip(str(error))
    said = np.stack([tuned.said_of(net, r.load()).probabilities for r in recordings])
    assert said.argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert len(told) == 12
    assert not list(tmp_path.glob("*.unfinished.pt"))
    again = tuned.tuned_net(
        recordings, [0, 1, 0, 1], settings, tmp_path, lambda *news: told.append(news)
    )
    assert len(told) == 12
    heard = tuned.said_of(again, recordings[0].load())
    assert np.array_equal(heard.probabilities, said[0])
    assert heard.features.shape == (1024 + 2,)


def quiet(task: str, done: int, total: int) -> None:
    """Nobody is told."""


def test_an_interrupted_tuning_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.errors import MissingFileError
    from engines.benchmarks.sounds import tuned

    monkeypatch.setattr(tuned, "CHECKPOINT_EVERY", 2)
    settings = tuned.TuneSettings(steps=4, clips=2, patches=1)
    recordings = beeps(tmp_path)

    class StoppedError(Exception):
        pass

    def stop(task: str, done: int, total: int) -> None:
        if done == 3:
            raise StoppedError

    try:
        with pytest.raises(StoppedError):
            tuned.tuned_net(recordings, [0, 1, 0, 1], settings, tmp_path / "a", stop)
    except MissingFileError as error:
        pytest.skip(str(error))
    resumed = tuned.tuned_net(recordings, [0, 1, 0, 1], settings, tmp_path / "a", quiet)
    whole = tuned.tuned_net(recordings, [0, 1, 0, 1], settings, tmp_path / "b", quiet)
    assert torch.equal(resumed.head.weight, whole.head.weight)
