from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("foxglove", reason="needs foxglove-sdk")
pytest.importorskip("scipy", reason="needs scipy (the extra train)")
pytest.importorskip("cv2", reason="needs OpenCV")

from edge.sources.recording import Recording
from edge.values import Stream
from edge.vocabulary import ACTIONS
from engines.rooms import generate
from engines.rooms.plan import ClipPlan, clip_plans, write_manifest
from engines.rooms.renderer import Rendered
from engines.rooms.scene import Actor, Camera, Light, Scene, SoundEvent, Span
from engines.rooms.workers import MAX_ATTEMPTS, Made, make_clip
from engines.rooms.write import HardlyVisibleError, truth_path, write_scene

FRAMES = 15


def scene(seed: int = 3, action: str = "fall") -> Scene:
    actor = Actor(
        body=5,
        looks_seed=1,
        rotations=np.tile(np.eye(3), (FRAMES, 15, 1, 1)),
        root=np.zeros((FRAMES, 3)),
    )
    return Scene(
        seed=seed,
        room_m=(4.0, 4.0, 2.5),
        dark=False,
        camera=Camera(np.array([1.8, 1.8, 2.2]), np.zeros(3), 70.0),
        light=Light(np.array([0.0, 0, 2]), np.ones(3), np.ones(3), np.ones(3), False),
        furniture=(),
        clutter=0,
        actors=(actor,),
        props=(),
        sounds=(SoundEvent(0.5, "thud", 2.0), SoundEvent(0.7, "cough")),
        truth=(Span(action, 0.0, 1.0),),
        duration_s=1.0,
        notes={"ambience": "none", "fall": "trip"},
    )


class FakeRenderer:
    """Draws a square person of the given side length at a fixed place, ``cut`` frames at most."""

    def __init__(self, side: int = 60, stop: type[BaseException] | None = None) -> None:
        self._side, self._stop = side, stop
        self.rendered: list[int] = []

    def render(self, scene: Scene) -> Iterator[Rendered]:
        self.rendered.append(scene.seed)
        actor = np.zeros((240, 320), np.uint8)
        actor[100 : 100 + self._side, 40 : 40 + self._side] = 1
        rgb = np.full((240, 320, 3), 120, np.uint8)
        depth = np.full((240, 320), 2.5, np.float32)
        for frame in range(scene.frames):
            if self._stop is not None and frame == FRAMES // 2:
                raise self._stop
            yield Rendered(rgb, depth, actor)


def plan(label: str = "fall", index: int = 0) -> ClipPlan:
    return ClipPlan(index, label, "train", 1, 1.0)


def test_a_recording_has_pictures_depth_and_sound_of_the_stated_sizes(tmp_path: Path) -> None:
    write_scene(scene(), tmp_path / "a.mcap", FakeRenderer(), None)
    recording = Recording(tmp_path / "a.mcap")
    samples = list(recording.samples())
    shapes = {s.stream: s.data.shape for s in samples if s.stream is not Stream.AUDIO}
    sound = np.concatenate([s.data for s in samples if s.stream is Stream.AUDIO])
    times = [s.t_ns for s in samples]
    assert shapes == {Stream.RGB: (240, 320, 3), Stream.DEPTH: (120, 160)}
    assert sum(s.stream is Stream.RGB for s in samples) == FRAMES
    assert len(sound) == 16_000
    assert times == sorted(times)
    assert recording.depth_hfov_deg == pytest.approx(70.0)
    assert recording.metadata == {"source": "rendered", "seed": "3"}


def test_the_ground_truth_says_what_happens_and_where(tmp_path: Path) -> None:
    write_scene(scene(), tmp_path / "a.mcap", FakeRenderer(), None, extra={"label": "fall"})
    truth = json.loads(truth_path(tmp_path / "a.mcap").read_text())
    assert truth["spans"] == [{"action": "fall", "start_s": 0.0, "end_s": 1.0}]
    assert [s["kind"] for s in truth["sounds"]] == ["thud", "cough"]
    assert truth["boxes"] == [[40, 100, 100, 160]] * FRAMES
    assert truth["visible_mean"] == pytest.approx(3600 / 76_800, abs=1e-4)
    assert truth["seed"] == 3
    assert truth["notes"]["fall"] == "trip"
    assert truth["composed"] is None


