"""What a run found out: the content of results.json, checked when written and when read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError, StoreError
from engines.benchmarks.heads import Kind

RESULTS_FILE = "results.json"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Numbers(_Value):
    """See measures.Measures."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    auc: float | None
    recall: float | None
    false_rate: float | None
    ece: float


class Difference(_Value):
    """Headline of a method minus that of another on the same items, both means over seeds."""

    other: str
    value: float
    low: float | None
    high: float | None


class MethodResult(_Value):
    """One row of a table."""

    name: str
    title: str
    kind: Kind
    simplex: bool
    seeds: tuple[Numbers, ...]  # one for what has no seed
    averaged: Numbers  # of the scores averaged over seeds
    mean: float  # headline over seeds
    sd: float  # sample standard deviation over seeds; 0 for one
    low: float | None  # 95 % of ``mean`` over groups
    high: float | None
    answered: float  # share of the items it had an opinion of; the others got the training prior
    over_single: Difference | None = None
    over_mean: Difference | None = None


class GateWeights(_Value):
    """Mean weight by true class, then modality, seeds averaged."""

    method: str
    by_class: dict[str, dict[str, float]]
    overall: dict[str, float]


class QuestionResult(_Value):
    """One table and its figures."""

    name: str
    title: str
    measure: str
    positive: str | None
    classes: tuple[str, ...]
    modalities: tuple[str, ...]
    notes: tuple[str, ...]
    folds: int
    train_items: int  # of the first fold
    train_groups: int
    test_items: int
    test_groups: int
    methods: tuple[MethodResult, ...]
    best_single: str
    best_gate: str | None
    confusion: dict[str, dict[str, int]]  # of the best gate (or single): true class, then said
    weights: tuple[GateWeights, ...]
    parts: dict[str, dict[str, float]] = {}  # headline over seeds: tag of test items, then method

    def method(self, name: str) -> MethodResult:
        """Raises: KeyError."""
        for row in self.methods:
            if row.name == name:
                return row
        raise KeyError(name)

    def of_kind(self, *kinds: Kind) -> list[MethodResult]:
        """Rows of these kinds, in order."""
        return [row for row in self.methods if row.kind in kinds]


class FigureFile(_Value):
    """A figure beside the report."""

    file: str  # relative to the report
    title: str
    caption: str


class TableResult(_Value):
    """Numbers of a suite that are no comparison of methods, as the report writes them."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # how to read it; what is wrong with it
    left: int = 1  # columns of words, the others are numbers


class AimResult(_Value):
    """Something that was to be reached, and what was found; see engines.benchmarks.aims."""

    text: str
    question: str
    who: str  # method, or difference of methods
    value: float
    low: float | None  # 95 % over groups
    high: float | None
    target: float
    at_most: bool  # else at least
    reached: bool
    surely: bool  # the whole interval reaches it


class SuiteResult(_Value):
    """One chapter."""

    name: str
    title: str
    model: str  # whose encoders are the backbones
    encoders: str  # digest of their files
    files: str = ""  # digest of all files of the model, see engines.store.files_digest
    trained_on: tuple[str, ...]  # what those had learned from
    seeds: int
    questions: tuple[QuestionResult, ...]
    figures: tuple[FigureFile, ...] = ()
    tables: tuple[TableResult, ...] = ()
    aims: tuple[AimResult, ...] = ()
    numbers: dict[str, Any] = {}  # behind the tables, plain JSON in the suite's own form


class Results(_Value):
    """All chapters."""

    format: int = Field(default=1, ge=1, le=1)
    suites: tuple[SuiteResult, ...] = ()

    def with_suites(self, fresh: Sequence[SuiteResult]) -> Results:
        """The same with some chapters replaced or added."""
        names = {suite.name: suite for suite in fresh}
        kept = [names.pop(suite.name, suite) for suite in self.suites]
        return Results(suites=(*kept, *names.values()))


def read_results(folder: Path) -> Results:
    """What an earlier run left; nothing when there is none.  Raises: ConfigError."""
    path = folder / RESULTS_FILE
    if not path.exists():
        return Results()
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigError(
            f"{path}: not results of this version; move it away or use another --out"
        ) from error


def rounded(value: Any) -> Any:
    """The same with five digits after the point: no measure here means more."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: rounded(own) for key, own in value.items()}
    return [rounded(own) for own in value] if isinstance(value, list) else value


def write_results(folder: Path, results: Results) -> None:
    """Raises: StoreError."""
    text = json.dumps(rounded(results.model_dump(mode="json")), indent=1, allow_nan=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULTS_FILE).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror}; choose another") from error
