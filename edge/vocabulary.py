"""The words of the product, written once: modalities, actions, sounds, alarm classes.

The order of each tuple is the order of the corresponding model output and must not change
between a model and the code that reads it.
"""

from __future__ import annotations

from enum import Enum


class Modality(str, Enum):
    """A stream of evidence with an encoder of its own."""

    RGB = "rgb"
    FLOW = "flow"
    DEPTH = "depth"
    AUDIO = "audio"


MODALITIES: tuple[Modality, ...] = tuple(Modality)
"""Order of the modality axis M in every array."""

ACTIONS: tuple[str, ...] = (
    "empty",
    "walk",
    "stand",
    "sit_down",
    "sit",
    "stand_up",
    "lie_down",
    "lie",
    "get_up",
    "drink_eat",
    "crouch_pick_up",
    "wave",
    "fall",
    "on_floor",
    "violence",
)
"""Mutually exclusive; a softmax."""

SOUNDS: tuple[str, ...] = (
    "scream",
    "call_for_help",
    "glass_break",
    "cough",
    "cry",
    "alarm_tone",
    "knock_door",
    "speech",
    "footsteps",
    "dishes_water",
)
"""Independent; sigmoids on the audio feature."""


class AlarmClass(str, Enum):
    """What a carer is called for."""

    FALL = "fall"
    LONG_LIE = "long_lie"
    ON_FLOOR = "on_floor"
    VIOLENCE = "violence"
    DISTRESS_CALL = "distress_call"
    GLASS_BREAK = "glass_break"
