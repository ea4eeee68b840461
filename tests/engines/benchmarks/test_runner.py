from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import ModelError
from edge.vocabulary import Modality
from engines.benchmarks.fold_store import items_digest, load_items, save_items
from engines.benchmarks.heads import Method
from engines.benchmarks.items import Fold, Items, Prediction, Question
from engines.benchmarks.jobs import check_scores, has_anything
from engines.benchmarks.judge import judge
from engines.benchmarks.nearest import LEVEL_GATE, METHODS, train_nearest
from engines.benchmarks.runner import Plan, answer_all, filled, jobs_of, merge_jobs, methods_of

MakeItems = Callable[..., Items]


def plan_in(folder: Path, seeds: int = 2) -> Plan:
    return Plan(folder, METHODS, train_nearest, "code", seeds=seeds, workers=1)


class Counter:
    """Counts what was tracked."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def track(self, task: str) -> Callable[[Iterable[Any], int], Iterator[Any]]:
        def tracked(items: Iterable[Any], total: int) -> Iterator[Any]:
            self.totals[task] = self.totals.get(task, 0) + total
            return iter(items)

        return tracked


def test_a_gate_that_knows_better_wins_and_ignorance_is_chance(
    tmp_path: Path, question: Question
) -> None:
    answered = answer_all([question], plan_in(tmp_path), Counter().track)[0]
    found = judge(answered)
    gate, mean = found.method(LEVEL_GATE), found.method("mean")
    assert found.best_gate == LEVEL_GATE
    assert gate.mean > 0.98
    assert mean.mean < 0.9
    assert 0.4 < found.method("majority").mean < 0.6
    assert 0.4 < found.method("has sound").mean < 0.6
    assert all(0.6 < found.method(name).mean < 0.9 for name in ("rgb", "audio"))
    over_single, over_mean = gate.over_single, gate.over_mean
    assert over_single is not None
    assert over_mean is not None
    assert over_single.other == found.best_single
    assert over_single.low is not None
    assert over_single.low > 0.05
    assert over_mean.low is not None
    assert over_mean.low > 0


def test_the_difference_is_the_headline_of_one_minus_that_of_the_other(
    tmp_path: Path, question: Question
) -> None:
    found = judge(answer_all([question], plan_in(tmp_path), Counter().track)[0])
    single = found.method(found.best_single)
    for row in found.of_kind("rule", "gate"):
        assert row.over_single is not None
        expected = row.mean - single.mean
        assert row.over_single.value == pytest.approx(expected)
    assert found.method("mean").over_mean is None
    assert single.over_single is None


def test_weights_follow_what_tells_the_class(tmp_path: Path, question: Question) -> None:
    found = judge(answer_all([question], plan_in(tmp_path), Counter().track)[0])
    weights = {row.method: row for row in found.weights}
    assert weights["mean"].overall == pytest.approx({"rgb": 0.5, "audio": 0.5})
    for by_class in weights[LEVEL_GATE].by_class.values():
        assert sum(by_class.values()) == pytest.approx(1)
    assert set(found.confusion) == {"calm", "fight"}
    assert sum(sum(row.values()) for row in found.confusion.values()) == found.test_items


def test_a_second_run_trains_nothing_and_says_the_same(tmp_path: Path, question: Question) -> None:
    first, second, more = Counter(), Counter(), Counter()
    found = judge(answer_all([question], plan_in(tmp_path), first.track)[0])
    again = judge(answer_all([question], plan_in(tmp_path), second.track)[0])
    answer_all([question], plan_in(tmp_path, seeds=3), more.track)
    assert first.totals["training heads"] == 2
    assert "training heads" not in second.totals
    assert more.totals["training heads"] == 1
    assert again == found


def test_worker_processes_say_what_one_process_says(tmp_path: Path, question: Question) -> None:
    here = judge(answer_all([question], plan_in(tmp_path / "1"), Counter().track)[0])
    both = replace(plan_in(tmp_path / "2"), workers=2)
    assert judge(answer_all([question], both, Counter().track)[0]) == here


def test_what_was_lost_in_an_interruption_is_made_again(tmp_path: Path, question: Question) -> None:
    found = judge(answer_all([question], plan_in(tmp_path), Counter().track)[0])
    predictions = sorted((tmp_path / "predictions").iterdir())
    predictions[0].unlink()
    after = Counter()
    assert judge(answer_all([question], plan_in(tmp_path), after.track)[0]) == found
    assert after.totals["training heads"] == 1
    assert sorted((tmp_path / "predictions").iterdir()) == predictions


def test_other_code_and_other_items_are_other_work(tmp_path: Path, make_items: MakeItems) -> None:
    items = make_items(8, 0)
    louder = replace(items, quality=items.quality + np.float32(0.1))
    assert items_digest(items) != items_digest(louder)
    plan = plan_in(tmp_path)
    one = jobs_of([("a", "b")], METHODS, 0, plan)[0]
    other = jobs_of([("a", "b")], METHODS, 0, replace(plan, code="other"))[0]
    assert one.result_path("b", METHODS[0]) != other.result_path("b", METHODS[0])


def test_questions_with_one_training_side_train_once(tmp_path: Path, question: Question) -> None:
    fold = question.folds[0]
    dark = replace(
        question, name="dark", folds=(Fold(fold.train, fold.test.without(Modality.RGB)),)
    )
    counter = Counter()
    answered = answer_all([question, dark], plan_in(tmp_path), counter.track)
    assert counter.totals["training heads"] == 2
    rgb = judge(answered[1]).method("rgb")
    assert rgb.answered == 0
    assert rgb.mean == pytest.approx(0.5)
    merged = merge_jobs(
        [*jobs_of([("a", "b"), ("a", "c"), ("d", "e")], METHODS, 0, plan_in(tmp_path))]
    )
    assert [(job.train, job.tests) for job in merged] == [("a", ("b", "c")), ("d", ("e",))]


def test_folds_are_answered_one_after_another(
    tmp_path: Path, question: Question, make_items: MakeItems
) -> None:
    more = Fold(make_items(80, 3, "more"), make_items(40, 4, "rest"))
    both = replace(question, folds=(question.folds[0], more))
    answered = answer_all([both], plan_in(tmp_path, seeds=1), Counter().track)[0]
    assert len(answered.answers["rgb"].averaged().scores) == 160
    found = judge(answered)
    assert found.test_items == 160
    assert any("cross-validation" in note for note in found.notes)


def test_one_modality_has_nothing_to_fuse(tmp_path: Path, question: Question) -> None:
    fold = question.folds[0]
    alone = replace(
        question,
        folds=tuple(Fold(only_first(part.train), only_first(part.test)) for part in (fold,)),
        baselines={},
    )
    assert [method.kind for method in methods_of(alone, plan_in(tmp_path))] == ["single"]
    found = judge(answer_all([alone], plan_in(tmp_path), Counter().track)[0])
    assert found.best_gate is None
    assert found.best_single == "rgb"
    assert sum(found.confusion["calm"].values()) == 60


def only_first(items: Items) -> Items:
    return replace(
        items,
        modalities=items.modalities[:1],
        features=items.features[:, :1],
        valid=items.valid[:, :1],
        quality=items.quality[:, :1],
    )


def test_without_an_opinion_the_training_frequencies_are_said(make_items: MakeItems) -> None:
    train = make_items(8, 0).pick([0, 1, 3])
    silent = Prediction(np.array([[0, 0], [0.9, 0.1]], np.float32))
    assert filled(silent, train) == pytest.approx(np.array([[1 / 3, 2 / 3], [0.9, 0.1]]))


def test_what_is_no_probability_is_refused(make_items: MakeItems) -> None:
    items = make_items(2, 0)
    check_scores(np.array([[0, 0], [0.5, 0.5]], np.float32), items, "gate")
    for wrong in ([[0.5, 0.4], [1, 0]], [[1.5, -0.5], [1, 0]], [[np.nan, 1], [1, 0]], [[1, 0]]):
        with pytest.raises(ModelError, match="gate"):
            check_scores(np.array(wrong, np.float32), items, "gate")


def test_items_come_back_from_disk_as_they_were(tmp_path: Path, make_items: MakeItems) -> None:
    items = make_items(6, 0).without(Modality.AUDIO, np.array([True] * 2 + [False] * 4))
    digest = save_items(tmp_path, items)
    assert save_items(tmp_path, items) == digest
    back = load_items(tmp_path, digest)
    assert items_digest(back) == digest
    assert back.modalities == items.modalities
    assert has_anything(back).all()
    assert [p.name for p in tmp_path.iterdir()] == [digest]


def test_a_failing_trainer_stops_the_run(tmp_path: Path, question: Question) -> None:
    broken = replace(plan_in(tmp_path), gates=(Method("x", "x", "gate", "x"),), trainer=no_experts)
    with pytest.raises(ModelError, match="no experts"):
        answer_all([question], broken, Counter().track)


def no_experts(train: Items, gates: object, seed: int) -> Callable[[str], Any]:
    raise ModelError("no experts")
