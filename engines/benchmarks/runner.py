"""Trains every method on every question with every seed, and keeps what each of them said.

Predictions are kept under digests of the items, the method, the seed and the trainer's code, so a
run that was interrupted goes on, and questions that share a training side train once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.values import F32
from engines.benchmarks.baselines import majority, prior
from engines.benchmarks.fold_store import save_items
from engines.benchmarks.heads import Method, Trainer
from engines.benchmarks.items import Fold, Items, Prediction, Question
from engines.benchmarks.jobs import Job, load_prediction, run_job, single_methods
from engines.processes import worker_pool

Track = Callable[[str], Callable[[Iterable[Any], int], Iterator[Any]]]
"""As engines.training.bars.Bars.track."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is done."""

    work: Path
    gates: tuple[Method, ...]
    trainer: Trainer
    code: str  # digest of all code that shapes a prediction
    seeds: int = 5
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What one method said of all test items, folds one after another."""

    method: Method
    seeds: tuple[Prediction, ...]  # no zero rows: no opinion became the training prior
    answered: float  # share of items with an opinion, seeds averaged

    def averaged(self) -> Prediction:
        """Scores and weights, averaged over seeds."""
        scores = [p.scores for p in self.seeds]
        weights = [p.weights for p in self.seeds if p.weights is not None]
        return Prediction(mean_of(scores), mean_of(weights) if weights else None)


def mean_of(arrays: Sequence[F32]) -> F32:
    """Element by element, summed in float64."""
    return np.asarray(np.mean(np.stack(arrays), axis=0, dtype=np.float64), np.float32)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with all answers to it."""

    question: Question
    answers: Mapping[str, Answer]  # by method name

    @property
    def tests(self) -> tuple[Items, ...]:
        """Test parts in the order of the answers."""
        return tuple(fold.test for fold in self.question.folds)


def answer_all(questions: Sequence[Question], plan: Plan, track: Track) -> list[Answered]:
    """Answer questions; what was answered before is read from ``plan.work``.

    Raises: StoreError; ModelError when a trainer gives no probabilities.
    """
    stored = {q.name: () if q.given else _store(q, plan, track) for q in questions}
    jobs = [
        job
        for q in questions
        if not q.given
        for seed in range(plan.seeds)
        for job in jobs_of(stored[q.name], methods_of(q, plan), seed, plan)
    ]
    run_jobs([left for job in merge_jobs(jobs) if (left := job.missing())], plan.workers, track)
    return [Answered(q, _answers(q, stored[q.name], plan)) for q in questions]


def methods_of(question: Question, plan: Plan) -> tuple[Method, ...]:
    """Singles, then rules and gates; with one modality there is nothing to fuse."""
    if question.given:
        return tuple(
            Method(name, given.title, given.kind, simplex=given.simplex)
            for name, given in question.given.items()
        )
    singles = single_methods(question.folds[0].train.modalities)
    return (*singles, *plan.gates) if len(singles) > 1 else singles


Stored = Sequence[tuple[str, str]]
"""Digests of the (train, test) items of each fold."""


def _store(question: Question, plan: Plan, track: Track) -> Stored:
    folder = plan.work / "items"
    folds = track(f"items of {question.name}")(question.folds, len(question.folds))
    return [(save_items(folder, f.train), save_items(folder, f.test)) for f in folds]


def jobs_of(stored: Stored, methods: tuple[Method, ...], seed: int, plan: Plan) -> list[Job]:
    """One for each fold."""
    items, results = plan.work / "items", plan.work / "predictions"
    return [
        Job(items, results, train, (test,), methods, seed, plan.code, plan.trainer)
        for train, test in stored
    ]


def merge_jobs(jobs: Sequence[Job]) -> list[Job]:
    """Jobs that train the same thing become one."""
    merged: dict[tuple[str, tuple[Method, ...], int], Job] = {}
    for job in jobs:
        key = (job.train, job.methods, job.seed)
        known = merged.get(key)
        tests = job.tests if known is None else (*known.tests, *job.tests)
        merged[key] = replace(job, tests=tuple(dict.fromkeys(tests)))
    return list(merged.values())


def run_jobs(jobs: Sequence[Job], workers: int, track: Track) -> None:
    """Do them in worker processes, or here for one; the first that fails stops the run."""
    if workers == 1 and jobs:
        for job in track("training heads")(jobs, len(jobs)):
            run_job(job)
    if workers == 1 or not jobs:
        return
    with worker_pool(min(workers, len(jobs))) as pool:
        running = [pool.submit(run_job, job) for job in jobs]
        try:
            for done in track("training heads")(as_completed(running), len(running)):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _answers(question: Question, stored: Stored, plan: Plan) -> dict[str, Answer]:
    answers = {}
    methods = methods_of(question, plan)
    jobs = [jobs_of(stored, methods, seed, plan) for seed in range(plan.seeds)]
    for method in methods:
        seeds = [
            [load_prediction(job.result_path(job.tests[0], method)) for job in folds]
            for folds in jobs
        ]
        if question.given:
            seeds = [[question.given[method.name].prediction]]
        answers[method.name] = joined(method, seeds, question.folds)
    for name, baseline in {"majority": majority, **question.baselines}.items():
        method = Method(name, name, "baseline")
        answers[name] = joined(method, [[baseline(f) for f in question.folds]], question.folds)
    return answers


def joined(method: Method, seeds: Sequence[Sequence[Prediction]], folds: Sequence[Fold]) -> Answer:
    """Predictions by seed and fold, as one prediction a seed."""
    answered = [bool(row.any()) for parts in seeds for p in parts for row in p.scores]
    return Answer(
        method,
        tuple(
            Prediction(
                np.concatenate([filled(p, f.train) for p, f in zip(parts, folds, strict=True)]),
                _weights(parts),
            )
            for parts in seeds
        ),
        float(np.mean(answered)),
    )


def filled(prediction: Prediction, train: Items) -> F32:
    """Scores with the training prior where there was no opinion: something must be said."""
    silent = np.asarray(~prediction.scores.any(axis=1))
    return np.where(silent[:, None], prior(train), prediction.scores).astype(np.float32)


def _weights(parts: Sequence[Prediction]) -> F32 | None:
    weights = [p.weights for p in parts if p.weights is not None]
    return np.concatenate(weights) if len(weights) == len(parts) else None
