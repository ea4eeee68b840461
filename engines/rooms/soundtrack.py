"""What a microphone beside the camera hears of a scene; deterministic by the scene's seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.values import AUDIO_RATE_HZ
from engines.rooms import acoustics, impacts, voices
from engines.rooms.scene import F64, FPS, Actor, Scene, SoundEvent
from engines.rooms.soundbank import HOUSEHOLD, SoundBank

LABELS: Mapping[str, str] = {
    "step": "footsteps", "footsteps": "footsteps", "speech": "speech", "quarrel": "speech",
    "call_for_help": "call_for_help", "scream": "scream", "cry": "cry", "cough": "cough",
    "glass_break": "glass_break", "alarm_tone": "alarm_tone", "knock": "knock_door",
    "knock_door": "knock_door", "dishes": "dishes_water", "water": "dishes_water",
    "dishes_water": "dishes_water",
}  # fmt: skip
"""Kind of a sound event -> class of SOUNDS; other kinds have none."""

_BANKED = {
    "scream": 0.65, "cry": 0.8, "cough": 0.8, "glass_break": 0.7, "door": 0.4, "step": 0.25,
    "dishes_water": 0.8, "speech": 0.4,
}  # fmt: skip
_VERBAL = ("speech", "call_for_help", "quarrel")
_AMBIENT = {
    "speech": 0.3, HOUSEHOLD: 0.3, "dishes_water": 0.15, "knock_door": 0.08, "alarm_tone": 0.07,
    "cough": 0.06, "cry": 0.04,
}  # fmt: skip
_RECORDED_LEVEL = {"scream": 0.75, "glass_break": 0.7, "step": 0.15, HOUSEHOLD: 0.15}
_MAX_RECORDED_S = 2.5


@dataclass(frozen=True, slots=True)
class Heard:
    """One sound as it was laid into the track: ground truth."""

    kind: str
    label: str | None  # one of SOUNDS
    start_s: float
    end_s: float
    source: str  # "synthetic", "espeak-ng", or a recorded file below the data directory
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """A scene's sound with its ground truth."""

    pcm: NDArray[np.int16]  # (N,) at AUDIO_RATE_HZ, N = frames / FPS seconds
    heard: tuple[Heard, ...]


def soundtrack(scene: Scene, bank: SoundBank | None) -> NDArray[np.int16]:
    """Return a scene's sound, (N,); see ``compose``."""
    return compose(scene, bank).pcm


def compose(scene: Scene, bank: SoundBank | None) -> Soundtrack:
    """Play every sound event of the scene in its room, with some noise of the house.

    bank: recorded sounds to mix in; None: everything is synthetic. ``scene.notes["ambience"] ==
    "none"`` keeps the house quiet. Raises: SpeechError without espeak-ng, MediaError.
    """
    rng = np.random.default_rng([scene.seed, 0x50])
    samples = round(scene.frames / FPS * AUDIO_RATE_HZ)
    direct, sent = np.zeros(samples), np.zeros(samples)
    speaker = voices.Voice.choose(rng, test=scene.notes.get("split") == "test")
    studio = _Studio(bank, hardness=rng.random(), speaker=speaker)
    events = [*scene.sounds, *_ambience(scene, rng)]
    heard = []
    for number, event in enumerate(events):
        own = np.random.default_rng([scene.seed, 0x51, number])  # one change leaves the rest alike
        sound, source, text = studio.play(event, own)
        near = min(1.5, 2.0 / _distance_m(scene, event.t_s)) if number < len(scene.sounds) else 0.4
        impacts.add(direct, near * sound, event.t_s)
        impacts.add(sent, sound, event.t_s)
        end_s = min(event.t_s + len(sound) / AUDIO_RATE_HZ, scene.duration_s)
        label = LABELS.get(event.kind)
        heard.append(Heard(event.kind, label, round(event.t_s, 4), round(end_s, 4), source, text))
    for actor in scene.actors:
        impacts.add(direct, rustle(actor, rng) / _distance_m(scene, 0.0), 0.0)
    wet = acoustics.reverberate(direct, sent, acoustics.reverb_tail(rng, scene.room_m))
    pcm = acoustics.microphone(rng, wet + acoustics.room_tone(rng, samples))
    return Soundtrack(pcm, tuple(sorted(heard, key=lambda h: (h.start_s, h.kind))))


