from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.errors import MediaError, MissingFileError
from edge.vocabulary import AlarmClass
from engines.benchmarks.streams.events import read_scene


def write(path: Path, **changes: Any) -> Path:
    truth: dict[str, Any] = {
        "fps": 15, "duration_s": 12.0, "dark": True, "split": "train", "bodies": [5, 27],
        "notes": {"story": "falls", "told": "wave 1.0-3.0; fall 4.0-5.0"},
        "spans": [
            {"action": "stand", "start_s": 0.0, "end_s": 4.0},
            {"action": "fall", "start_s": 4.0, "end_s": 5.0},
            {"action": "on_floor", "start_s": 5.0, "end_s": 12.0},
        ],
        "sounds": [{"kind": "thud", "label": None, "start_s": 4.6, "end_s": 5.0}],
        "visible": [0.2] * 60 + [0.1] * 120,
        **changes,
    }  # fmt: skip
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    return path


def test_a_rendered_scene_says_what_must_raise_an_alarm(tmp_path: Path) -> None:
    scene = read_scene(write(tmp_path / "a.mcap"))
    (event,) = scene.events
    assert (event.alarm_class, event.onset_s, event.end_s) == (AlarmClass.FALL, 4.0, 14.0)
    assert event.visible == pytest.approx(0.1)
    assert (scene.name, scene.story, scene.dark) == ("a", "falls", True)
    assert (scene.split, scene.person) == ("train", "5")


def test_a_moment_is_described_by_action_episode_and_sounds(tmp_path: Path) -> None:
    context = read_scene(write(tmp_path / "a.mcap")).context(5.0)
    assert (context.action, context.episode, context.sounds) == ("fall", "fall", ("thud",))


def test_a_recording_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"b\.truth\.json"):
        read_scene(tmp_path / "b.mcap")


def test_a_truth_without_visibility_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not the truth"):
        read_scene(write(tmp_path / "a.mcap", visible=None))
