from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("foxglove", reason="needs foxglove-sdk")
pytest.importorskip("cv2", reason="needs OpenCV")
pytest.importorskip("scipy", reason="needs scipy (the extra train)")

from edge.errors import MissingFileError, StoreError
from edge.models import Models
from edge.settings import AlarmRule, DecisionSettings
from edge.sources.mcap_writer import RecordingWriter
from edge.values import F32, FEATURE_DIM, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass, Modality
from engines.benchmarks import stream
from engines.benchmarks.items import Workbench
from engines.benchmarks.streams import replays, scenes
from engines.benchmarks.streams.report import as_json, tables
from engines.benchmarks.streams.scenes import scene_files
from engines.benchmarks.streams.trace import decided
from engines.benchmarks.suites import Detailed

RULES = DecisionSettings(fall=AlarmRule(enter=0.8, exit=0.4, decisions=1))
SECONDS = 5.0


class Mean:
    """Every feature is the mean of the input."""

    def encode(self, batch: NDArray[Any]) -> F32:
        means = batch.reshape(len(batch), -1).mean(axis=1, dtype=np.float64)
        return np.repeat(means[:, None], FEATURE_DIM, axis=1).astype(np.float32)


class BrightIsFalling:
    """Calls a bright picture a fall."""

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        rooms, count = window.present.shape
        bright = window.features[:, MODALITIES.index(Modality.RGB), -3:, 0].max(axis=1) > 130
        actions = np.full((rooms, len(ACTIONS)), 0.1 / (len(ACTIONS) - 1), np.float32)
        actions[:, ACTIONS.index("fall")] = np.where(bright, 0.9, 0.1 / 14)
        actions[:, ACTIONS.index("walk")] = np.where(bright, 0.1 / 14, 0.9)
        return FusedBatch(
            np.full((rooms, count), 1 / count, np.float32), actions,
            np.repeat(actions[:, None], count, axis=1), np.full((rooms, len(SOUNDS)), 0.01, "f4"),
        )  # fmt: skip


