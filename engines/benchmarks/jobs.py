"""One unit of work: train experts and gates with one seed, judge every test part that goes along.

A single modality is the opinion of its expert, which learns by its own loss whatever the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge.errors import ModelError
from edge.values import F32, Mask
from edge.vocabulary import Modality
from engines.benchmarks.fold_store import load_items
from engines.benchmarks.heads import MEAN, Method, Trainer
from engines.benchmarks.items import Items, Prediction

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Job:
    """Picklable; everything large is named by its digest."""

    items: Path  # folder of fold_store
    results: Path
    train: str  # digest
    tests: tuple[str, ...]  # digests
    methods: tuple[Method, ...]
    seed: int
    code: str  # digest of the trainer
    trainer: Trainer

    def result_path(self, test: str, method: Method) -> Path:
        """Where one prediction is kept: named after all that shaped it."""
        key = f"{self.train}|{test}|{method.gate}|{method.only}|{self.seed}|{self.code}"
        return self.results / f"{sha256(key.encode()).hexdigest()[:24]}.npz"

    def missing(self) -> Job | None:
        """The part that is still to be done; None when nothing is."""
        todo = [(t, m) for t in self.tests for m in self.methods if not self._is_done(t, m)]
        tests = tuple(dict.fromkeys(test for test, _ in todo))
        methods = tuple(dict.fromkeys(method for _, method in todo))
        return replace(self, tests=tests, methods=methods) if todo else None

    def _is_done(self, test: str, method: Method) -> bool:
        return self.result_path(test, method).exists()


def run_job(job: Job) -> None:
    """Train, predict, and keep the predictions.  Raises: ModelError for one that is not a score."""
    gates = tuple(dict.fromkeys(method.gate for method in job.methods))
    gate_of = job.trainer(load_items(job.items, job.train), gates, job.seed)
    for gate in gates:
        predictor = gate_of(gate)
        for test in job.tests:
            items = load_items(job.items, test)
            prediction = predictor.predict(items)
            for method in job.methods:
                if method.gate == gate:
                    own = opinion_of(method, prediction, items)
                    save_prediction(job.result_path(test, method), own)


def opinion_of(method: Method, prediction: Prediction, items: Items) -> Prediction:
    """What a method says: the fused scores, or those of one expert.  Raises: ModelError."""
    own = prediction
    if method.only is not None:
        if prediction.experts is None:
            raise ModelError(f"{method.name}: the trainer gives no experts; correct it")
        m = items.modalities.index(Modality(method.only))
        own = Prediction(prediction.experts[:, m])
    check_scores(own.scores, items, method.name)
    return own


def single_methods(modalities: Sequence[Modality]) -> tuple[Method, ...]:
    """Every modality alone."""
    return tuple(Method(m.value, m.value, "single", MEAN, only=m.value) for m in modalities)


def has_anything(items: Items) -> Mask:
    """(N,) whether any modality is there"""
    return np.asarray(items.valid.any(axis=(1, 2)), np.bool_)


def check_scores(scores: F32, items: Items, name: str) -> None:
    """Raises: ModelError unless rows are probabilities, or zeros for no opinion."""
    expected = (len(items), len(items.classes))
    if scores.shape != expected:
        raise ModelError(f"{name}: scores are {scores.shape}, expected {expected}; correct it")
    sums = scores.sum(axis=1)
    fine = (np.abs(sums - 1) < SUM_TOLERANCE) | (sums == 0)
    if not (np.isfinite(scores).all() and (scores >= 0).all() and fine.all()):
        raise ModelError(f"{name}: scores are no probabilities; correct the trainer")


def save_prediction(path: Path, prediction: Prediction) -> None:
    """Scores and weights; the file appears whole or not at all."""
    arrays = {"scores": prediction.scores}
    if prediction.weights is not None:
        arrays["weights"] = prediction.weights
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # stubs mistake names for options
    partial.replace(path)


def load_prediction(path: Path) -> Prediction:
    """Read back."""
    with np.load(path) as arrays:
        return Prediction(
            arrays["scores"], arrays["weights"] if "weights" in arrays.files else None
        )
