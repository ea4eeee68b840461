"""Sounds by themselves: esc50, noise_of_life and falls by ear (safe_fall)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.errors import MissingFileError
from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.baselines import Baseline, by_number, known_key
from engines.benchmarks.items import Fold, Items, Prediction, Question, Workbench
from engines.benchmarks.sounds.logistic import logistic_on
from engines.benchmarks.sounds.same_recording import groups_by_waveform
from engines.benchmarks.sounds.tuned import Said, TuneSettings, said_of, tuned_net
from engines.benchmarks.sounds.vectors import Vector, vectors_of
from engines.benchmarks.sounds.waveforms import (
    Recording,
    RecordingSet,
    hear,
    seconds,
    silent_share,
)
from engines.benchmarks.splits import Sides, sides_of
from engines.training.manifest import Row
from engines.training.split import group_of

FOLDS = 4
FROZEN = (
    "frozen: YAMNet as published (AudioSet), its scores of 521 classes and the log-mel spectrum, "
    "pooled over the clip's audible patches; only a linear head learns"
)
TUNED = (
    "tuned: YAMNet's last layers learned from the training side, once, with seed 0; the seeds vary "
    "a new head on its features and scores, beside its own; never shipped"
)
SHARED = (
    "some recordings of esc50 are also in noise_of_life; each question learns from its own set "
    "alone, and YAMNet's AudioSet may hold either's originals"
)
GROUPS = (
    "the set's files name no origin: files whose waveforms run in step are one group, and blocks "
    "of 8 neighbouring numbers stay together where that allows; cuts of one recording that "
    "do not overlap can be on both sides, so beyond that the result is file-disjoint"
)
LENGTH = "length of the file and digital silence in it may give a class away: see their baselines"
SAFE = "a weak set: mean and deviation of the log-mel spectrum alone answer it; see its baseline"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """A data set's recordings with what is known of each, by name."""

    found: RecordingSet
    classes: tuple[str, ...]
    vectors: Mapping[str, Vector]
    lengths: Mapping[str, float]  # s
    silence: Mapping[str, float]  # share of digital zeros

    def items(self, recordings: Sequence[Recording], features: Mapping[str, F32]) -> Items:
        """One item a recording with one step.  features: (D,) by name"""
        names = tuple(r.row.name for r in recordings)
        table = np.array([features[name] for name in names], np.float16)
        quality = np.ones((len(names), 1, len(QUALITY_CUES)), np.float32)
        for row, name in enumerate(names):
            quality[row, 0, :2] = self.vectors[name].cues
        return Items(
            modalities=(Modality.AUDIO,),
            classes=self.classes,
            features=table.reshape(len(names), 1, 1, -1),
            valid=np.ones((len(names), 1, 1), np.bool_),
            quality=quality,
            labels=np.array([self.classes.index(r.row.label) for r in recordings], np.int64),
            groups=tuple(r.group for r in recordings),
            names=names,
        )

    def baselines(self) -> dict[str, Baseline]:
        """What needs no network."""
        spectra = {name: vector.spectrum for name, vector in self.vectors.items()}
        pattern = {
            name: f"{self.lengths[name]:.1f}|{self.silence[name]:.1f}" for name in self.lengths
        }
        return {
            "log-mel mean and deviation": logistic_on(spectra),
            "clip length": by_number(self.lengths),
            "length and silence": known_key(lambda items: [pattern[n] for n in items.names]),
        }


def heard(rows: Sequence[Row], bench: Workbench, progress: Progress) -> Heard:
    """Decode and listen to all rows.  Raises: MediaError, MissingFileError."""
    found = hear(rows, bench, progress)
    lengths, silence = {}, {}
    for recording in found.recordings:
        wave = recording.load()
        lengths[recording.row.name] = seconds(wave)
        silence[recording.row.name] = silent_share(wave)
    classes = tuple(sorted({r.row.label for r in found.recordings}))
    vectors = vectors_of(found.recordings, bench, progress)
    return Heard(found, classes, vectors, lengths, silence)


