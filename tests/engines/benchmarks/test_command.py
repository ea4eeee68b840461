from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from edge.encoders.spec import ENCODERS
from edge.errors import ConfigError, MissingFileError, UsageError
from engines.__main__ import main
from engines.benchmarks import command, suites
from engines.benchmarks.heads import train_shared
from engines.benchmarks.items import Question, Suite, Workbench
from engines.benchmarks.judge import judge
from engines.benchmarks.nearest import METHODS, train_nearest
from engines.benchmarks.report.figures import Figure
from engines.benchmarks.results import SuiteResult
from engines.benchmarks.runner import Answered, Plan, answer_all
from engines.store import Provenance, write_model_dir

pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")


@dataclass(frozen=True)
class MadeUp:
    """A suite of one question."""

    question: Question
    name: str = "made"
    title: str = "Made up"

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        progress("making up", 1, 1)
        return [self.question]

    def figures(
        self, answered: Sequence[Answered], result: SuiteResult, bench: Workbench
    ) -> Sequence[Figure]:
        return [Figure("own", "Own figure", f"{len(answered)} question", "<svg/>")]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A directory whose files are whole and no networks."""
    files = {spec.file: b"x" for spec in ENCODERS.values()}
    write_model_dir(tmp_path / "models", files, Provenance("none", ["surv_fight"], "", {}))
    return tmp_path / "models"


class Homeless(MadeUp):
    """A suite whose data are not at hand."""

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        raise MissingFileError("no data; see --data")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, question: Question) -> None:
    """Two suites, one without data, and a trainer that needs no torch."""
    there: dict[str, Suite] = {"made": MadeUp(question), "homeless": Homeless(question, "homeless")}
    monkeypatch.setattr(suites, "SUITES", {name: name for name in there})
    monkeypatch.setattr(suites, "load", lambda place: there[place])

    def plan_of(bench: Workbench, seeds: int) -> Plan:
        return Plan(Path(bench.work), METHODS, train_nearest, "code", seeds, workers=1)

    monkeypatch.setattr(command, "plan_of", plan_of)


def evaluate(tmp_path: Path, models: Path, *options: str) -> int:
    given = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    return main(["evaluate", "--models", str(models), "--seeds", "1", *given, *options])


@pytest.mark.usefixtures("known")
def test_a_suite_leaves_its_report_and_prints_it(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path, models, "--suite", "made") == 0
    assert "trust by level" in capsys.readouterr().out
    found = json.loads((tmp_path / "out/results.json").read_text())["suites"][0]
    assert found["model"] == "none"
    assert found["figures"] == [
        {"file": "figures/made-own.svg", "title": "Own figure", "caption": "1 question"}
    ]
    assert "Own figure" in (tmp_path / "out/results.html").read_text()
    assert "figures/made-own.svg" in (tmp_path / "out/results.md").read_text()


@pytest.mark.usefixtures("known")
def test_a_suite_without_data_does_not_stop_the_others(tmp_path: Path, models: Path) -> None:
    assert evaluate(tmp_path, models, "--suite", "all") == 1
    found = json.loads((tmp_path / "out/results.json").read_text())
    assert [suite["name"] for suite in found["suites"]] == ["made"]
    status = evaluate(tmp_path, models, "--suite", "homeless")
    assert status == MissingFileError.exit_code


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ((), UsageError, "--suite NAME"),
        (("--suite", "none"), UsageError, "violence"),
        (("--suite", "violence", "--json", "x"), UsageError, "--json"),
        (("--suite", "violence", "--seeds", "0"), UsageError, "--seeds"),
        (("--suite", "violence", "--root", "."), UsageError, "--manifest"),
        (("--suite", "violence", "--manifest", "none.csv"), MissingFileError, "none.csv"),
        (("--suite", "violence", "--data", "nowhere"), MissingFileError, "GATEHOUSE_DATA"),
    ],
)
def test_a_mistake_is_one_line_and_its_status(
    tmp_path: Path,
    models: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    error: type[UsageError],
    said: str,
) -> None:
    assert evaluate(tmp_path, models, *options) == error.exit_code
    shown = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert said in shown[-1]
    assert len(shown) == 1


@pytest.mark.usefixtures("known")
def test_results_that_cannot_be_added_to_stop_the_run_before_the_work(
    tmp_path: Path, models: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/results.json").write_text("{}[")
    status = evaluate(tmp_path, models, "--suite", "made")
    assert status == ConfigError.exit_code
    assert not (tmp_path / "work").exists()


def test_every_suite_can_be_loaded_and_bears_its_name() -> None:
    for name, place in suites.SUITES.items():
        suite = suites.load(place)
        assert suite.name == name
        assert suite.title


def test_the_heads_of_the_project_answer_a_question(tmp_path: Path, question: Question) -> None:
    pytest.importorskip("torch", reason="needs torch (the extra train)")
    from engines.training.head_settings import ExpertSettings, GateFit, HeadSettings

    settings = HeadSettings(folds=2, experts=ExpertSettings(steps=20), gate=GateFit(steps=5))
    plan = command.plan_of(Workbench("", str(tmp_path), None, 1), 1)
    assert plan.trainer is train_shared
    assert {method.kind for method in plan.gates} == {"rule", "gate"}
    kept = tuple(method for method in plan.gates if method.name in ("mean", "moe_cues", "concat"))
    plan = replace(plan, gates=kept, trainer=partial(train_shared, settings=settings))
    answered = answer_all([question], plan, lambda task: lambda items, total: iter(items))
    found = judge(answered[0])
    assert all(0.6 < found.method(name).mean < 0.9 for name in ("rgb", "audio", "mean"))
    weights = {row.method: row.overall for row in found.weights}
    assert set(weights) == {"mean", "moe_cues"}
    assert all(sum(by_name.values()) == pytest.approx(1) for by_name in weights.values())
