from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("scipy", reason="needs scipy (the extra train)")

from edge.vocabulary import SOUNDS
from engines.rooms import voices
from engines.rooms.impacts import thud
from engines.rooms.scene import Actor, Camera, Light, Scene, SoundEvent
from engines.rooms.soundtrack import LABELS, compose, rustle, soundtrack

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def quiet_room(sounds: Sequence[SoundEvent] = (), seed: int = 4, duration_s: float = 2.0) -> Scene:
    return Scene(
        seed=seed,
        room_m=(4.0, 4.0, 2.5),
        dark=False,
        camera=Camera(np.array([1.8, 1.8, 2.2]), np.zeros(3), 70.0),
        light=Light(np.array([0.0, 0, 2]), np.ones(3), np.ones(3), np.ones(3), False),
        furniture=(),
        clutter=0,
        actors=(),
        props=(),
        sounds=tuple(sounds),
        truth=(),
        duration_s=duration_s,
        notes={"ambience": "none"},
    )


def level(pcm: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean((pcm / 32_768.0) ** 2)))


def band_level(pcm: NDArray[np.int16], low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(pcm / 32_768.0)) ** 2
    hz = np.fft.rfftfreq(len(pcm), 1 / 16_000)
    return float(np.sqrt(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def test_the_track_is_as_long_as_the_pictures() -> None:
    pcm = soundtrack(quiet_room(duration_s=4.0), None)
    assert pcm.shape == (64_000,)
    assert pcm.dtype == np.int16


def test_the_same_scene_sounds_the_same_and_another_seed_does_not() -> None:
    scene = quiet_room([SoundEvent(0.3, "step"), SoundEvent(0.8, "thud", 2.0)])
    np.testing.assert_array_equal(soundtrack(scene, None), soundtrack(scene, None))
    assert (soundtrack(scene, None) != soundtrack(replace(scene, seed=5), None)).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_thud_is_louder_with_more_force(seed: int) -> None:
    levels = [
        level(soundtrack(quiet_room([SoundEvent(0.5, "thud", force)], seed), None))
        for force in (0.1, 0.8, 4.0)
    ]
    assert levels == sorted(levels)
    assert levels[2] > 1.5 * levels[0]


def test_a_thud_grows_with_the_square_root_of_its_force() -> None:
    weak, strong = (thud(np.random.default_rng(1), force, 0.5) for force in (1.0, 4.0))
    np.testing.assert_allclose(strong, 2 * weak)


@needs_espeak
@pytest.mark.parametrize("seed", range(4))
def test_a_call_for_help_fills_the_speech_band(seed: int) -> None:
    silent = soundtrack(quiet_room(seed=seed), None)
    calling = soundtrack(quiet_room([SoundEvent(0.2, "call_for_help", text="help me")], seed), None)
    assert band_level(calling, 300, 3_400) > 4 * band_level(silent, 300, 3_400)
    assert band_level(calling, 300, 3_400) > band_level(calling, 3_400, 8_000)


@needs_espeak
def test_words_are_the_same_from_the_cache_as_fresh(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    speaker = voices.Voice.choose(np.random.default_rng(1))
    fresh, cached = (
        voices.speech(np.random.default_rng(9), speaker, "nurse", loud=True) for _ in range(2)
    )
    np.testing.assert_array_equal(fresh, cached)


def test_voices_of_training_and_testing_are_disjoint() -> None:
    rng = np.random.default_rng(0)
    train, test = (
        {voices.Voice.choose(rng, test).name.split("+")[1] for _ in range(200)}
        for test in (False, True)
    )
    assert not train & test
    assert len(train) > len(test) >= 3


def test_without_espeak_the_remedy_is_named(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(voices.SpeechError, match="apt install espeak-ng"):
        soundtrack(quiet_room([SoundEvent(0.2, "speech", text="hello")]), None)


@pytest.mark.parametrize(
    "kind",
    ["step", "slap", "hit", "sip", "scrape", "clink", "door", "scream", "cry", "cough",
     "glass_break", "alarm_tone", "knock_door", "dishes_water", "something_new"],
)  # fmt: skip
def test_every_kind_of_event_can_be_heard(kind: str) -> None:
    silent = soundtrack(quiet_room(), None).astype(float)
    heard = soundtrack(quiet_room([SoundEvent(0.5, kind)]), None).astype(float)
    difference = np.abs(heard - silent)
    assert difference[: 8_000 - 160].max() < 5  # nothing before its time (dither apart)
    assert difference[8_000:].max() > 150


def test_clothes_rustle_only_while_their_wearer_moves() -> None:
    root = np.zeros((30, 3))
    root[10:20, 0] = np.linspace(0, 1.5, 10)
    root[20:, 0] = 1.5
    actor = Actor(0, 0, np.tile(np.eye(3), (30, 15, 1, 1)), root)
    sound = np.abs(rustle(actor, np.random.default_rng(0)))
    assert sound[: 9 * 1_066].max() == 0
    assert sound[11 * 1_066 : 19 * 1_066].max() > 1e-3
    assert sound[21 * 1_066 :].max() == 0


def test_ground_truth_lists_every_sound_with_its_class() -> None:
    events = [SoundEvent(0.2, "scream"), SoundEvent(0.9, "thud", 1.0), SoundEvent(1.9, "cough")]
    heard = compose(quiet_room(events), None).heard
    assert [(h.kind, h.label) for h in heard] == [
        ("scream", "scream"),
        ("thud", None),
        ("cough", "cough"),
    ]
    assert all(0 <= h.start_s < h.end_s <= 2.0 for h in heard)


def test_the_house_makes_sounds_of_its_own_but_never_an_alarm() -> None:
    kinds = set()
    for seed in range(12):
        scene = replace(quiet_room(seed=seed, duration_s=6.0), notes={})
        if shutil.which("espeak-ng") is None:
            pytest.skip("needs espeak-ng")
        kinds |= {h.kind for h in compose(scene, None).heard}
    assert kinds
    assert not kinds & {"scream", "call_for_help", "glass_break"}


def test_labels_are_words_of_the_vocabulary() -> None:
    assert set(LABELS.values()) == set(SOUNDS)
