"""What people do of a day, and what is easily mistaken for a fall; nobody falls here.

Every episode begins and ends with the observed person upright in the open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engines.rooms import actions, floor, visits
from engines.rooms.performer import Place
from engines.rooms.scene import Prop
from engines.rooms.setting import (
    Setting,
    come_in,
    go_out,
    go_to,
    to_seat,
    visit_bed,
    visit_seat,
)


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that people do."""

    tell: Callable[[Setting], None]
    most_s: float  # longer than it ever takes
    needs_bed: bool = False
    needs_door: bool = False

    def suits(self, setting: Setting, left_s: float) -> bool:
        """Whether there is room and time for it."""
        there = (setting.bed is not None or not self.needs_bed) and (
            setting.door is not None or not self.needs_door
        )
        return there and self.most_s <= left_s


def _stroll(s: Setting) -> None:
    go_to(s.who, Place(float(s.rng.uniform(-0.9, 0.9)), float(s.rng.uniform(-1.2, 0.0)), 0.0))


def _stand(s: Setting) -> None:
    actions.stand(s.who, float(s.rng.uniform(2, 6)))


def _wave(s: Setting) -> None:
    actions.wave(s.who, float(s.rng.uniform(2.5, 5)))


def _drink(s: Setting) -> None:
    actions.drink(s.who, float(s.rng.uniform(3, 7)))


def _seat(s: Setting) -> None:
    visit_seat(s.who, s.seat, drinks=s.rng.random() < 0.5, seconds=float(s.rng.uniform(3, 9)))


def _crouch(kind: str, low_s: float, high_s: float) -> Callable[[Setting], None]:
    def tell(s: Setting) -> None:
        if s.rng.random() < 0.5:
            _stroll(s)
        if kind in ("squat", "bend") and s.rng.random() < 0.7:
            _strew(s, 1)
        actions.crouch(s.who, float(s.rng.uniform(low_s, high_s)), kind)

    return tell


def _pick_up_several(s: Setting) -> None:
    """Tidy up: bend, squat and kneel in turn, a step apart."""
    for _ in range(int(s.rng.integers(2, 5))):
        _strew(s, 1)
        kind = str(s.rng.choice(("squat", "bend", "bend", "kneel")))
        actions.crouch(s.who, float(s.rng.uniform(2.2, 3.2)), kind)
        if s.rng.random() < 0.6:
            _stroll(s)


def _strew(s: Setting, count: int) -> None:
    for _ in range(count):
        spot = s.who.place.point(float(s.rng.uniform(-0.3, 0.3)), -0.5)
        s.cast.props.append(Prop(float(spot[0]), float(spot[1]), 0.0, int(s.rng.integers(2**31))))


def _sit_heavily(s: Setting) -> None:
    sitting, frame = to_seat(s.who, s.seat)
    actions.drop_into_seat(s.who, sitting, frame)
    actions.sit(s.who, float(s.rng.uniform(2, 5)))
    actions.stand_up(s.who, frame, scrape=s.seat.kind == "chair")


def _drop(s: Setting) -> None:
    _strew(s, 1)
    actions.drop_something(s.who)


def _floor_sit(s: Setting) -> None:
    _to_middle(s)
    floor.sit_on_floor(s.who)
    floor.lie_still(s.who, float(s.rng.uniform(2, 7)))
    floor.get_up_from_floor(s.who)


def _floor_lie(s: Setting) -> None:
    _to_middle(s)
    floor.lie_down_on_floor(s.who)
    floor.lie_still(s.who, float(s.rng.uniform(2, 9)))
    floor.get_up_from_floor(s.who)


def _bed(s: Setting) -> None:
    if s.bed is not None:
        visit_bed(s.who, s.bed, float(s.rng.uniform(4, 10)))


def _leave(s: Setting) -> None:
    """Nobody is there for a while."""
    go_out(s.who)
    actions.stand(s.who, float(s.rng.uniform(3, 9)), "hang")
    come_in(s.who, Place(float(s.rng.uniform(-0.6, 0.3)), float(s.rng.uniform(-0.9, -0.2)), 0.0))


def _to_middle(s: Setting) -> None:
    go_to(s.who, Place(float(s.rng.uniform(-0.5, 0.5)), float(s.rng.uniform(-0.8, -0.3)), 0.0))


EVERYDAY: Mapping[str, Episode] = MappingProxyType({
    "stroll": Episode(_stroll, 9), "stand": Episode(_stand, 7), "wave": Episode(_wave, 6),
    "drink": Episode(_drink, 8), "seat": Episode(_seat, 30),
    "bed": Episode(_bed, 40, needs_bed=True), "bend": Episode(_crouch("bend", 2.3, 4), 13),
    "squat": Episode(_crouch("squat", 2.3, 5), 14),
})  # fmt: skip
"""What nobody would call a carer for."""

HARD: Mapping[str, Episode] = MappingProxyType({
    "bend": Episode(_crouch("bend", 2.3, 4), 13), "squat": Episode(_crouch("squat", 2.5, 7), 16),
    "kneel": Episode(_crouch("kneel", 4, 10), 19),
    "tie_shoes": Episode(_crouch("tie_shoe", 3, 7), 16),
    "look_under": Episode(_crouch("look_under", 3, 7), 16),
    "all_fours": Episode(_crouch("all_fours", 3, 8), 17),
    "pick_up_several": Episode(_pick_up_several, 45), "sit_heavily": Episode(_sit_heavily, 24),
    "drop": Episode(_drop, 9), "floor_sit": Episode(_floor_sit, 32),
    "floor_lie": Episode(_floor_lie, 38), "bed": Episode(_bed, 40, needs_bed=True),
    "leave": Episode(_leave, 40, needs_door=True),
    "pass_by": Episode(visits.pass_by, 40, needs_door=True),
    "shake_hands": Episode(visits.shake_hands, 40, needs_door=True),
    "hug": Episode(visits.hug, 40, needs_door=True),
    "helped_up": Episode(visits.helped_up, 55, needs_door=True),
})  # fmt: skip
"""Looks or sounds like a fall or an attack, and is none."""


def tell_until(
    setting: Setting, episodes: Mapping[str, Episode], until_s: float, latest_s: float
) -> None:
    """Tell random episodes until ``until_s``, no two alike before all had their turn.

    Only those are told that must end by ``latest_s``; what time is left the person just stands.
    """
    bag: list[str] = []
    while setting.who.t < until_s:
        left = latest_s - setting.who.t
        fitting = [n for n, episode in episodes.items() if episode.suits(setting, left)]
        if not fitting:
            actions.stand(setting.who, max(0.2, min(4.0, left)))
            if left < 1.0:
                return
            continue
        bag = [name for name in bag if name in fitting] or _shuffled(setting, fitting)
        name, begin = bag.pop(), setting.who.t
        episodes[name].tell(setting)
        setting.note(name, begin)


def _shuffled(setting: Setting, names: Sequence[str]) -> list[str]:
    return [names[i] for i in setting.rng.permutation(len(names))]
