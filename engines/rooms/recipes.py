"""How each action is staged for a clip: lead-in, furniture, and the moment the clip should end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from engines.rooms import actions, floor, poses, violence
from engines.rooms import bed as beds
from engines.rooms.bodies import TEST_BODIES, TRAIN_BODIES, body_library
from engines.rooms.kinematics import Pose
from engines.rooms.performer import Performer, Place
from engines.rooms.ragdoll import Box
from engines.rooms.scene import Furniture, Prop

SHOWN_S = 2.2
"""How much of the clip's end belongs to its action."""

ORIGIN = Place(0.0, 0.0, 0.0)


@dataclass
class Cast:
    """Everybody and everything of a scene while it is being made."""

    rng: np.random.Generator
    split: str
    furniture: list[Furniture] = field(default_factory=list)
    props: list[Prop] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def person(self, start: Pose | None = None, place: Place = ORIGIN) -> Performer:
        """Hire somebody of the split; they stand at ``place`` unless a pose is given."""
        bodies = TRAIN_BODIES if self.split == "train" else TEST_BODIES
        body = body_library()[int(self.rng.choice(bodies))]
        style = poses.Style.random(self.rng)
        pose = start or place.world(poses.standing(body, style, self.rng))
        return Performer(body, style, self.rng, pose)

    def put(self, kind: str, place: Place = ORIGIN, side: int = 1) -> Furniture:
        """Place a piece of furniture of a random height."""
        low, high = {
            "bed": (0.42, 0.6), "couch": (0.40, 0.47), "long_couch": (0.40, 0.46),
            "table": (0.68, 0.78), "side_table": (0.45, 0.6),
        }.get(kind, (0.40, 0.52))  # fmt: skip
        piece = Furniture(
            kind, place.x, place.y, place.yaw_deg, float(self.rng.uniform(low, high)),
            int(self.rng.integers(2**31)), side,
        )  # fmt: skip
        self.furniture.append(piece)
        return piece

    def seat_kind(self) -> str:
        """Draw a seat: chairs are the most common."""
        return str(self.rng.choice(("chair", "chair", "wheelchair", "couch", "couch", "bed")))


def boxes_of(piece: Furniture) -> tuple[Box, ...]:
    """Obstacles for the physics of falls, matching the renderer's furniture."""
    if piece.kind == "doorway":
        return ()
    here = Place(piece.x, piece.y, piece.yaw_deg)
    h = piece.height

    def box(x: float, y: float, z: float, half: tuple[float, float, float]) -> Box:
        p = here.point(x, y, z)
        return Box((float(p[0]), float(p[1]), z), half, piece.yaw_deg)

    if piece.kind == "bed":
        return (box(0, 0.45, h / 2, (1.0, 0.5, h / 2)),)
    if piece.kind in ("couch", "long_couch"):
        wide = 1.05 if piece.kind == "long_couch" else 0.7
        return (box(0, 0.1, h / 2, (wide, 0.42, h / 2)), box(0, 0.44, h + 0.15, (wide, 0.1, 0.34)))
    if piece.kind == "table":
        return (box(0, 0, h - 0.02, (0.5, 0.4, 0.02)),)
    return (box(0, 0.02, h - 0.03, (0.22, 0.22, 0.03)), box(0, 0.24, h + 0.28, (0.22, 0.02, 0.2)))


Recipe = Callable[[Cast], tuple[tuple[Performer, ...], float]]
"""Makes the performers (the observed one first) and says when the clip should end, seconds."""


