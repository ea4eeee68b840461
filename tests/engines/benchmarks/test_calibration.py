from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.fusion.cpu import CpuFusion
from edge.models import ModelStore, load_fusion_parameters
from edge.values import FEATURE_DIM
from edge.vocabulary import ACTIONS, SOUNDS, Modality
from engines.benchmarks.calibrated.decisions import Decisions, decided
from engines.benchmarks.calibrated.tables import told, training_table
from engines.benchmarks.calibration import (
    calibrated,
    confused,
    figures,
    raised,
)
from engines.benchmarks.features import Encoded
from engines.training.datasets import ClipInputs, Part
from engines.training.manifest import Row


def made(dataset: str, number: int, label: str = "scene") -> Decisions:
    """A clip of three decisions whose most likely action is right two times out of three."""
    rng = np.random.default_rng(number)
    scores = rng.dirichlet(np.full(len(ACTIONS), 0.3), 3).astype(np.float32)
    true = [ACTIONS[i] for i in scores.argmax(axis=1)]
    true[0] = "fall"
    known: tuple[str | None, ...] = tuple(true)
    fight: tuple[bool | None, ...] = tuple(name == "violence" for name in true)
    heard = np.tile(np.eye(len(SOUNDS), dtype=np.float32)[number % 3], (3, 1))
    if dataset == "surv_fight":
        known, fight = (None,) * 3, (number % 2 == 0,) * 3
    row = Row(Path(str(number)), str(number), dataset, "rgb", label, str(number))
    sounds = rng.random((3, len(SOUNDS))).astype(np.float32)
    return Decisions(row, f"g{number // 2}", scores, sounds, known, fight, heard)


def test_each_set_is_judged_on_what_its_truth_can_say() -> None:
    def names(dataset: str) -> tuple[list[str], list[str]]:
        own = [made(dataset, i) for i in range(12)]
        scores, alarms = calibrated(dataset, own), raised(dataset, own)
        return [row.score for row in scores], [row.alarm.value for row in alarms]

    sounds = ["scream", "call_for_help", "glass_break"]
    assert names("rooms") == (
        ["action", "fall", "on_floor", "violence", *sounds],
        ["fall", "on_floor", "violence", "distress_call", "glass_break"],
    )
    assert names("surv_fight") == (["violence"], ["violence"])
    assert names("esc50") == (sounds, ["distress_call", "glass_break"])


def test_recorded_sounds_count_by_clip_and_rooms_by_decision() -> None:
    sizes = {}
    for dataset in ("rooms", "esc50"):
        rows = calibrated(dataset, [made(dataset, i) for i in range(12)])
        sizes[dataset] = {row.unit: row.found.items for row in rows if row.score == "scream"}
    assert sizes == {"rooms": {"decision": 36}, "esc50": {"clip": 12}}


def test_decisions_are_those_of_the_shipped_fusion_and_the_label_holds_for_all() -> None:
    times = np.arange(0, 2_000_000_001, 500_000_000)
    places = np.arange(len(times))
    inputs = ClipInputs(
        frames_ns=times, ticks_ns=times, decides=times >= 1_000_000_000,
        parts={Modality.RGB: Part(np.zeros(0), places, np.full((len(times), 2), 0.5, np.float32))},
    )  # fmt: skip
    features = np.random.default_rng(0).random((len(times), FEATURE_DIM)).astype(np.float16)
    row = Row(Path("none.mp4"), "none.mp4", "surv_fight", "rgb", "fight", "v")
    clip = Encoded(row, "v", inputs, {Modality.RGB: features})
    said = decided(clip, CpuFusion(load_fusion_parameters(ModelStore())))
    assert said is not None
    assert said.actions.shape == (3, len(ACTIONS))
    assert said.actions.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.isnan(said.sounds).all()
    assert said.true_actions == ("violence",) * 3
    assert said.is_violence == (True,) * 3


def test_reliability_is_drawn_with_every_score_named() -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")
    own = [made("rooms", i) for i in range(12)]
    seen, heard = figures(calibrated("rooms", own))
    assert all(word in seen.svg for word in ("rooms: action", "rooms: fall", "came true"))
    assert "rooms: scream" in heard.svg


def test_confusions_count_every_decision_with_a_known_action() -> None:
    own = [made("rooms", i) for i in range(6)]
    assert sum(sum(row.values()) for row in confused(own).values()) == 18
    assert confused([]) == {}


def test_what_training_calibrated_is_read_from_the_manifest() -> None:
    facts = {"temperature_rgb": 0.9, "audio_scream_slope": 0.7, "audio_scream_shift": -0.3}
    found = training_table(facts)
    assert found is not None
    assert [row[2] for row in found.rows] == ["0.9", "0.7, -0.3"]
    assert training_table({}) is None


def test_many_kinds_of_mistakes_are_summed_up() -> None:
    assert told({}) == "-"
    assert told({"a": 5, "b": 4, "c": 3, "d": 2, "e": 1, "f": 1}) == "a 5; b 4; c 3; d 2; others 2"