def rustle(actor: Actor, rng: Generator) -> F64:
    """Return the sound of clothes as somebody moves, (T * AUDIO_RATE_HZ / FPS,)."""
    shift = np.linalg.norm(np.diff(actor.root, axis=0), axis=1)
    turn = np.linalg.norm(np.diff(actor.rotations, axis=0), axis=(2, 3)).mean(axis=1)
    pace = np.append(0.0, FPS * (shift + 0.3 * turn))  # about m/s
    t = impacts.times(len(actor.root) / FPS)
    loudness = np.minimum(pace / 1.5, 1.5) ** 1.5 * rng.uniform(0.4, 1.6, len(pace))
    envelope = np.interp(t, np.arange(len(pace)) / FPS, loudness)
    return rng.uniform(0.004, 0.03) * impacts.noise(rng, t, 500, 5_500) * envelope


class _Studio:
    """Makes the waveform of one sound event, recorded or synthetic."""

    def __init__(self, bank: SoundBank | None, hardness: float, speaker: voices.Voice) -> None:
        self._bank, self._hardness, self._speaker = bank, hardness, speaker
        self._synthetic: Mapping[str, Callable[[Generator, float], F64]] = {
            "slap": impacts.slap,
            "hit": impacts.hit,
            "sip": impacts.sip,
            "scrape": impacts.scrape,
            HOUSEHOLD: impacts.scrape,
            "clink": impacts.clink,
            "door": impacts.door,
            "knock_door": impacts.knock_door,
            "dishes_water": impacts.dishes_water,
            "glass_break": impacts.glass_break,
            "alarm_tone": impacts.alarm_tone,
            "scream": voices.scream,
            "cry": voices.cry,
            "cough": voices.cough,
        }

    def play(self, event: SoundEvent, rng: Generator) -> tuple[F64, str, str | None]:
        """Return its waveform, where it comes from, and its words."""
        kind = _canonical(event.kind)
        recorded = self._recorded(kind, event, rng)
        if recorded is not None:
            return (*recorded, None)
        words = {"call_for_help": voices.CALLS, "quarrel": voices.QUARREL}.get(kind, voices.REMARKS)
        if kind in _VERBAL:
            text = event.text or str(rng.choice(words))
            loud = kind != "speech" or text.endswith("!")
            voice = voices.speech(rng, self._speaker, text, loud=loud)
            return event.strength * voice, "espeak-ng", text
        if kind == "thud":
            return impacts.thud(rng, event.strength, self._hardness), "synthetic", None
        if kind in self._synthetic:
            return self._synthetic[kind](rng, event.strength), "synthetic", None
        if kind == "step":
            return impacts.step(rng, event.strength, self._hardness), "synthetic", None
        # An unknown kind of contact still makes a noise, so that no event is silently lost.
        return impacts.slap(rng, 0.3 * event.strength), "synthetic", None

    def _recorded(self, kind: str, event: SoundEvent, rng: Generator) -> tuple[F64, str] | None:
        likely = 1.0 if kind == HOUSEHOLD else _BANKED.get(kind, 0.0)
        wanted = rng.random() < likely and not (kind in _VERBAL and event.text)
        if self._bank is None or not wanted:
            return None
        clip = self._bank.draw(kind, rng, _MAX_RECORDED_S)
        if clip is None:
            return None
        level = _RECORDED_LEVEL.get(kind, 0.35) * event.strength
        return level * clip.sound, clip.path


def _canonical(kind: str) -> str:
    same = {"knock": "knock_door", "dishes": "dishes_water", "water": "dishes_water"}
    return same.get(kind, "step" if kind == "footsteps" else kind)


def _ambience(scene: Scene, rng: Generator) -> list[SoundEvent]:
    """Return sounds of the house that have nothing to do with the action, and never an alarm's."""
    if scene.notes.get("ambience") == "none":
        return []
    count = int(rng.binomial(max(1, round(scene.duration_s / 4)), 0.35))
    events = []
    for start in np.sort(rng.uniform(0, max(0.1, scene.duration_s - 1), count)):
        kind = str(rng.choice(list(_AMBIENT), p=list(_AMBIENT.values())))
        events.append(SoundEvent(float(start), kind, float(rng.uniform(0.15, 0.7))))
    return events


def _distance_m(scene: Scene, t_s: float) -> float:
    """From the microphone, which is beside the camera, to the observed person; at least 0.5 m."""
    if not scene.actors:
        return 2.5
    root = scene.actors[0].root
    frame = min(max(0, round(t_s * FPS)), len(root) - 1)
    return max(0.5, float(np.linalg.norm(root[frame] - scene.camera.position)))