def _walk(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    rng, who = cast.rng, cast.person()
    far = float(rng.uniform(1.8, 3.2))
    bend = float(rng.normal(0, 40)) if rng.random() < 0.6 else 0.0
    end = ORIGIN.point(float(np.sin(np.radians(bend / 2))) * far, -far)
    actions.walk_to(who, Place(float(end[0]), float(end[1]), bend), eased=rng.random() < 0.6)
    while who.t < SHOWN_S + 0.2:
        back = who.place.yaw_deg + float(rng.choice((-1, 1)) * rng.uniform(90, 180))
        actions.turn_towards(who, back)
        spot = Place(who.place.x, who.place.y, back).point(0, -float(rng.uniform(1.0, 2.2)))
        actions.walk_to(who, Place(float(spot[0]), float(spot[1]), back))
    return (who,), float(rng.uniform(SHOWN_S, who.t - 0.1)) if rng.random() < 0.6 else who.t - 0.3


def _stand(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who = cast.person()
    if cast.rng.random() < 0.3:
        actions.turn_towards(who, float(cast.rng.uniform(-90, 90)))
    actions.stand(who, SHOWN_S + 0.3)
    return (who,), who.t


def _seated(cast: Cast) -> tuple[Performer, Furniture, Pose, Place]:
    kind = cast.seat_kind()
    seat = cast.put(kind, side=int(cast.rng.choice((-1, 1))))
    who = cast.person()
    sitting, frame = actions.seat_pose(who, ORIGIN, kind, seat.height)
    who.pose = sitting
    return who, seat, sitting, frame


def _sit(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who, *_ = _seated(cast)
    actions.sit(who, SHOWN_S + 0.4)
    return (who,), who.t


def _sit_down(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who, seat, sitting, frame = _seated(cast)
    who.pose = actions.before_seat(who, sitting, frame)
    actions.stand(who, 2.0, "hang")
    actions.sit_down(who, sitting, frame, scrape=seat.kind == "chair" and cast.rng.random() < 0.5)
    end = who.t + float(cast.rng.uniform(0.0, 0.4))
    actions.sit(who, 0.6)
    return (who,), end


def _stand_up(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who, seat, _, frame = _seated(cast)
    actions.sit(who, 2.0)
    actions.stand_up(who, frame, scrape=seat.kind == "chair" and cast.rng.random() < 0.5)
    end = who.t + float(cast.rng.uniform(0.0, 0.4))
    actions.stand(who, 0.6, "hang")
    return (who,), end


def _in_bed(cast: Cast) -> tuple[Performer, Furniture, Pose, Pose, Place]:
    kind = str(cast.rng.choice(("bed", "bed", "long_couch")))
    bed = cast.put(kind, side=int(cast.rng.choice((-1, 1))))
    who = cast.person()
    sitting, frame = actions.seat_pose(who, ORIGIN, kind, bed.height)
    return who, bed, sitting, beds.lying_pose(who, ORIGIN, kind, bed.height, bed.side), frame


def _lie(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who, _, _, lying, _ = _in_bed(cast)
    who.pose = lying
    beds.lie(who, SHOWN_S + 0.4)
    return (who,), who.t


def _lie_down(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who, bed, sitting, lying, _ = _in_bed(cast)
    who.pose = sitting
    actions.sit(who, 1.5, "hang")
    beds.lie_down(who, ORIGIN, bed.kind, bed.height, bed.side, lying)
    end = who.t + float(cast.rng.uniform(-0.1, 0.3))
    beds.lie(who, 0.5)
    return (who,), end


def _get_up(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    rng = cast.rng
    if rng.random() < 0.45:
        who, bed, sitting, lying, _ = _in_bed(cast)
        who.pose = lying
        beds.lie(who, 2.0)
        beds.get_up_from_bed(who, ORIGIN, bed.kind, bed.height, bed.side, sitting)
        end = who.t + float(rng.uniform(-0.1, 0.3))
        actions.sit(who, 0.5, "hang")
        return (who,), end
    who = cast.person()
    who.pose = floor.floor_pose(who, str(rng.choice(floor.FLOOR_KINDS[:5])), ORIGIN)
    floor.lie_on_floor(who, 1.5)
    begin = who.t
    floor.get_up_from_floor(who)
    return (who,), float(rng.uniform(min(begin + SHOWN_S, who.t), who.t))


def _drink_eat(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    if cast.rng.random() < 0.6:
        who, seat, _, _ = _seated(cast)
        if seat.kind in ("chair", "wheelchair") and cast.rng.random() < 0.6:
            cast.put("table", Place(0.0, -0.68, 0.0))
    else:
        who = cast.person()
    actions.drink(who, SHOWN_S + float(cast.rng.uniform(0.4, 1.8)))
    return (who,), who.t


def _crouch(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who = cast.person()
    actions.stand(who, 1.2, "hang")
    begin = who.t
    actions.crouch(who, float(cast.rng.uniform(2.3, 3.6)))
    if cast.rng.random() < 0.6:
        spot = ORIGIN.point(float(cast.rng.uniform(-0.3, 0.3)), -0.5)
        cast.props.append(Prop(float(spot[0]), float(spot[1]), 0.0, int(cast.rng.integers(2**31))))
    return (who,), float(cast.rng.uniform(min(begin + SHOWN_S, who.t), who.t))


def _wave(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    who = cast.person()
    if cast.rng.random() < 0.35:
        who, *_ = _seated(cast)
    actions.wave(who, SHOWN_S + 0.5, calls=cast.rng.random() < 0.4)
    return (who,), who.t


def _fall(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    rng, kind = cast.rng, None
    way = rng.random()
    if way < 0.25:
        who, seat, _, _ = _seated(cast)
        actions.sit(who, 2.0, "hang")
        kind = floor.fall(who, boxes=boxes_of(seat), seated=True)
        cast.notes["fall_from"] = seat.kind
    else:
        who = cast.person()
        cast.notes["fall_from"] = "standing"
        if way < 0.65:
            cast.notes["fall_from"] = "walking"
            actions.stroll(
                who, Place(float(rng.normal(0, 0.4)), -2.6, float(rng.normal(0, 20))), 1.8, 0.4
            )
        elif way < 0.75:
            actions.stand(who, 1.2, "hang")
            here = who.place
            who.go(
                here.world(poses.bending(who.body, here.local(who.pose), rng, 60)),
                0.8,
                "crouch_pick_up",
            )
        else:
            actions.stand(who, 2.0)
        kind = floor.fall(who)
    cast.notes["fall"] = kind
    done = max(s.end_s for s in who.spans if s.action == "fall")
    return (who,), done + float(rng.uniform(0.0, 0.6))


def _on_floor(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    rng, who = cast.rng, cast.person()
    if rng.random() < 0.55:
        floor.fall(who)
        floor.lie_on_floor(who, SHOWN_S + 2.0, calls=rng.random() < 0.4)
    else:
        who.pose = floor.floor_pose(who, str(rng.choice(floor.FLOOR_KINDS)), ORIGIN)
        floor.lie_on_floor(who, SHOWN_S + 0.5, calls=rng.random() < 0.3)
    return (who,), who.t


def _violence(cast: Cast) -> tuple[tuple[Performer, ...], float]:
    rng = cast.rng
    mode = str(rng.choice(violence.MODES))
    attacker = cast.person()
    gap = float(rng.uniform(0.75, 1.1))
    opposite = Place(0.0, -gap, 180.0 + float(rng.normal(0, 25)))
    victim = cast.person(place=opposite)
    if mode == "seated":
        seat = cast.put(str(rng.choice(("chair", "wheelchair", "couch"))), opposite)
        victim.pose = actions.seat_pose(victim, opposite, seat.kind, seat.height)[0]
    elif mode == "floor":
        kind = str(rng.choice(("supine", "left", "right", "prone", "hugging")))
        victim.pose = floor.floor_pose(victim, kind, Place(0.0, -gap, float(rng.uniform(0, 360))))
    cast.notes["violence"] = mode
    violence.fight(violence.Pair(attacker, victim), SHOWN_S + 1.6, mode)
    return (attacker, victim), attacker.t


RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "walk": _walk, "stand": _stand, "sit_down": _sit_down, "sit": _sit, "stand_up": _stand_up,
    "lie_down": _lie_down, "lie": _lie, "get_up": _get_up, "drink_eat": _drink_eat,
    "crouch_pick_up": _crouch, "wave": _wave, "fall": _fall, "on_floor": _on_floor,
    "violence": _violence,
})  # fmt: skip
"""Every action but ``empty``, which has nobody to perform it."""
