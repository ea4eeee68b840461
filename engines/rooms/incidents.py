"""What a carer must be called for: falls, attacks, and calls for help without a fall."""

from __future__ import annotations

from engines.rooms import actions, floor, poses, violence, visits
from engines.rooms import bed as beds
from engines.rooms.gait import heading
from engines.rooms.performer import Performer, Place
from engines.rooms.setting import Setting, go_to, settle, to_bed, wait

_ORIGINS = ("walking", "walking", "standing", "bending", "seat", "seat", "bed_edge")


def fall(s: Setting, duration_s: float) -> None:
    """Fall from walking, standing, bending, a seat or the edge of a bed; lie; sometimes get up.

    Raises: NotFallenError.
    """
    origin = str(s.rng.choice(_ORIGINS))
    if origin == "bed_edge" and s.bed is None:
        origin = "walking"
    s.cast.notes["fall_from"] = origin
    if origin in ("seat", "bed_edge"):
        piece = s.bed if origin == "bed_edge" and s.bed is not None else s.seat
        settle(s.who, piece)
        actions.sit(s.who, float(s.rng.uniform(1.5, 4)), "hang")
        s.cast.notes["fall_from"] = piece.kind
    else:
        _upright_before(s, origin)
    begin = s.who.t
    s.cast.notes["fall"] = floor.fall(
        s.who, boxes=s.obstacles(), seated=origin in ("seat", "bed_edge")
    )
    s.note("fall", begin)
    _after(s, duration_s, in_the_open=origin not in ("seat", "bed_edge"))


def _upright_before(s: Setting, origin: str) -> None:
    who, rng = s.who, s.rng
    go_to(who, Place(float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.9, -0.2)), 0.0))
    if origin == "walking":
        on = who.place.point(0.0, -1.2)
        actions.stroll(who, Place(float(on[0]), float(on[1]), who.place.yaw_deg), 1.0, 0.4)
    elif origin == "bending":
        here = who.place
        low = poses.bending(who.body, here.local(who.pose), rng, float(rng.uniform(40, 70)))
        who.go(here.world(low), 0.8, "crouch_pick_up")
    else:
        actions.stand(who, float(rng.uniform(1.5, 4)))


def _after(s: Setting, duration_s: float, in_the_open: bool) -> None:
    """Lie still or stir, perhaps call; stay down, get up alone, or be helped up."""
    who, rng = s.who, s.rng
    calls, stays = bool(rng.random() < 0.5), float(rng.uniform(4, 10))
    ending = str(rng.choice(("stays", "stays", "stays", "gets_up", "helped_up")))
    left = duration_s - who.t
    if ending == "helped_up" and s.door is None:
        ending = "gets_up"
    if not in_the_open or left < stays + 8:
        ending = "stays"
    s.cast.notes["after_fall"] = ending
    down = left if ending == "stays" else stays
    first = min(down, float(rng.uniform(1.5, 4)))
    floor.lie_still(who, first)
    if rng.random() < 0.4 and not calls:
        floor.lie_still(who, max(0.0, down - first))
    else:
        floor.lie_on_floor(who, max(0.0, down - first), calls=calls)
    begin = who.t
    if ending == "gets_up":
        floor.get_up_from_floor(who)
        s.note(ending, begin)
    elif ending == "helped_up":
        visits.fetch_up(s)
        s.note(ending, begin)
    if ending != "stays":
        actions.stand(who, max(0.0, duration_s - who.t))


def attack(s: Setting, duration_s: float) -> None:
    """Somebody comes over, from the door or a corner, and hits the observed person."""
    who, rng = s.who, s.rng
    go_to(who, Place(float(rng.uniform(-0.3, 0.3)), -0.4, 0.0))
    attacker = _attacker(s)
    violence.level(violence.Pair(attacker, who))
    mode = str(rng.choice(("beating", "beating", "grapple", "knock_down")))
    s.cast.notes["violence"] = mode
    begin = who.t
    violence.fight(violence.Pair(attacker, who), float(rng.uniform(4, 9)), mode)
    who.relabel(begin, violence.ACTION)
    s.note("attack", begin)
    left = max(0.0, duration_s - who.t)
    if mode == "knock_down":
        floor.lie_on_floor(who, left, calls=True)
    else:
        actions.stand(who, left, "hang")


def _attacker(s: Setting) -> Performer:
    """Bring the attacker before the observed person, who has turned to them."""
    who, rng = s.who, s.rng
    here = who.place
    if s.door is not None:
        attacker = s.visitor()
    else:
        corner = Place(float(rng.uniform(0.9, 1.3)), -1.7, 150.0)
        attacker = s.cast.person(place=corner)
        s.visitors.append(attacker)
        wait(attacker, who.t)
    way = heading(attacker.place, here.x, here.y)
    near = Place(here.x, here.y, way).point(0.0, 0.85)
    actions.turn_towards(attacker, way)
    actions.walk_to(attacker, Place(float(near[0]), float(near[1]), way))
    actions.face(who, float(near[0]), float(near[1]))
    actions.stand(who, max(0.5, attacker.t - who.t), "hang")
    return attacker


def call(s: Setting, duration_s: float) -> None:
    """Scream or call for help, again and again, while standing, sitting or lying in bed."""
    who, rng = s.who, s.rng
    where = str(rng.choice(("standing", "seat", "bed", "waving")))
    if where == "bed" and s.bed is None:
        where = "seat"
    s.cast.notes["call_from"] = where
    if where == "bed" and s.bed is not None:
        to_bed(who, s.bed)
        beds.lie(who, 1.5)
    elif where == "seat":
        settle(who, s.seat)
        actions.sit(who, 1.5)
    else:
        actions.stand(who, 1.5, "hang")
    begin, screams = who.t, bool(rng.random() < 0.35)
    for _ in range(int(rng.integers(2, 5))):
        if screams:
            who.sound("scream", 0.2, float(rng.uniform(0.8, 1.2)))
        else:
            text = str(rng.choice(("help! please help me!", "help me, please!")))
            who.sound("call_for_help", 0.2, float(rng.uniform(0.8, 1.2)), text)
        _meanwhile(s, where, float(rng.uniform(2.6, 4.5)))
    s.note("scream" if screams else "call", begin)
    _meanwhile(s, "standing" if where == "waving" else where, max(0.0, duration_s - who.t))


def _meanwhile(s: Setting, where: str, seconds: float) -> None:
    if where == "bed":
        beds.lie(s.who, seconds)
    elif where == "seat":
        actions.sit(s.who, seconds, "hang")
    elif where == "waving":
        actions.wave(s.who, seconds)
    else:
        actions.stand(s.who, seconds, "hang")
