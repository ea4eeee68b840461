"""Where a long story happens: who lives there, what stands there, who may come in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engines.rooms import actions
from engines.rooms import bed as beds
from engines.rooms.gait import heading
from engines.rooms.kinematics import Pose
from engines.rooms.performer import Performer, Place
from engines.rooms.ragdoll import Box
from engines.rooms.recipes import Cast, boxes_of
from engines.rooms.rotations import F64
from engines.rooms.scene import Furniture

DOOR = Place(0.5, -2.0, 0.0)
"""The threshold, facing out of the room."""

_SEAT, _BED = Place(-0.9, 1.0, 0.0), Place(1.0, 1.0, 0.0)
_OUTSIDE = DOOR.point(0.0, -1.1)


@dataclass
class Setting:
    """A room's people and places while its story is being made."""

    cast: Cast
    who: Performer  # the observed person
    seat: Furniture
    bed: Furniture | None = None  # a bed or a long couch
    door: Place | None = None
    visitors: list[Performer] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def rng(self) -> np.random.Generator:
        """The story's dice."""
        return self.cast.rng

    @property
    def smallest_m(self) -> float:
        """Least side of a room in which all of it has a place."""
        return 3.6 + 0.6 * (self.bed is not None) + 0.4 * (self.door is not None)

    @property
    def people(self) -> tuple[Performer, ...]:
        """The observed person first."""
        return (self.who, *self.visitors)

    def visitor(self) -> Performer:
        """Return the visitor, who waits behind the door until now; the same one every time."""
        if not self.visitors:
            outside = Place(float(_OUTSIDE[0]), float(_OUTSIDE[1]), 180.0)
            self.visitors.append(self.cast.person(place=outside))
        (visitor,) = self.visitors
        wait(visitor, self.who.t)
        return visitor

    def note(self, name: str, begin_s: float) -> None:
        """Write down what was just told, for reports."""
        self.told.append(f"{name} {begin_s:.1f}-{self.who.t:.1f}")

    def obstacles(self) -> tuple[Box, ...]:
        """Return the furniture as the physics of falls knows it."""
        return tuple(box for piece in self.cast.furniture for box in boxes_of(piece))


def furnished(cast: Cast, door: bool, bed: bool) -> Setting:
    """Hire the observed person and furnish: a seat, perhaps a bed or a long couch, and a door."""
    rng = cast.rng
    who = cast.person(place=Place(0.0, -0.3, float(rng.uniform(0, 360))))
    seat = cast.put(str(rng.choice(("chair", "chair", "wheelchair", "couch"))), _SEAT)
    setting = Setting(cast, who, seat)
    if bed:
        kind = str(rng.choice(("bed", "bed", "long_couch")))
        setting.bed = cast.put(kind, _BED, int(rng.choice((-1, 1))))
    if door:
        cast.put("doorway", Place(DOOR.x, DOOR.y, DOOR.yaw_deg + 180.0))
        setting.door = DOOR
    return setting


def wait(actor: Performer, until_s: float) -> None:
    """Go on with what one last did, standing after a walk, until a time (if it is to come)."""
    action = actor.spans[-1].action if actor.spans else "stand"
    actor.hold(until_s - actor.t, "stand" if action == "walk" else action)


def go_to(who: Performer, end: Place) -> None:
    """Turn towards a point and walk there; arrive facing the way of the walk."""
    here = who.place
    if np.hypot(end.x - here.x, end.y - here.y) < 0.4:
        return
    way = heading(here, end.x, end.y)
    if abs((way - here.yaw_deg + 180) % 360 - 180) > 35:
        actions.turn_towards(who, way)
    actions.walk_to(who, Place(end.x, end.y, way))


def go_out(who: Performer) -> None:
    """Walk to the door, through it and a step on."""
    go_to(who, Place(DOOR.x, DOOR.y + 0.75, 0.0))
    who.sound("door", 0.8, float(who.rng.uniform(0.2, 0.6)))
    go_to(who, Place(float(_OUTSIDE[0]), float(_OUTSIDE[1]), 0.0))


def come_in(who: Performer, to: Place) -> None:
    """Walk in from behind the door and on to a point."""
    who.sound("door", 0.3, float(who.rng.uniform(0.2, 0.6)))
    actions.turn_towards(who, 180.0)
    actions.walk_to(who, Place(DOOR.x, DOOR.y + 0.6, 180.0))
    go_to(who, to)


def to_seat(who: Performer, piece: Furniture) -> tuple[Pose, Place]:
    """Go before a seat or bed and turn round; returns the pose of sitting there, and its frame."""
    spot = Place(piece.x, piece.y, piece.yaw_deg)
    sitting, frame = actions.seat_pose(who, spot, piece.kind, piece.height)
    ready = actions.before_seat(who, sitting, frame)
    front = frame.point(0.0, -0.85)
    go_to(who, Place(float(front[0]), float(front[1]), 0.0))
    here = who.place
    shift: F64 = ready.root[:2] - np.array([here.x, here.y])
    actions.turn_towards(who, piece.yaw_deg, shift)
    who.go(ready, 0.4, "stand")
    return sitting, frame


def settle(who: Performer, piece: Furniture) -> Place:
    """Go to a seat or bed and sit down; returns the frame of the hips."""
    sitting, frame = to_seat(who, piece)
    actions.sit_down(who, sitting, frame, scrape=piece.kind == "chair")
    return frame


def visit_seat(who: Performer, seat: Furniture, drinks: bool, seconds: float) -> None:
    """Sit down, stay a while, perhaps drink, stand up."""
    frame = settle(who, seat)
    actions.sit(who, 1.5 if drinks else seconds)
    if drinks:
        actions.drink(who, seconds)
        actions.sit(who, 1.5, "hang")
    actions.stand_up(who, frame, scrape=seat.kind == "chair")


def to_bed(who: Performer, bed: Furniture) -> tuple[Pose, Place]:
    """Sit down on the edge and lie down; returns the pose of sitting there, and its frame."""
    frame = settle(who, bed)
    sitting, spot = who.pose, Place(bed.x, bed.y, bed.yaw_deg)
    actions.sit(who, 1.5, "hang")
    down = beds.lying_pose(who, spot, bed.kind, bed.height, bed.side)
    beds.lie_down(who, spot, bed.kind, bed.height, bed.side, down)
    return sitting, frame


def visit_bed(who: Performer, bed: Furniture, seconds: float) -> None:
    """Lie down on a bed or long couch, rest, get up again."""
    sitting, frame = to_bed(who, bed)
    beds.lie(who, seconds)
    spot = Place(bed.x, bed.y, bed.yaw_deg)
    beds.get_up_from_bed(who, spot, bed.kind, bed.height, bed.side, sitting)
    actions.sit(who, 1.0, "hang")
    actions.stand_up(who, frame)