def test_the_same_scene_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mcap", "b.mcap"):
        write_scene(scene(), tmp_path / name, FakeRenderer(), None)
    assert (tmp_path / "a.mcap").read_bytes() == (tmp_path / "b.mcap").read_bytes()


def test_a_hidden_person_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(HardlyVisibleError):
        write_scene(scene(), tmp_path / "a.mcap", FakeRenderer(side=6), None)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_room_needs_no_person(tmp_path: Path) -> None:
    empty = replace(scene(action="empty"), actors=())
    write_scene(empty, tmp_path / "a.mcap", FakeRenderer(side=0), None)
    assert json.loads(truth_path(tmp_path / "a.mcap").read_text())["boxes"] == [None] * FRAMES


def test_a_scene_that_hides_its_person_is_rolled_again_with_another_seed(tmp_path: Path) -> None:
    renderer = FakeRenderer(side=6)
    made = make_clip(plan(), tmp_path, renderer, None, lambda p, k: scene(p.scene_seed(k)))
    assert made.attempts == MAX_ATTEMPTS
    assert len(set(renderer.rendered)) == MAX_ATTEMPTS
    assert plan().is_finished(tmp_path)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_whole_files_only(tmp_path: Path, stop: type[BaseException]) -> None:
    make_clip(plan(index=0), tmp_path, FakeRenderer(), None, lambda p, k: scene())
    with pytest.raises(stop):
        make_clip(plan(index=1), tmp_path, FakeRenderer(stop=stop), None, lambda p, k: scene())
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"{plan().name}.mcap", f"{plan().name}.truth.json"}


def test_the_classes_take_turns() -> None:
    labels = [p.label for p in clip_plans(30, seed=0, split="train", duration_s=4.0)]
    assert labels == [*ACTIONS, *ACTIONS]


def test_every_clip_and_attempt_and_split_has_its_own_seed() -> None:
    plans = [p for s in ("train", "test") for p in clip_plans(40, 0, s, 4.0)]  # type: ignore[arg-type]
    seeds = {p.scene_seed(attempt) for p in plans for attempt in range(3)}
    assert len(seeds) == 240
    assert len({p.name for p in plans}) == 80


def test_the_manifest_has_one_row_for_each_whole_clip(tmp_path: Path) -> None:
    for index, label in enumerate(("fall", "walk")):
        make_clip(plan(label, index), tmp_path, FakeRenderer(), None, lambda p, k: scene(77))
    (tmp_path / "half.mcap").write_bytes(b"no truth beside it")
    assert write_manifest(tmp_path) == 2
    with (tmp_path / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["fall", "walk"]
    for row in rows:
        assert (tmp_path / row["path"]).exists()
        assert row["dataset"] == "rooms"
        assert row["modalities"] == "rgb+depth+audio"
        assert row["group"] == "body5|seed77"


def test_a_second_run_makes_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def fake(plans: list[ClipPlan], out: Path, workers: int) -> Iterator[Made]:
        asked.append([p.name for p in plans])
        for p in plans:
            yield make_clip(p, out, FakeRenderer(), None, lambda p, k: scene(p.scene_seed(k)))

    monkeypatch.setattr(generate, "make_clips", fake)
    parser = generate.argparse.ArgumentParser()
    generate.add_arguments(parser)
    args = parser.parse_args(["--out", str(tmp_path), "--clips", "3", "--duration", "1"])
    assert generate.run(args) == 0
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.mcap")}
    lost = sorted(first)[1]
    lost.unlink()
    sheet = tmp_path / "sheet.png"
    args = parser.parse_args(
        ["--out", str(tmp_path), "--clips", "3", "--duration", "1", "--sheet", str(sheet)]
    )
    assert generate.run(args) == 0
    assert [len(names) for names in asked] == [3, 1]
    assert asked[1] == [lost.stem]
    assert all(p.stat().st_mtime_ns == t for p, t in first.items() if p != lost)
    assert sheet.read_bytes().startswith(b"\x89PNG")
