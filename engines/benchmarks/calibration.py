"""Calibration: are the scores of the model as it ships probabilities, and what are its thresholds
worth on single decisions?  Nothing is trained and nothing fitted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.decision.rules import RAISED, rule_for
from edge.errors import MissingFileError
from edge.settings import DecisionSettings
from edge.vocabulary import ACTIONS, AlarmClass
from engines.benchmarks.calibrated.decisions import Decisions, Progress, decisions_of, stacked
from engines.benchmarks.calibrated.pictures import Panel, reliability_figure
from engines.benchmarks.calibrated.reliability import Claims, claims, reliability, top_claims
from engines.benchmarks.calibrated.tables import (
    Calibrated,
    Raised,
    numbers,
    reliability_table,
    threshold_table,
    training_table,
)
from engines.benchmarks.calibrated.thresholds import (
    ACTION_ALARMS,
    SOUND_ALARMS,
    at_threshold,
    evidence_of,
    sound_evidence,
)
from engines.benchmarks.features import model_store
from engines.benchmarks.items import Question, Workbench
from engines.benchmarks.pretexts.rooms import TEST_SEED, room_rows
from engines.benchmarks.report.figures import Figure
from engines.benchmarks.splits import extra_rows
from engines.benchmarks.suites import Details
from engines.store import read_provenance
from engines.training.manifest import Row, read_manifest
from engines.training.metrics import confusion
from engines.training.sections import note_on
from engines.training.split import is_seen

ROOMS, FILMS = "rooms", "surv_fight"
RECORDED = ("noise_of_life", "debian_game_sounds", "kitchen20", "covid19_cough", "esc50",
            "scream_extra", "clean_speech", "alarms")  # fmt: skip
DECISION, CLIP = "decision", "clip"
ACTION = "action"


@dataclass(frozen=True, slots=True)
class CalibrationSuite:
    """Satisfies suites.Detailed: what it finds out is no comparison of methods."""

    name: str = "calibration"
    title: str = "Calibration: are the scores of the shipped model probabilities?"
    rooms: int = 450  # test clips, those of the suite of rooms

    def questions(self, bench: Workbench, progress: Progress) -> Sequence[Question]:
        """None: nothing is compared."""
        return []

    def details(self, bench: Workbench, progress: Progress) -> Details:
        """Rendered test rooms, films and recorded sounds of groups never learned from.

        Raises: MissingFileError when no data are at hand; ModelError, MediaError.
        """
        made = decisions_of(self.rows(bench, progress), bench, progress)
        by_set: dict[str, list[Decisions]] = {}
        for one in made:
            by_set.setdefault(one.row.dataset, []).append(one)
        scores = [row for name, own in by_set.items() for row in calibrated(name, own)]
        alarms = [row for name, own in by_set.items() for row in raised(name, own)]
        store = model_store(bench)
        notes = [(name, note_on(name, store.manifest.trained_on)) for name in by_set]
        told = tuple(f"{name}: {note}" for name, note in notes if note)
        tables = [threshold_table(alarms), reliability_table(scores)]
        tables = [t.model_copy(update={"notes": (*t.notes, *told)}) for t in tables]
        training = training_table(read_provenance(store.directory).facts)
        return Details(
            (*tables, *([training] if training else [])),
            {**numbers(scores, alarms), "confusion": confused(by_set.get(ROOMS, ()))},
            tuple(figures(scores)),
        )

    def rows(self, bench: Workbench, progress: Progress) -> list[Row]:
        """Clips of --manifest, or test rooms and what the model never saw of the recorded sets.

        Raises: MissingFileError, StoreError.
        """
        wanted = (ROOMS, FILMS, *RECORDED)
        extra = extra_rows(bench, wanted)
        if not extra:
            manifest = Path(bench.data) / "manifest.csv"
            if not manifest.exists():
                raise MissingFileError(f"{manifest} is not there; set GATEHOUSE_DATA or --data")
            extra = [row for row in read_manifest(manifest) if row.dataset in wanted]
            folder = Path(bench.work) / "testrooms"
            extra += room_rows(folder, "test", self.rooms, TEST_SEED, bench.workers)
        trained_on = model_store(bench).manifest.trained_on
        unseen = [row for row in extra if not is_seen(row, trained_on)]
        return sorted(unseen, key=lambda row: wanted.index(row.dataset))


def calibrated(dataset: str, own: Sequence[Decisions]) -> list[Calibrated]:
    """Every score that the set's truth can judge."""
    unit = unit_of(dataset)
    made: list[tuple[str, Claims]] = []
    if dataset == ROOMS:
        scores, true, groups = stacked(own)
        known = [i for i, name in enumerate(true) if name is not None]
        labels = np.array([ACTIONS.index(str(true[i])) for i in known], np.int64)
        made.append((ACTION, top_claims(scores[known], labels, [groups[i] for i in known])))
    if dataset in (ROOMS, FILMS):
        kinds = ACTION_ALARMS if dataset == ROOMS else {AlarmClass.VIOLENCE: "violence"}
        for alarm, action in kinds.items():
            found = evidence_of(alarm, own)
            made.append((action, claims(found.scores, found.true, found.groups)))
    if dataset != FILMS:
        for sound in [name for names in SOUND_ALARMS.values() for name in names]:
            found = sound_evidence(own, (sound,), unit == CLIP)
            made.append((sound, claims(found.scores, found.true, found.groups)))
    rows = [(name, reliability(one)) for name, one in made]
    return [Calibrated(dataset, unit, name, one) for name, one in rows if one is not None]