@dataclass(frozen=True, slots=True)
class SoundSuite:
    """One modality, three data sets; frozen and tuned backbones."""

    name: str = "sound"
    title: str = "Sound alone: esc50, noise_of_life, safe_fall"
    tuning: TuneSettings = field(default_factory=TuneSettings)

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """See items.Suite."""
        asked: list[Question] = []
        for dataset, ask in (
            ("esc50", self.esc50),
            ("noise_of_life", self.noise_of_life),
            ("safe_fall", self.safe_fall),
        ):
            sides = sides_of(bench, [dataset])
            if not sides.train or not sides.test:
                raise MissingFileError(f"no clips of {dataset} to learn from and to judge; --data")
            known = heard([*sides.train, *sides.test], bench, progress)
            asked += ask(known, sides, bench, progress)
        return asked

    def esc50(
        self, known: Heard, sides: Sides, bench: Workbench, progress: Progress
    ) -> list[Question]:
        """Fold 4 is judged."""
        train, test = divided(known, sides)
        notes = (SHARED, LENGTH, *told(known, sides))
        return self._both("esc50", "esc50: 25 sounds, fold 4", known, train, test, notes, bench,
                          progress)  # fmt: skip

    def noise_of_life(
        self, known: Heard, sides: Sides, bench: Workbench, progress: Progress
    ) -> list[Question]:
        """A quarter of the groups is judged; with the frozen backbone each quarter in turn."""
        scores = {name: vector.scores_mean for name, vector in known.vectors.items()}
        leaders = groups_by_waveform(known.found.recordings, scores)
        own = [replace(r, group=leaders[r.row.name]) for r in known.found.recordings]
        judged = {r.row.name for r in own if r.row in set(sides.test)}
        notes = (GROUPS, SHARED, LENGTH, *told(known, sides))
        title = "noise_of_life: 21 household and human sounds"
        committed = {r.group for r in own if r.row.name in judged}
        train = [r for r in own if r.group not in committed]
        test = [r for r in own if r.row.name in judged]
        frozen = _frozen("noise_of_life", title, known, _folds(known, own, sides), notes)
        return [frozen, self._tuned("noise_of_life", title, known, train, test, notes, bench,
                                    progress)]  # fmt: skip

    def safe_fall(
        self, known: Heard, sides: Sides, bench: Workbench, progress: Progress
    ) -> list[Question]:
        """Each recording session in turn, beside what is trivial."""
        own, judged = known.found.recordings, {row.name for row in sides.test}
        groups = sorted({r.group for r in own})
        if sides.note:  # other clips are judged: one fold
            rounds = [[r for r in own if r.row.name in judged]]
        else:
            rounds = [[r for r in own if r.group == group] for group in groups]
        folds = tuple(_fold(known, [r for r in own if r not in test], test) for test in rounds)
        notes = (SAFE, LENGTH, *told(known, sides))
        return [replace(_frozen("safe_fall", "safe_fall: did somebody fall?", known, folds, notes),
                        positive="fall")]  # fmt: skip

    def _both(
        self,
        name: str,
        title: str,
        known: Heard,
        train: Sequence[Recording],
        test: Sequence[Recording],
        notes: tuple[str, ...],
        bench: Workbench,
        progress: Progress,
    ) -> list[Question]:
        frozen = _frozen(name, title, known, (_fold(known, train, test),), notes)
        return [frozen, self._tuned(name, title, known, train, test, notes, bench, progress)]

    def _tuned(
        self,
        name: str,
        title: str,
        known: Heard,
        train: Sequence[Recording],
        test: Sequence[Recording],
        notes: tuple[str, ...],
        bench: Workbench,
        progress: Progress,
    ) -> Question:
        labels = [known.classes.index(r.row.label) for r in train]
        folder = Path(bench.work) / "tuned_sound"
        net = tuned_net(train, labels, self.tuning, folder, progress)
        said: dict[str, Said] = {}
        for number, recording in enumerate([*train, *test]):
            said[recording.row.name] = said_of(net, recording.load())
            progress("listen with the tuned network", number + 1, len(train) + len(test))
        features = {clip: words.features for clip, words in said.items()}
        return Question(
            name=f"{name}_tuned",
            title=f"{title}, tuned",
            folds=(Fold(known.items(train, features), known.items(test, features)),),
            baselines={**known.baselines(), "the tuned network's own head": spoken(said)},
            notes=(TUNED, *notes),
        )


def spoken(said: Mapping[str, Said]) -> Baseline:
    """What a network said by itself, by clip name: one seed."""

    def answer(fold: Fold) -> Prediction:
        return Prediction(np.stack([said[name].probabilities for name in fold.test.names]))

    return answer


def divided(known: Heard, sides: Sides) -> tuple[list[Recording], list[Recording]]:
    """What could be read of both sides."""
    judged = {row.name for row in sides.test}
    own = known.found.recordings
    return (
        [r for r in own if r.row.name not in judged],
        [r for r in own if r.row.name in judged],
    )


def _fold(known: Heard, train: Sequence[Recording], test: Sequence[Recording]) -> Fold:
    features = {name: vector.all for name, vector in known.vectors.items()}
    return Fold(known.items(train, features), known.items(test, features))


def _frozen(
    name: str, title: str, known: Heard, folds: tuple[Fold, ...], notes: tuple[str, ...]
) -> Question:
    return Question(
        name=name, title=title, folds=folds, baselines=known.baselines(), notes=(FROZEN, *notes)
    )


def _folds(known: Heard, own: Sequence[Recording], sides: Sides) -> tuple[Fold, ...]:
    """Groups whole; a group goes where the block of its first file goes."""
    if sides.note:
        judged = {row.name for row in sides.test}
        taken = {r.group for r in own if r.row.name in judged}
        rounds = [[r for r in own if r.row.name in judged]]
        return tuple(_fold(known, [r for r in own if r.group not in taken], t) for t in rounds)
    first = {r.row.name: group_of(r.row) for r in own}
    turn = {r.group: block_turn(first[r.group]) for r in own}
    return tuple(
        _fold(known, [r for r in own if turn[r.group] != k], [r for r in own if turn[r.group] == k])
        for k in range(FOLDS)
    )


def block_turn(group: str) -> int:
    """Fold of a block of neighbouring files: its number, modulo FOLDS; 0 without one."""
    digits = group[len(group.rstrip("0123456789")) :]
    return int(digits or 0) % FOLDS


def told(known: Heard, sides: Sides) -> tuple[str, ...]:
    """What a reader must know of this run."""
    problems = known.found.problems
    return (
        *([sides.note] if sides.note else []),
        *([f"{len(problems)} clips could not be read"] if problems else []),
    )


SUITE = SoundSuite()
