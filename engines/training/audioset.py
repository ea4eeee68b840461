"""What YAMNet knows before any training: AudioSet classes that matter in a home, by their rows.

The audio encoder's projection keeps YAMNet's own logits of these classes as channels, and the sound
head begins from the ones that name its sounds. A sound that training knows from synthesis alone,
such as a knock, is then still recognised as what two million recordings taught YAMNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edge.fusion.parameters import HEADS
from edge.values import FEATURE_DIM, Mask
from edge.vocabulary import MODALITIES, SOUNDS, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping as StateDict

    from torch import Tensor

    from engines.models.encoder import Encoder
    from engines.models.fusion import FusionNet

AUDIO = MODALITIES.index(Modality.AUDIO)
CHANNELS_PER_HEAD = FEATURE_DIM // HEADS

BY_HEAD: tuple[Mapping[str, int], ...] = (
    {"Screaming": 11, "Shout": 6, "Yell": 9, "Bellow": 7, "Wail, moan": 22, "Crying, sobbing": 19,
     "Baby cry, infant cry": 20, "Whimper": 21, "Children shouting": 10, "Laughter": 13,
     "Groan": 33, "Grunt": 34, "Sigh": 23, "Gasp": 39},
    {"Shatter": 437, "Glass": 435, "Smash, crash": 463, "Breaking": 464, "Chink, clink": 436,
     "Crack": 434, "Coin (dropping)": 374, "Splinter": 433},
    {"Cough": 42, "Throat clearing": 43, "Sneeze": 44, "Breathing": 36, "Wheeze": 37,
     "Snoring": 38, "Sniff": 45, "Burping, eructation": 53},
    {"Alarm": 382, "Smoke detector, smoke alarm": 393, "Fire alarm": 394, "Alarm clock": 389,
     "Beep, bleep": 475, "Buzzer": 392, "Siren": 390, "Telephone": 383,
     "Telephone bell ringing": 384, "Reversing beeps": 313, "Doorbell": 349, "Ding": 477,
     "Bell": 195, "Tick-tock": 402, "Sine wave": 495},
    {"Knock": 353, "Tap": 354, "Thump, thud": 454, "Door": 348, "Slam": 352, "Wood": 431,
     "Hammer": 413, "Drum": 159, "Wood block": 168, "Bang": 460, "Cupboard open or close": 356,
     "Drawer open or close": 357, "Thunk": 455, "Whack, thwack": 462, "Slap, smack": 461,
     "Clapping": 58, "Hands": 56},
    {"Speech": 0, "Child speech, kid speaking": 1, "Conversation": 2, "Narration, monologue": 3,
     "Babbling": 4, "Whispering": 12, "Television": 518, "Radio": 519, "Music": 132,
     "Singing": 24, "Silence": 494, "Inside, small room": 500},
    {"Walk, footsteps": 48, "Run": 46, "Shuffle": 47, "Clip-clop": 83, "Squeak": 355,
     "Scrape": 469, "Rustle": 481, "Crackle": 293, "Tearing": 474, "Typing": 378,
     "Computer keyboard": 380, "Clicking": 485, "Keys jangling": 373, "Zipper (clothing)": 372},
    {"Dishes, pots, and pans": 358, "Cutlery, silverware": 359, "Water tap, faucet": 364,
     "Sink (filling or washing)": 365, "Water": 282, "Pour": 443, "Fill (with liquid)": 446,
     "Bathtub (filling or washing)": 366, "Trickle, dribble": 444, "Liquid": 438,
     "Splash, splatter": 439, "Drip": 442, "Chopping (food)": 360, "Frying (food)": 361,
     "Microwave oven": 362, "Toilet flush": 368, "Hair dryer": 367, "Vacuum cleaner": 371,
     "Electric shaver, electric razor": 376, "Mechanical fan": 406},
)  # fmt: skip
"""Display name -> YAMNet's output, for each head of the temporal stage: alike sounds share one."""

EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "scream": ("Screaming", "Shout", "Yell"),
    "call_for_help": ("Shout", "Yell"),
    "glass_break": ("Shatter", "Glass", "Smash, crash", "Breaking"),
    "cough": ("Cough", "Throat clearing"),
    "cry": ("Crying, sobbing", "Baby cry, infant cry", "Whimper"),
    "alarm_tone": ("Alarm", "Siren", "Buzzer", "Beep, bleep"),
    "knock_door": ("Knock", "Door", "Tap"),
    "speech": ("Speech", "Conversation", "Narration, monologue"),
    "footsteps": ("Walk, footsteps", "Run"),
    "dishes_water": (
        "Dishes, pots, and pans", "Cutlery, silverware", "Water tap, faucet",
        "Sink (filling or washing)", "Water", "Pour",
    ),
}  # fmt: skip
"""SOUNDS -> the classes that speak for it."""

SCALE, SHIFT = 0.25, 8.0
"""A channel is SCALE * (logit + SHIFT), 0 below; a logit above 0 is a yes of YAMNet's."""

STRENGTH, PRIOR_BIAS, QUERY = 2.0, -3.5, 0.5
"""Of the sound head's first weights, shared among a sound's classes; of its bias; and of the pull
towards the loudest patch in the temporal stage."""


def channel_of() -> dict[str, int]:
    """Display name -> channel of the audio feature."""
    return {
        name: CHANNELS_PER_HEAD * head + place
        for head, classes in enumerate(BY_HEAD)
        for place, name in enumerate(classes)
    }


def known_channels() -> Mask:
    """(FEATURE_DIM,) True where a channel is an AudioSet class"""
    known = np.zeros(FEATURE_DIM, np.bool_)
    known[list(channel_of().values())] = True
    return known


def project_audioset(encoder: Encoder, state: StateDict[str, Tensor]) -> None:
    """Make the known channels of the audio encoder YAMNet's logits.

    state: the published weights, with the classifier
    """
    import torch

    channels, rows = channel_of(), {n: i for classes in BY_HEAD for n, i in classes.items()}
    places = [channels[name] for name in rows]
    outputs = list(rows.values())
    with torch.no_grad():
        encoder.project.weight[places] = SCALE * state["fc.weight"][outputs]
        encoder.project.bias[places] = SCALE * (state["fc.bias"][outputs] + SHIFT)


def expect_evidence(head: FusionNet) -> None:
    """Let the sound head begin from the classes that speak for its sounds."""
    import torch

    channels, known = channel_of(), torch.from_numpy(known_channels())
    with torch.no_grad():
        head.sound_weight.mul_(0.3)
        head.sound_weight[:, known] = 0
        head.sound_bias.fill_(PRIOR_BIAS)
        head.temporal_kernel[AUDIO].mul_(0.1)
        for sound, classes in EVIDENCE.items():
            for name in classes:
                weight = STRENGTH / len(classes)
                head.sound_weight[SOUNDS.index(sound), channels[name]] = weight
                head.temporal_query[AUDIO, channels[name]] = QUERY
