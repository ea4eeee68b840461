"""The whole-stream test on paper: tables for people, plain values for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engines.benchmarks.results import TableResult
from engines.benchmarks.streams.events import LYING_S, PATIENCE_S
from engines.benchmarks.streams.match import Judged, SceneResult, Verdict
from engines.benchmarks.streams.rates import Estimate
from engines.benchmarks.streams.summary import ClassSummary

if TYPE_CHECKING:
    from engines.benchmarks.stream import StreamReport

_HEAD = (
    "alarm", "events", "sensitivity", "noticed", "masked", "repeated", "median delay",
    "worst delay", "false alarms", "false per hour", "excused", "mistaken for",
)  # fmt: skip
_WRONG_HEAD = ("scene", "alarm", "at", "score", "what was done", "heard")
_MISSED_HEAD = ("scene", "event", "at", "of the picture", "dark", "why")
_WRONG = (Verdict.FALSE,)


def as_json(report: StreamReport) -> dict[str, Any]:
    """All but the traces, plain: enumerations are words, missing numbers null."""
    whole = {
        "model": report.model,
        "trained_on": list(report.trained_on),
        "settings": report.settings.model_dump(mode="json"),
        "summary": asdict(report.summary),
        "scenes": [asdict(scene) for scene in report.scenes],
        "curves": {
            curve[0].alarm_class.value: [asdict(point) for point in curve]
            for curve in report.curves
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(whole, allow_nan=False))
    return plain


def tables(report: StreamReport) -> tuple[TableResult, ...]:
    """Alarms by class; every false alarm and every event without its alarm, by scene."""
    rows = [_cells(row) for row in report.summary.classes]
    found = [TableResult(
        title="Alarms on whole scenes", heads=_HEAD, rows=tuple(rows),
        notes=(_size(report), *_sides(report), *_notes(report.summary.long_lies)),
    )]  # fmt: skip
    wrong = [_wrong_cells(s, j) for s in report.scenes for j in s.alarms if j.verdict in _WRONG]
    if wrong:
        found.append(TableResult(
            title="False alarms", heads=_WRONG_HEAD, rows=tuple(wrong), left=len(_WRONG_HEAD),
        ))  # fmt: skip
    missed = [cells for scene in report.scenes for cells in _missed_cells(scene)]
    if missed:
        found.append(TableResult(
            title="Events without their alarm in time", heads=_MISSED_HEAD, rows=tuple(missed),
            left=len(_MISSED_HEAD),
        ))  # fmt: skip
    return tuple(found)


def _size(report: StreamReport) -> str:
    summary = report.summary
    stories = ", ".join(
        f"{count} {story or 'other'}" for story, count in _counted([s.story for s in report.scenes])
    )
    return (
        f"{summary.scenes} scenes ({stories}; {sum(s.dark for s in report.scenes)} dark), "
        f"{summary.hours:.2f} hours watched. In all {summary.false_alarms} false alarms: "
        f"{_rate(summary.false_per_hour)} an hour"
    )


def _sides(report: StreamReport) -> list[str]:
    known = sum(truth.split == "train" for truth in report.truths)
    return [f"{known} of the scenes show persons of the training side: not strangers"] * bool(known)


def _notes(long_lies: int) -> list[str]:
    return [
        f"detected: an alarm of the class within {PATIENCE_S:g} s of the onset; noticed: a fall or "
        "on_floor alarm, whichever of the two it should have been; masked: recognised, but an "
        "earlier alarm, perhaps a false one, was still open (for on_floor also one of a fall); "
        "repeated: another alarm for the same event; excused: raised while something like it was "
        "true, neither an event that is counted nor a false alarm",
        f"on_floor counts from {LYING_S:g} s on the floor without a fall; {long_lies} fall alarms "
        "became long_lie, which is an update and no other alarm",
        "sensitivity with Wilson's, rates with the exact Poisson 95 % interval; scenes share "
        "persons and furniture, so both are somewhat narrow. Every scene is dense with what looks "
        "like a fall: the rate is that of a bad hour",
    ]


def _cells(row: ClassSummary) -> tuple[str, ...]:
    return (
        row.alarm_class.value,
        str(row.events),
        _share(row.sensitivity, row.detected, row.events),
        f"{row.noticed}/{row.events}" if row.events else "-",
        str(row.masked) if row.events else "-",
        str(row.repeated),
        _seconds(row.delay_median_s),
        _seconds(row.delay_worst_s),
        str(row.false_alarms),
        _rate(row.false_per_hour),
        str(row.excused),
        "; ".join(f"{name} {count}" for name, count in row.mistaken_for.items()) or "-",
    )


def _wrong_cells(scene: SceneResult, judged: Judged) -> tuple[str, ...]:
    alarm, context = judged.alarm, judged.context
    told = f" ({context.episode})" if context.episode else ""
    return (
        scene.name, alarm.alarm_class.value, f"{alarm.t_s:.1f} s", f"{alarm.score:.2f}",
        f"{context.action}{told}", ", ".join(context.sounds) or "-",
    )  # fmt: skip


def _missed_cells(scene: SceneResult) -> Iterable[tuple[str, ...]]:
    for outcome in scene.outcomes:
        event = outcome.event
        if outcome.is_detected:
            continue
        why = "not recognised"
        if outcome.delay_s is not None:
            why = f"late, after {outcome.delay_s:.1f} s"
        elif outcome.is_noticed:
            why = "noticed under the other name"
        elif outcome.is_masked:
            why = "recognised, but an earlier alarm was still open"
        yield (
            scene.name, event.alarm_class.value, f"{event.onset_s:.1f} s",
            f"{event.visible:.1%}", "yes" if scene.dark else "no", why,
        )  # fmt: skip


def _counted(words: Sequence[str]) -> list[tuple[str, int]]:
    return [(word, list(words).count(word)) for word in sorted(set(words))]


def _share(estimate: Estimate | None, hits: int, total: int) -> str:
    if estimate is None:
        return "-"
    return f"{hits}/{total} = {estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"


def _rate(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