def raised(dataset: str, own: Sequence[Decisions]) -> list[Raised]:
    """Every alarm that the set's truth can judge."""
    unit = unit_of(dataset)
    kinds: Sequence[AlarmClass] = RAISED if dataset == ROOMS else tuple(SOUND_ALARMS)
    if dataset == FILMS:
        kinds = (AlarmClass.VIOLENCE,)
    rows = [(kind, at_threshold(kind, evidence_of(kind, own, unit == CLIP))) for kind in kinds]
    return [Raised(dataset, unit, kind, found) for kind, found in rows if found is not None]


def confused(own: Sequence[Decisions]) -> dict[str, dict[str, int]]:
    """Decisions by true action, then by what was named."""
    scores, true, _ = stacked(own)
    said = [ACTIONS[i] for i in scores.argmax(axis=1).tolist()] if len(scores) else []
    pairs = [(name, word) for name, word in zip(true, said, strict=True) if name is not None]
    return confusion([name for name, _ in pairs], [word for _, word in pairs])


def unit_of(dataset: str) -> str:
    """A recorded sound's label does not say when it is heard: the clip is one item."""
    return CLIP if dataset in RECORDED else DECISION


def figures(scores: Sequence[Calibrated]) -> list[Figure]:
    """Rooms and films by action; sounds where both kinds occur."""
    seen = [row for row in scores if row.score in (ACTION, *ACTION_ALARMS.values())]
    heard = [row for row in scores if row not in seen and 0 < row.found.came < 1]
    made = []
    for name, title, rows in (
        ("reliability-actions", "Reliability of action scores", seen),
        ("reliability-sounds", "Reliability of the sound scores that raise alarms", heard),
    ):
        if rows:
            made.append(reliability_figure(name, title, [panel(row) for row in rows]))
    return made


def panel(row: Calibrated) -> Panel:
    """With the alarm's threshold where the score alone raises it."""
    words: Mapping[str, AlarmClass] = {
        **{action: alarm for alarm, action in ACTION_ALARMS.items()},
        **{name: alarm for alarm, names in SOUND_ALARMS.items() for name in names},
    }
    alarm = words.get(row.score)
    threshold = None if alarm is None else rule_for(alarm, DecisionSettings()).enter
    return Panel(f"{row.dataset}: {row.score}", row.found, threshold)


SUITE = CalibrationSuite()
