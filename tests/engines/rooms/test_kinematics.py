from __future__ import annotations

import numpy as np
import pytest

from edge.errors import GatehouseError, ModelError

pytest.importorskip("scipy", reason="motion needs SciPy: pip install 'gatehouse-edge[train]'")

from engines.rooms import bodies_file, poses
from engines.rooms.bodies import GROUP, SKIN_VERTICES, Body, body_library
from engines.rooms.kinematics import interpolate, lowest, pose_of, solve
from engines.rooms.rotations import between, minimum_jerk, slerp, turn, two_bone


@pytest.fixture
def body() -> Body:
    try:
        return body_library()[3]
    except GatehouseError as error:
        pytest.skip(f"no body library: {error}")


def standing(body: Body) -> poses.Pose:
    style = poses.Style(5.0, 0.1, 8.0, 0.8, 1.0)
    return poses.standing(body, style, np.random.default_rng(0))


def test_slerp_half_way_turns_by_half_the_angle() -> None:
    np.testing.assert_allclose(slerp(turn(), turn(yaw=80), 0.5), turn(yaw=40), atol=1e-9)


def test_between_takes_one_direction_to_the_other_even_when_opposite() -> None:
    for a, b in (([0, 0, 1.0], [1.0, 0, 0]), ([0, 0, 1.0], [0, 0, -1.0])):
        np.testing.assert_allclose(between(np.array(a), np.array(b)) @ a, b, atol=1e-6)


def test_minimum_jerk_starts_and_ends_at_rest() -> None:
    s = minimum_jerk(np.array([-1, 0, 0.001, 0.5, 0.999, 1, 2]))
    np.testing.assert_allclose(s, [0, 0, 0, 0.5, 1, 1, 1], atol=1e-6)


def test_two_bones_keep_their_length_also_towards_a_target_out_of_reach() -> None:
    target = np.array([[0.3, 0, -0.3], [3.0, 0, 0]])
    origin, pole = np.zeros((2, 3)), np.tile([0, 1.0, 0], (2, 1))
    middle, end = two_bone(origin, target, 0.4, 0.35, pole)
    np.testing.assert_allclose(np.linalg.norm(middle, axis=1), 0.4, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(end - middle, axis=1), 0.35, atol=1e-9)
    np.testing.assert_allclose(end[0], target[0], atol=1e-9)


def test_hands_and_feet_reach_their_targets(body: Body) -> None:
    pose = poses.sitting(body, np.random.default_rng(1), 0.45)
    motion = solve(body, pose.repeated(1))
    at = body.fk(motion.rotations, motion.root)[1][0]
    for i, side in enumerate("lr"):
        np.testing.assert_allclose(at[GROUP[f"hand_{side}"]], pose.hands[i], atol=0.01)
        np.testing.assert_allclose(at[GROUP[f"foot_{side}"]], pose.feet[i], atol=0.01)


def test_a_pose_read_back_solves_to_the_same_rotations(body: Body) -> None:
    motion = solve(body, standing(body).repeated(2))
    again = solve(body, pose_of(body, motion).repeated(1))
    np.testing.assert_allclose(again.rotations[0], motion.rotations[0], atol=0.02)


def test_mirroring_twice_changes_nothing(body: Body) -> None:
    pose = standing(body)
    np.testing.assert_allclose(pose.mirrored().mirrored().hands, pose.hands)
    np.testing.assert_allclose(pose.mirrored().hands[0], pose.hands[1] * [-1, 1, 1])


def test_interpolation_begins_and_ends_at_its_poses(body: Body) -> None:
    a, b = standing(body), poses.sitting(body, np.random.default_rng(0), 0.45)
    track = interpolate(a, b, np.array([0.0, 1.0]))
    np.testing.assert_allclose(track.root, [a.root, b.root])
    np.testing.assert_allclose(track.chest[1], b.chest, atol=1e-9)


@pytest.mark.parametrize("mode", ["supine", "prone", "left", "right"])
def test_somebody_lying_touches_the_floor_and_is_flat(body: Body, mode: str) -> None:
    pose = poses.lying(body, np.random.default_rng(2), mode)
    motion = solve(body, pose.repeated(1))
    assert lowest(body, motion)[0] == pytest.approx(-0.02, abs=1e-6)
    assert body.fk(motion.rotations, motion.root)[1][0, :, 2].max() < 0.55


def test_skin_weights_sum_to_one_and_the_sole_is_on_the_floor(body: Body) -> None:
    np.testing.assert_allclose(body.weights.sum(1), 1.0, atol=1e-5)
    assert body.vertices[:SKIN_VERTICES, 2].min() == pytest.approx(0.0, abs=1e-6)


def test_an_absent_library_that_cannot_be_built_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: object) -> None:
        raise ImportError("No module named 'anny'")

    monkeypatch.setattr(bodies_file, "rooms_file", lambda _: None)
    monkeypatch.setattr(bodies_file, "build", refuse)
    with pytest.raises(ModelError, match="pip install"):
        bodies_file.find_or_build()
