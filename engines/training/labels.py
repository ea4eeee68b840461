"""What each data set's labels mean in the product's vocabulary: the one place that says so.

A label states what is known and nothing else. ``allowed`` is the set of actions that any window of
the clip may show: one action is a class, all but one is a negative, all of them says nothing, and
the loss is -log of the probability that falls on the set. ``contains`` is an action that happens
somewhere in the clip. ``--label-map FILE`` (YAML) replaces entries in the form of ``TABLE``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ConfigError, MissingFileError
from edge.values import F32, Mask
from edge.vocabulary import ACTIONS, SOUNDS

ALL_ACTIONS = frozenset(ACTIONS)
KEYS = ("only", "never", "contains", "sounds", "unsure")

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a clip."""

    allowed: frozenset[str] = ALL_ACTIONS
    contains: str | None = None
    sounds: frozenset[str] | None = None  # None: nothing is known of its sounds
    unsure: frozenset[str] = frozenset()  # sounds that may be there or not

    def action_mask(self) -> Mask:
        """(ACTIONS,) True where allowed"""
        return np.array([name in self.allowed for name in ACTIONS])

    def sound_targets(self) -> F32:
        """(SOUNDS,) 1 heard, 0 not heard, NaN unknown"""
        if self.sounds is None:
            return np.full(len(SOUNDS), np.nan, np.float32)
        targets = [np.nan if s in self.unsure else float(s in self.sounds) for s in SOUNDS]
        return np.array(targets, np.float32)


def _heard(*sounds: str, unsure: Sequence[str] = ()) -> Entry:
    return {"sounds": list(sounds), "unsure": list(unsure)}


_ADL = {"never": ["fall", "on_floor", "violence", "wave"]}
_CRY = _heard("cry", unsure=["scream"])
_SCREAM = _heard("scream", unsure=["call_for_help", "cry"])
_NOTHING = _heard()
_DISHES = _heard("dishes_water")

TABLE: Mapping[str, Mapping[str, Entry]] = {
    # stories hold several actions; their ground truth says when
    "rooms": {**{name: {"contains": name} for name in ACTIONS}, "scene": {}},
    "surv_fight": {"fight": {"only": ["violence"]}, "noFight": {"never": ["violence"]}},
    "urfd": {
        "fall_from_walking_or_standing": {"contains": "fall", "never": ["violence"]},
        "fall_from_sitting": {"contains": "fall", "never": ["violence"]},
        "crouch_or_bend_pickup": {"contains": "crouch_pick_up", **_ADL},
        "crouch": {"contains": "crouch_pick_up", **_ADL},
        "bend_pickup": {"contains": "crouch_pick_up", **_ADL},
        "squat": {"contains": "crouch_pick_up", **_ADL},
        "sit_down_chair": {"contains": "sit_down", **_ADL},
        "sit_down_bed": {"contains": "sit_down", **_ADL},
        "sit_down_sofa_or_chair": {"contains": "sit_down", **_ADL},
        "lie_down_sofa": {"contains": "lie_down", **_ADL},
        "lie_down_bed": {"contains": "lie_down", **_ADL},
        # lying down, then on the floor: the hard negative of a fall
        "lie_down_floor_slow": {"contains": "lie_down", "never": ["fall", "violence"]},
    },
    # UTD-MHAD: 19 knock, 13 boxing and the sports gestures have no class here
    "utd_mhad": {
        **{f"a{i}": {"never": ["fall", "on_floor", "lie"]} for i in range(1, 28)},
        "a3": {"contains": "wave"},
        "a21": {"contains": "crouch_pick_up"},
        "a22": {"contains": "walk"},
        "a23": {"contains": "walk"},
        "a24": {"contains": "stand_up"},
        "a25": {"contains": "sit_down"},
        "a27": {"contains": "crouch_pick_up"},
    },
    "msr_action3d": {
        **{f"a{i:02}": {"never": ["fall", "on_floor", "lie"]} for i in range(1, 21)},
        "a01": {"contains": "wave"},
        "a02": {"contains": "wave"},
        "a11": {"contains": "wave"},
        "a13": {"contains": "crouch_pick_up"},
        "a16": {"contains": "walk"},
        "a20": {"contains": "crouch_pick_up"},
    },
    "noise_of_life": {
        "BabyCry": _CRY,
        "FemaleCry": _CRY,
        "FemaleScream": _SCREAM,
        "MaleScream": _SCREAM,
        "Cough": _heard("cough"),
        "GlassBreaking": _heard("glass_break"),
        "Speech": _heard("speech"),
        "Dishes": _DISHES,
        "Water": _DISHES,
        "Laugh": _heard(unsure=["speech"]),
        "DoorClapping": _heard(unsure=["knock_door"]),
        "DoorOpening": _heard(unsure=["knock_door", "footsteps"]),
        "HandsClapping": _NOTHING,
        "Breathing": _NOTHING,
        "ElectricalShaver": _NOTHING,
        "HairDryer": _NOTHING,
        "Keyboard": _NOTHING,
        "Keys": _NOTHING,
        "Paper": _NOTHING,
        "Sneeze": _heard(unsure=["cough"]),
        "Yawn": _NOTHING,
    },
    "covid19_cough": {"covid19_cough": _heard("cough", unsure=["speech"])},
    "kitchen20": {
        "clean-dishes": _DISHES,
        "cutlery": _DISHES,
        "plates": _DISHES,
        "water-flowing": _DISHES,
        "chopping": _heard(unsure=["dishes_water"]),
        "cupboard": _heard(unsure=["dishes_water", "knock_door"]),
        "drawer": _heard(unsure=["dishes_water"]),
        "eat": _heard(unsure=["dishes_water"]),
        "microwave": _heard(unsure=["alarm_tone"]),
        "peel": _heard(unsure=["dishes_water"]),
    },
    "debian_game_sounds": {
        "scream_pain": _SCREAM,
        "footsteps": _heard("footsteps"),
        "door": _heard(unsure=["knock_door"]),
        "glass": _heard("glass_break"),
    },
    "esc50": {
        "clock_alarm": _heard("alarm_tone"),
        "siren": _heard("alarm_tone"),
        "coughing": _heard("cough"),
        "crying_baby": _CRY,
        "door_wood_knock": _heard("knock_door"),
        "footsteps": _heard("footsteps"),
        "glass_breaking": _heard("glass_break"),
        "pouring_water": _DISHES,
        "toilet_flush": _heard(unsure=["dishes_water"]),
        "drinking_sipping": _heard(unsure=["dishes_water"]),
        "washing_machine": _heard(unsure=["dishes_water"]),
        "brushing_teeth": _heard(unsure=["dishes_water"]),
        "laughing": _heard(unsure=["speech"]),
        "sneezing": _heard(unsure=["cough"]),
        "breathing": _NOTHING,
        "can_opening": _NOTHING,
        "cat": _NOTHING,
        "clapping": _NOTHING,
        "clock_tick": _NOTHING,
        "dog": _NOTHING,
        "door_wood_creaks": _NOTHING,
        "keyboard_typing": _NOTHING,
        "rain": _heard(unsure=["dishes_water"]),
        "snoring": _NOTHING,
        "vacuum_cleaner": _NOTHING,
    },
    "alarms": {"alarm_fire": _heard("alarm_tone"), "alarm_gas": _heard("alarm_tone")},
    "clean_speech": {"clean_speech": _heard("speech")},
    "scream_extra": {"scream_extra": _SCREAM},
    "safe_fall": {
        "fall": {"contains": "fall"},
        "not_fall": {"never": ["fall"]},
    },
}


