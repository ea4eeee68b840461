"""Calibration as tables of the report, and as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.vocabulary import MODALITIES, SOUNDS, AlarmClass
from engines.benchmarks.calibrated.reliability import Reliability
from engines.benchmarks.calibrated.thresholds import AtThreshold
from engines.benchmarks.report.text import between, decimal
from engines.benchmarks.results import TableResult

MOST_SHOWN = 4  # kinds of mistakes named in a cell

RELIABILITY_NOTES = (
    "ECE: mean gap between score and share that came true, ten equal bins, weighted by claims "
    "(Guo et al. 2017); its resamples lie above it, for chance alone makes gaps. Brier and log "
    "score: smaller is better; of 15 classes together for the action.",
    "action: the probability of the action that is named. Other scores: the claim that the class "
    "is there. A rare class has a small ECE for many easy zeros: look at its diagram.",
)
THRESHOLD_NOTES = (
    "Single decisions (or clips) at or above the default threshold of the alarm, before the "
    "decision stage asks for several in a row; intervals over groups.",
    "Precision depends on how common the event is: here it is as common as the column of positives "
    "says, at home it is far rarer, and precision lower. The false rate does not depend on that.",
    "1.000 .. 1.000 says that no group had a false one, not that there can be none.",
    "A decision just after a fall that still scores as one counts as wrong here, though its alarm "
    "would be right; whole scenes count alarms instead.",
)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One score on one set of data."""

    dataset: str
    unit: str  # "decision" or "clip"
    score: str
    found: Reliability


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm on one set of data."""

    dataset: str
    unit: str
    alarm: AlarmClass
    found: AtThreshold


def reliability_table(rows: Sequence[Calibrated]) -> TableResult:
    """One line a score and set."""
    return TableResult(
        title="Are the scores probabilities?",
        heads=("data", "score", "one claim a", "claims", "groups", "true", "mean score", "ECE",
               "95 %", "Brier", "log score"),
        rows=tuple(
            (row.dataset, row.score, row.unit, str(r.items), str(r.groups), decimal(r.came),
             decimal(r.said), decimal(r.ece), between(r.ece_low, r.ece_high), decimal(r.brier),
             decimal(r.nll))
            for row in rows
            for r in (row.found,)
        ),
        notes=RELIABILITY_NOTES,
        left=3,
    )  # fmt: skip


def threshold_table(rows: Sequence[Raised]) -> TableResult:
    """One line an alarm and set."""
    return TableResult(
        title="What the default thresholds are worth on single decisions",
        heads=("data", "alarm", "one item a", "threshold", "items", "positives", "raised",
               "precision", "95 %", "recall", "95 %", "false rate", "mistaken for it"),
        rows=tuple(
            (row.dataset, row.alarm.value, row.unit, f"{r.threshold:g}", str(r.items),
             str(r.positives), str(r.raised), decimal(r.precision),
             between(r.precision_low, r.precision_high), decimal(r.recall),
             between(r.recall_low, r.recall_high), decimal(r.false_rate), told(r.mistaken))
            for row in rows
            for r in (row.found,)
        ),
        notes=THRESHOLD_NOTES,
        left=3,
    )  # fmt: skip


def told(mistaken: Mapping[str, int]) -> str:
    """What was there instead, most often first."""
    shown = [f"{name} {count}" for name, count in list(mistaken.items())[:MOST_SHOWN]]
    rest = sum(list(mistaken.values())[MOST_SHOWN:])
    return "; ".join([*shown, *([f"others {rest}"] if rest else [])]) or "-"


def training_table(facts: Mapping[str, Any]) -> TableResult | None:
    """What was calibrated while training, by the facts of the model's manifest; None: nothing."""
    rows = [
        (f"expert of {m.value}", "temperature", f"{facts[key]:g}", "held-out training groups")
        for m in MODALITIES
        if (key := f"temperature_{m.value}") in facts
    ]
    rows += [
        (name, "logit → slope · logit + shift", f"{facts[slope]:g}, {facts[shift]:+g}",
         "held-out recordings")
        for name in SOUNDS
        if (slope := f"audio_{name}_slope") in facts and (shift := f"audio_{name}_shift") in facts
    ]  # fmt: skip
    if not rows:
        return None
    return TableResult(
        title="What was calibrated in training",
        heads=("score of", "by", "values", "learned from"),
        rows=tuple(rows),
        notes=(
            "Folded into the weights; nothing is fitted afterwards, and nothing to the groups "
            "judged here. An expert's logits are divided by its temperature, which is chosen by "
            "log score; gate and pool are then fitted by log score on groups that no expert "
            "learned from (engines/training/opinions.py, stacking.py).",
            "Sounds: 0.5 is placed where few recordings without the sound reach it and few with "
            "it do not (engines/training/audio_calibration.py), both kinds counted alike: such a "
            "score orders evidence and serves its threshold, and where the sound is rare it is "
            "not a frequency.",
        ),
        left=4,
    )


def numbers(rows: Sequence[Calibrated], alarms: Sequence[Raised]) -> dict[str, Any]:
    """Plain values for results.json."""
    return {
        "reliability": [
            {"dataset": r.dataset, "unit": r.unit, "score": r.score, **asdict(r.found)}
            for r in rows
        ],
        "alarms": [
            {"dataset": r.dataset, "unit": r.unit, "alarm": r.alarm.value, **asdict(r.found)}
            for r in alarms
        ],
    }
