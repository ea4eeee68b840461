from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.encoders.spec import ENCODERS
from edge.models import ModelStore
from engines.__main__ import main
from engines.benchmarks.results import Results, SuiteResult, TableResult, write_results
from engines.card.command import card_of
from engines.card.found import NOTHING, confused, mistaken, of_model, on_scenes
from engines.store import CARD_FILE, Provenance, files_digest, write_model_dir

REPOSITORY = Path(__file__).parents[3]
ALARM: dict[str, Any] = {
    "dataset": "rooms", "unit": "decision", "alarm": "fall", "precision": 0.75, "recall": 0.8,
    "recall_low": 0.6, "recall_high": 0.9, "items": 100, "positives": 10,
    "mistaken": {"crouch_pick_up": 2},
}  # fmt: skip


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A directory whose files are whole and no networks."""
    files = {spec.file: b"x" for spec in ENCODERS.values()}
    made = Provenance("made-1", ["rooms"], "none", {"Y": "Apache-2.0"}, {"clips_rooms": 3})
    write_model_dir(tmp_path / "models", files, made)
    return tmp_path / "models"


def suite(models: Path, name: str, **more: Any) -> SuiteResult:
    """A chapter about the model of the fixture, unless told otherwise."""
    from engines.benchmarks.features import encoder_digest
    from engines.benchmarks.items import Workbench

    own = {
        "name": name, "title": name.title(), "model": "made-1", "trained_on": (), "seeds": 1,
        "encoders": encoder_digest(Workbench("", "", str(models), 1)), "questions": (),
        "files": files_digest(ModelStore(models).manifest.digests),
    }  # fmt: skip
    return SuiteResult.model_validate({**own, **more})


def test_a_model_without_results_has_a_card_that_says_so(models: Path, tmp_path: Path) -> None:
    text, left_out = card_of(ModelStore(models), tmp_path / "none")
    assert text == (models / CARD_FILE).read_text()
    assert text.count(NOTHING) == 2
    assert left_out == []
    for heading in ("Intended use", "Learned from", "Failure cases", "Limits", "Making it again"):
        assert f"## {heading}" in text
    assert "| rooms | 3 | rendered by this project |" in text


def test_the_command_writes_what_the_suites_found(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = TableResult(title="Thresholds", heads=("alarm",), rows=(("fall",),))
    calibration = suite(models, "calibration", tables=(own,), numbers={
        "alarms": [ALARM], "confusion": {"sit": {"sit": 8, "fall": 2}}})  # fmt: skip
    other = suite(models, "violence", model="another")
    write_results(tmp_path, Results(suites=(calibration, other)))
    assert main(["card", "--models", str(models), "--results", str(tmp_path)]) == 0
    card = (models / CARD_FILE).read_text()
    assert "| fall |" in card
    assert "taken for fall: crouch_pick_up 2 (precision .750" in card
    assert "sit called fall 20%" in card
    assert card.count(NOTHING) == 1
    assert "violence: results of another model" in capsys.readouterr().err
    ModelStore(models)


def test_results_of_the_same_encoders_with_another_gate_are_not_the_models(models: Path) -> None:
    same, other = suite(models, "stream"), suite(models, "stream", files="0123456789ab")
    heads = suite(models, "rooms", files="0123456789ab")
    every = Results(suites=(other, heads))
    kept = of_model(every, same.model, same.encoders, same.files)
    assert [one.name for one in kept.suites] == ["rooms"]


def test_failures_are_the_measured_ones() -> None:
    first, second = mistaken([ALARM])
    assert "precision .750" in first
    assert "20% of 10 decisions that show fall stay below its threshold" in second
    assert mistaken([{**ALARM, "mistaken": {}, "recall": 1.0}]) == []
    assert confused({"sit": {"sit": 5}}) == []
    (line,) = on_scenes([
        {"alarm_class": "fall", "events": 5, "detected": 4, "false_alarms": 1,
         "mistaken_for": {"lie_down": 1}},
        {"alarm_class": "violence", "events": 2, "detected": 2, "false_alarms": 0,
         "mistaken_for": {}},
    ])  # fmt: skip
    assert "fall: 1 of 5 events without their alarm in time; 1 false alarms (lie_down 1)" in line


def test_a_directory_that_was_not_trained_is_refused(tmp_path: Path) -> None:
    assert main(["card", "--models", str(tmp_path)]) != 0


def test_the_shipped_card_is_of_the_shipped_model_and_of_the_committed_results() -> None:
    results = REPOSITORY / "docs" / "benchmarks"
    store = ModelStore()
    card = (store.directory / CARD_FILE).read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: {store.manifest.name}\n")
    assert f"`{files_digest(store.manifest.digests)}`" in card
    if not (results / "results.json").exists():
        pytest.skip("no docs/benchmarks/results.json beside these tests")
    text, _ = card_of(store, results)
    assert card == text, "run: python -m engines card"