class LabelMap:
    """Looks labels up; unknown data sets and labels are an error, not a silent mask."""

    def __init__(self, replaced: Mapping[str, Mapping[str, Entry]] | None = None) -> None:
        self._table = {name: dict(entries) for name, entries in TABLE.items()}
        for dataset, entries in (replaced or {}).items():
            self._table.setdefault(dataset, {}).update(entries)

    def label(self, dataset: str, label: str) -> Label:
        """Raises: ConfigError for a label that is in neither the table nor the map."""
        entry = self._table.get(dataset, {}).get(label)
        if entry is None:
            raise ConfigError(
                f"label {label!r} of data set {dataset!r} has no meaning here; add it to a file "
                f"for --label-map, for example: {dataset}: {{{label}: {{never: [violence]}}}}"
            )
        return parse_entry(entry, f"{dataset}: {label}")


def parse_entry(entry: Entry, where: str) -> Label:
    """One label from its written form. Raises: ConfigError naming the mistake."""
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; use {', '.join(KEYS)}")
    if "only" in entry and "never" in entry:
        raise ConfigError(f"{where}: 'only' and 'never' exclude each other; keep one")
    allowed = ALL_ACTIONS - _names(entry, "never", ACTIONS, where)
    if "only" in entry:
        allowed = _names(entry, "only", ACTIONS, where)
    if not allowed:
        raise ConfigError(f"{where}: no action is left that it may be; name one in 'only'")
    contains = entry.get("contains")
    if contains is not None and contains not in ACTIONS:
        raise ConfigError(f"{where}: {contains!r} is no action; use one of {', '.join(ACTIONS)}")
    sounds = _names(entry, "sounds", SOUNDS, where) if "sounds" in entry else None
    return Label(allowed, contains, sounds, _names(entry, "unsure", SOUNDS, where))


def _names(entry: Entry, key: str, known: Sequence[str], where: str) -> frozenset[str]:
    names = entry.get(key) or []
    if not isinstance(names, list) or any(name not in known for name in names):
        raise ConfigError(f"{where}: {key} must be a list of some of {', '.join(known)}")
    return frozenset(names)


def load_label_map(path: Path | None) -> LabelMap:
    """The table with the entries of a YAML file over it.  Raises: MissingFileError, ConfigError."""
    import yaml

    if path is None:
        return LabelMap()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingFileError(f"{path}: the label map cannot be read; check the path") from error
    # text that is not UTF-8 is a ValueError, and endless brackets are a RecursionError
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML: {str(error).splitlines()[0]}; correct it") from error
    if not isinstance(data, dict) or not all(isinstance(v, dict) for v in data.values()):
        raise ConfigError(f"{path}: must map data sets to labels to entries; see labels.TABLE")
    replaced = {str(d): {str(k): v or {} for k, v in e.items()} for d, e in data.items()}
    for dataset, entries in replaced.items():
        for label, entry in entries.items():
            if not isinstance(entry, dict):
                raise ConfigError(
                    f"{path}: {dataset}: {label}: must be a mapping, as {{only: [fall]}}"
                )
            parse_entry(entry, f"{path}: {dataset}: {label}")
    return LabelMap(replaced)