def record(folder: Path, name: str, bright_s: float | None, fall_s: float | None) -> Path:
    path = folder / name
    rng = np.random.default_rng(3)
    with RecordingWriter(path, depth_hfov_deg=80.0) as writer:
        for index in range(round(SECONDS * 15)):
            t_s = index / 15
            lit = bright_s is not None and bright_s <= t_s < bright_s + 2
            picture = (235 if lit else 60) + rng.integers(-9, 9, (60, 80, 3))
            writer.audio(round(t_s * 1e9), rng.normal(0, 900, 1067).astype(np.int16))
            writer.rgb(round(t_s * 1e9), picture.astype(np.uint8))
            writer.depth(round(t_s * 1e9), rng.integers(900, 4000, (60, 80)).astype(np.uint16))
    spans = [("crouch_pick_up", 0.0, SECONDS)]
    if fall_s is not None:
        spans = [
            ("walk", 0.0, fall_s),
            ("fall", fall_s, fall_s + 1),
            ("on_floor", fall_s + 1, SECONDS),
        ]
    truth = {
        "fps": 15, "duration_s": SECONDS, "dark": False, "notes": {"story": "made"},
        "split": "test", "bodies": [62],
        "spans": [dict(zip(("action", "start_s", "end_s"), s, strict=True)) for s in spans],
        "sounds": [], "visible": [0.1] * 75,
    }  # fmt: skip
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes: a fall that is seen, one that is not, and an alarm at somebody crouching."""
    folder = tmp_path_factory.mktemp("scenes")
    record(folder, "seen.mcap", bright_s=2.0, fall_s=2.0)
    record(folder, "unseen.mcap", bright_s=None, fall_s=2.0)
    record(folder, "crouching.mcap", bright_s=3.0, fall_s=None)
    return folder


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def report(
    folder: Path, told: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stream.StreamReport]:
    models = Models("bright", {m: Mean() for m in MODALITIES}, BrightIsFalling())
    paths = [folder / f"{name}.mcap" for name in ("seen", "unseen", "crouching")]
    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(replays, "open_models", lambda settings: models)
        patch.setattr(replays, "worker_pool", ThreadPoolExecutor)
        first = stream.run_stream(paths, None, work, 1, lambda *now: told.append(now), RULES)
        patch.setattr(replays, "replay_some", None)  # what was replayed is not replayed again
        again = stream.run_stream(paths, None, work, 1, lambda *now: told.append(now), RULES)
        assert again.scenes == first.scenes
        yield first


@pytest.mark.usefixtures("report")
def test_scenes_are_replayed_once(told: list[tuple[str, int, int]]) -> None:
    assert [done for _, done, _ in told] == [0, 2, 3, 3]
    assert {(task, total) for task, _, total in told} == {("replaying", 3)}


def test_alarms_of_whole_recordings_are_judged_and_written_down(
    report: stream.StreamReport,
) -> None:
    row = report.summary.of(AlarmClass.FALL)
    assert (row.events, row.detected, row.false_alarms) == (2, 1, 1)
    assert row.delay_median_s is not None
    assert 0 <= row.delay_median_s <= 1.0
    assert row.mistaken_for == {"crouch_pick_up": 1}
    assert report.summary.hours == pytest.approx(3 * SECONDS / 3600, rel=0.05)
    for scene, trace in zip(report.scenes, report.traces, strict=True):
        again = decided(trace, report.settings)
        assert [j.alarm for j in scene.alarms] == again
    alarms, wrong, missed = tables(report)
    assert alarms.rows[0][:3] == ("fall", "2", "1/2 = 50% (9% to 91%)")
    assert alarms.notes[0].startswith("3 scenes (3 made; 0 dark), 0.00 hours watched. In all 1")
    (row_of_wrong,) = wrong.rows
    assert (row_of_wrong[0], row_of_wrong[1]) == ("crouching", "fall")
    assert missed.rows == (("unseen", "fall", "2.0 s", "10.0%", "no", "not recognised"),)
    data = as_json(report)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["summary"]["false_alarms"] == 1
    assert data["curves"]["fall"][0]["detected"] == 1
    assert data["curves"]["fall"][-1]["false_alarms"] == 0


def test_scenes_in_trouble_get_their_pictures_first(report: stream.StreamReport) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")
    from engines.benchmarks.streams.pictures import figures_of, telling

    drawn = {figure.name: figure.svg for figure in figures_of(report)}
    assert set(drawn) == {"overview", "curves", "seen", "unseen", "crouching"}
    assert "false alarm" in drawn["overview"]
    assert "crouch_pick_up" in drawn["crouching"]
    many = [replace(scene, name=f"{scene.name}{n}") for n in range(5) for scene in report.scenes]
    names = telling(many)
    assert names[:5] == [f"unseen{n}" for n in range(5)]
    assert names[5:] == ["crouching0"]


def test_a_run_without_recordings_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        stream.run_stream([], None, Path("work"), 1, lambda *now: None)


def test_the_suite_is_one_of_the_benchmarks_and_asks_no_question() -> None:
    bench = Workbench("", "work", None, 1)
    assert isinstance(stream.SUITE, Detailed)
    assert stream.SUITE.questions(bench, lambda *now: None) == []


@pytest.mark.usefixtures("report")
def test_given_scenes_are_taken_and_others_are_rendered_of_test_persons(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half.mcap").write_bytes(b"")  # its truth is not there yet
    given = Workbench("", str(tmp_path), None, 1, scenes=(str(folder),))
    assert [path.stem for path in scene_files(given)] == ["crouching", "seen", "unseen"]
    with pytest.raises(MissingFileError, match="no scene with its truth"):
        scene_files(Workbench("", "", None, 1, scenes=(str(tmp_path),)))
    asked: list[tuple[Path, int, int, int]] = []
    monkeypatch.setattr(scenes, "render", lambda *order: asked.append(order))
    with pytest.raises(MissingFileError):
        scene_files(Workbench("", str(tmp_path), None, 3))
    assert asked == [(tmp_path / "scenes", 24, 90, 3)]
    command = " ".join(scenes.rendering(*asked[0]))
    assert "--split test --scenes 24 --kind mixed --seed 90" in command


def test_a_run_of_the_generator_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [sys.executable, "-c", "raise SystemExit(74)"]
    monkeypatch.setattr(scenes, "rendering", lambda *order: fails)
    with pytest.raises(StoreError, match="status 74") as error:
        scenes.render(tmp_path, 1, 1, 1)
    assert error.value.exit_code == 74
