"""Pictures of scenes: geometry, light, determinism, segmentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from edge.errors import GatehouseError
from engines.rooms.clutter import strew
from engines.rooms.scene import Actor, Camera, Furniture, Light, Prop, Scene

LAMP = Light(
    np.array([0.0, 0, 2.3]), np.array([2.0, 1.9, 1.7]), np.full(3, 0.33), np.full(3, 0.16), False
)
NIGHT = Light(np.array([0.0, 0, 2.3]), np.full(3, 0.05), np.full(3, 0.02), np.full(3, 0.01), False)
SUN = Light(
    np.array([4.0, 1, 3.2]), np.array([1.1, 1.05, 1.0]), np.full(3, 0.4), np.full(3, 0.2), True
)
LEVEL = Camera(np.array([0.0, 1.5, 1.2]), np.array([0.0, -1.0, 1.2]), 70.0)


def scene(**changes: object) -> Scene:
    empty = Scene(
        seed=4, room_m=(4.0, 5.0, 2.5), dark=False, camera=LEVEL, light=LAMP, furniture=(),
        clutter=0, actors=(), props=(), sounds=(), truth=(), duration_s=0.2,
    )  # fmt: skip
    return replace(empty, **changes)  # type: ignore[arg-type]


def standing(frames: int, walks: bool = False) -> Actor:
    from engines.rooms.bodies import body_library

    try:
        body = body_library()[3]
    except GatehouseError as error:
        pytest.skip(str(error))
    root = np.tile([0.0, -1.0, body.leg], (frames, 1))
    if walks:
        root[:, 0] += np.linspace(-0.5, 0.5, frames)
    return Actor(3, 9, np.tile(np.eye(3), (frames, 15, 1, 1)), root)


@pytest.fixture(scope="module")
def renderer() -> Iterator[object]:
    pytest.importorskip("moderngl", reason="moderngl renders the rooms")
    from engines.rooms.renderer import Renderer, RenderError

    try:
        opened = Renderer()
    except RenderError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


def test_a_wall_is_as_far_as_the_room_says(renderer) -> None:
    frame = next(renderer.render(scene()))
    assert frame.rgb.shape == (240, 320, 3)
    assert frame.depth_m.dtype == np.float32
    above_doors = frame.depth_m[58:61]
    assert np.median(above_doors) == pytest.approx(4.0, abs=0.01)


def test_the_floor_is_where_the_pinhole_geometry_puts_it(renderer) -> None:
    frame = next(renderer.render(scene(seed=6)))
    focal = 160 / np.tan(np.radians(35))
    row = 235
    expected = 1.2 * focal / (row + 0.5 - 120)
    assert np.median(frame.depth_m[row]) == pytest.approx(expected, abs=0.01)


def test_the_same_scene_gives_the_same_picture_and_another_seed_another(renderer) -> None:
    def picture(seed: int) -> np.ndarray:
        return next(renderer.render(scene(seed=seed, clutter=5))).rgb

    assert np.array_equal(picture(4), picture(4))
    assert (picture(4) != picture(5)).mean() > 0.5


def test_a_scene_without_actors_is_rendered_once(renderer) -> None:
    frames = list(renderer.render(scene(duration_s=1.0)))
    assert len(frames) == 15
    assert all(frame is frames[0] for frame in frames)


def test_dark_pictures_are_dark(renderer) -> None:
    day = next(renderer.render(scene())).rgb.mean()
    night = next(renderer.render(scene(dark=True, light=NIGHT))).rgb.mean()
    assert night < 45 < 80 < day


def test_the_sun_lights_part_of_the_room_through_the_window(renderer) -> None:
    high = Camera(np.array([-1.7, -2.2, 2.2]), np.array([1.0, 1.0, 0.3]), 80.0)
    with_sun = next(renderer.render(scene(light=SUN, camera=high))).rgb.astype(int)
    weak = replace(SUN, colour=SUN.colour * 1e-3)
    without = next(renderer.render(scene(light=weak, camera=high))).rgb.astype(int)
    gain = (with_sun - without).mean(2)
    assert 0.001 < (gain > 40).mean() < 0.5


def test_the_person_is_marked_and_stands_before_the_wall_on_the_floor(renderer) -> None:
    first = next(renderer.render(scene(actors=(standing(3),))))
    person = first.actor == 1
    assert set(np.unique(first.actor)) == {0, 1}
    assert 0.02 < person.mean() < 0.3
    assert first.depth_m[person].mean() == pytest.approx(2.5, abs=0.15)
    focal = 160 / np.tan(np.radians(35))
    soles = 1.2 - (np.flatnonzero(person.any(1)).max() - 119.5) * 2.4 / focal
    assert soles == pytest.approx(0.0, abs=0.08)


def test_a_moving_person_moves_and_casts_a_moving_shadow(renderer) -> None:
    frames = list(renderer.render(scene(actors=(standing(3, walks=True),))))
    centres = [np.nonzero(f.actor == 1)[1].mean() for f in frames]
    # looking along -y, +x is to the left
    assert centres[0] - centres[1] > 10
    assert centres[1] - centres[2] > 10
    still = (frames[0].actor == 0) & (frames[2].actor == 0)
    changed = np.abs(frames[0].rgb.astype(int) - frames[2].rgb).max(2) > 8
    assert (changed & still).sum() > 50
    assert np.array_equal(frames[0].depth_m[still], frames[2].depth_m[still])


def test_a_held_cup_is_in_the_picture_but_not_part_of_the_person(renderer) -> None:
    actor = standing(3)
    empty_handed = next(renderer.render(scene(actors=(actor,))))
    holding = next(renderer.render(scene(actors=(replace(actor, held_in="hand_l"),))))
    changed = (empty_handed.rgb != holding.rgb).any(2)
    assert changed.any()
    assert (holding.actor == 1).sum() <= (empty_handed.actor == 1).sum()


def test_a_cup_that_was_put_down_is_gone(renderer) -> None:
    actor = standing(3)
    holds = replace(actor, held_in="hand_l", held_s=(0.0, 0.01))
    never = [frame.rgb for frame in renderer.render(scene(actors=(actor,)))]
    first, _, last = (frame.rgb for frame in renderer.render(scene(actors=(holds,))))
    assert (first != never[0]).any()
    assert (last == never[2]).all()


def test_two_people_have_their_own_labels(renderer) -> None:
    first = standing(3)
    second = replace(first, looks_seed=10, root=first.root + np.array([0.8, 0, 0]))
    frame = next(renderer.render(scene(actors=(first, second))))
    assert set(np.unique(frame.actor)) == {0, 1, 2}


def test_a_prop_on_the_floor_is_seen(renderer) -> None:
    down = Camera(np.array([0.0, 1.5, 1.8]), np.array([0.0, 0.0, 0.0]), 60.0)
    without = next(renderer.render(scene(camera=down)))
    with_prop = next(renderer.render(scene(camera=down, props=(Prop(0.0, 0.0, 0.0, 2),))))
    nearer = with_prop.depth_m < without.depth_m - 0.01
    assert nearer[110:130, 150:170].any()


def test_abandoned_pictures_may_outlive_the_renderer(renderer) -> None:
    from engines.rooms.renderer import Renderer

    with Renderer(64, 48, supersample=2) as small:
        frames = small.render(scene(actors=(standing(3),)))
        shape = next(frames).rgb.shape
    frames.close()
    assert shape == (48, 64, 3)


def test_a_machine_without_egl_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    moderngl = pytest.importorskip("moderngl", reason="moderngl renders the rooms")
    from engines.rooms.renderer import Renderer, RenderError

    def no_egl(**_: object) -> None:
        raise Exception("cannot load libEGL.so")

    monkeypatch.setattr(moderngl, "create_context", no_egl)
    with pytest.raises(RenderError, match="apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri"):
        Renderer()


def test_clutter_keeps_clear_of_furniture_camera_and_people() -> None:
    placed = Furniture("couch", 0.0, 2.0, 0.0, 0.45, 1)
    clear = (0.5, -1.0, 0.6)
    for seed in range(20):
        crowded = scene(seed=seed, clutter=12, furniture=(placed,), keep_clear=(clear,))
        pieces = strew(crowded)
        assert pieces
        for piece in pieces:
            assert np.hypot(piece.x - clear[0], piece.y - clear[1]) > clear[2]
            assert np.hypot(piece.x - placed.x, piece.y - placed.y) > 0.8
            assert np.hypot(*(np.array([piece.x, piece.y]) - LEVEL.position[:2])) > 0.6
            assert abs(piece.x) < 2.0
            assert abs(piece.y) < 2.5
