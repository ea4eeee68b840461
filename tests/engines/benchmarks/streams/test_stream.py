from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("foxglove", reason="needs foxglove-sdk")
pytest.importorskip("cv2", reason="needs OpenCV")
pytest.importorskip("scipy", reason="needs scipy (the extra train)")

from edge.models import Models
from edge.sources.mcap_writer import RecordingWriter
from edge.values import F32, FEATURE_DIM, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass, Modality
from engines.benchmarks import stream
from engines.benchmarks.streams.report import as_json, markdown
from engines.benchmarks.streams.trace import decided

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
        "spans": [dict(zip(("action", "start_s", "end_s"), s, strict=True)) for s in spans],
        "sounds": [], "visible": [0.1] * 75,
    }  # fmt: skip
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stream.StreamReport]:
    """Three scenes: a fall that is seen, one that is not, and an alarm at somebody crouching."""
    models = Models("bright", {m: Mean() for m in MODALITIES}, BrightIsFalling())
    folder = tmp_path_factory.mktemp("scenes")
    paths = [
        record(folder, "seen.mcap", bright_s=2.0, fall_s=2.0),
        record(folder, "unseen.mcap", bright_s=None, fall_s=2.0),
        record(folder, "crouching.mcap", bright_s=3.0, fall_s=None),
    ]
    told: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(stream, "open_models", lambda settings: models)
        patch.setattr(stream, "worker_pool", ThreadPoolExecutor)
        yield stream.run_stream(paths, None, 1, lambda *now: told.append(now))
    assert told == [("replaying", 0, 3), ("replaying", 2, 3), ("replaying", 3, 3)]


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
    text = markdown(report)
    assert "| fall | 2 | 1/2 = 50% (9% to 91%) |" in text
    assert "- crouching: fall at" in text
    assert "- unseen: fall at 2.0 s, the person on 10.0% of the picture" in text
    data = json.loads(json.dumps(as_json(report), allow_nan=False))
    assert data["summary"]["false_alarms"] == 1
    assert data["curves"]["fall"][0]["detected"] == 1
    assert data["curves"]["fall"][-1]["false_alarms"] == 0


def test_every_scene_in_trouble_gets_its_picture(report: stream.StreamReport) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")
    from engines.benchmarks.streams.pictures import figures_of

    drawn = {figure.name: figure.svg for figure in figures_of(report)}
    assert set(drawn) == {
        "stream-overview", "stream-curves", "stream-unseen", "stream-crouching",
    }  # fmt: skip
    assert "false alarm" in drawn["stream-overview"]
    assert "crouch_pick_up" in drawn["stream-crouching"]


def test_a_run_without_recordings_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        stream.run_stream([], None, 1, lambda *now: None)
