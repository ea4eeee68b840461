"""What a suite hands to the heads: labelled windows or clips as features, with honest groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask
from edge.vocabulary import Modality

F16 = NDArray[np.float16]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Items:
    """N labelled windows or clips; M modalities, T steps, D feature size, Q quality cues."""

    modalities: tuple[Modality, ...]  # (M,) names of the modality axis
    classes: tuple[str, ...]  # (A,)
    features: F16  # (N, M, T, D), zeros where not valid, oldest step first
    valid: Mask  # (N, M, T)
    quality: F32  # (N, M, Q) in [0, 1], see edge.fusion.parameters.QUALITY_CUES
    labels: I64  # (N,) index into classes
    groups: tuple[str, ...]  # (N,) what must not be on both sides of a split
    names: tuple[str, ...]  # (N,) clip, for reports
    tags: tuple[str, ...] = ()  # (N,) or empty; a suite's own division, for instance "pre_fall"

    def __len__(self) -> int:
        return len(self.labels)

    def pick(self, chosen: Sequence[int] | I64 | Mask) -> Items:
        """The chosen items, in that order."""
        rows = np.asarray(chosen)
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)

        def names_of(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[i] for i in rows) if values else ()

        return replace(
            self,
            features=self.features[rows],
            valid=self.valid[rows],
            quality=self.quality[rows],
            labels=self.labels[rows],
            groups=names_of(self.groups),
            names=names_of(self.names),
            tags=names_of(self.tags),
        )

    def without(self, modality: Modality, rows: Mask | None = None) -> Items:
        """The same with one modality missing, everywhere or in the items where ``rows`` holds."""
        m = self.modalities.index(modality)
        gone = np.ones(len(self), np.bool_) if rows is None else rows
        valid, features = self.valid.copy(), self.features.copy()
        valid[gone, m], features[gone, m] = False, 0
        return replace(self, valid=valid, features=features)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said of N items."""

    scores: F32  # (N, A) probabilities, sum to 1; rows of zeros: no opinion
    weights: F32 | None = None  # (N, M) gate weights on the simplex; None: the gate has none
    experts: F32 | None = None  # (N, M, A) each modality's own probabilities; zeros where absent


@dataclass(frozen=True, slots=True)
class Fold:
    """One division into what may be learned from and what is judged; groups are disjoint."""

    train: Items
    test: Items


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of a fold's test items who has learned already, elsewhere."""

    title: str
    kind: Literal["single", "rule", "gate"]
    prediction: Prediction
    simplex: bool = False  # whether its weights are on the simplex


@dataclass(frozen=True, slots=True)
class Question:
    """One table of a suite: what is asked, of which items, and what needs no learning to answer."""

    name: str  # for example "posture", unique within the suite
    title: str
    folds: tuple[Fold, ...]  # test parts are disjoint; several only with frozen backbones
    measure: str = "balanced_accuracy"  # the headline, see engines/benchmarks/measures.py
    positive: str | None = None  # of a binary question: class whose recall and false rate are given
    baselines: Mapping[str, Callable[[Fold], Prediction]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # traps, what is composed, what the encoders had seen
    # by method name, for a question of one fold: nothing is trained, its train part may be empty
    given: Mapping[str, Given] = field(default_factory=dict)
    by_tag: bool = False  # also give the headline for each tag of the test items


@dataclass(frozen=True, slots=True)
class Workbench:
    """What suites are given."""

    data: str  # folder of the recorded sets
    work: str  # folder for what can be made again: features, rendered rooms
    models: str | None  # model directory whose encoders are the frozen backbones; None: shipped
    workers: int
    manifest: str | None = None  # more clips, all of them for testing (never trained on)
    root: str | None = None  # what the paths of ``manifest`` are relative to
    scenes: tuple[str, ...] = ()  # folders of rendered whole scenes; none: rendered into ``work``


class Suite(Protocol):
    """A benchmark: makes its questions; training and judging are the same for all."""

    @property
    def name(self) -> str:
        """Command line word."""

    @property
    def title(self) -> str:
        """Heading of its chapter in the report."""

    def questions(
        self, bench: Workbench, progress: Callable[[str, int, int], None]
    ) -> Sequence[Question]:
        """Decode, encode and label what is needed; everything slow is cached in ``bench.work``.

        progress: task, done, total. Raises: MissingFileError when its data are not at hand.
        """
