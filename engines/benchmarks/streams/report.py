"""The whole-stream test on paper: Markdown for people, plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engines.benchmarks.streams.events import LYING_S, PATIENCE_S
from engines.benchmarks.streams.match import Judged, SceneResult, Verdict
from engines.benchmarks.streams.rates import Estimate
from engines.benchmarks.streams.summary import ClassSummary

if TYPE_CHECKING:
    from engines.benchmarks.stream import StreamReport

_HEAD = (
    "alarm", "events", "sensitivity", "noticed", "masked", "median delay", "worst delay",
    "false alarms", "false per hour", "mistaken for",
)  # fmt: skip


def as_json(report: StreamReport) -> dict[str, Any]:
    """All but the traces, as JSON takes it: enumerations are words, missing numbers null."""
    return {
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


def markdown(report: StreamReport) -> str:
    """A table of classes, a list of every false alarm and of every event without its alarm."""
    summary = report.summary
    stories = ", ".join(
        f"{count} {story or 'other'}" for story, count in _counted([s.story for s in report.scenes])
    )
    lines = [
        f"{summary.scenes} scenes ({stories}; {sum(s.dark for s in report.scenes)} dark), "
        f"{summary.hours:.2f} hours watched, model {report.model}. "
        f"In all {summary.false_alarms} false alarms: {_rate(summary.false_per_hour)} an hour.",
        "",
        _row(_HEAD),
        _row(["---"] * len(_HEAD)),
        *(_row(_cells(row)) for row in summary.classes if row.events or row.false_alarms),
        "",
        *_notes(summary.long_lies),
    ]
    wrong = [(scene, j) for scene in report.scenes for j in scene.alarms]
    wrong = [(scene, j) for scene, j in wrong if j.verdict is Verdict.FALSE]
    if wrong:
        lines += ["", "False alarms:", "", *(_false_line(scene, j) for scene, j in wrong)]
    missed = [line for scene in report.scenes for line in _missed_lines(scene)]
    if missed:
        lines += ["", "Events without their alarm in time:", "", *missed]
    return "\n".join(lines) + "\n"


def _notes(long_lies: int) -> list[str]:
    return [
        f"Detected: an alarm of the class within {PATIENCE_S:g} s of the onset. Noticed: a fall or "
        "on_floor alarm, whichever of the two it should have been. Masked: recognised, but an "
        "earlier alarm, perhaps a false one, was still open (for on_floor also one of a fall). "
        f"on_floor counts from {LYING_S:g} s on the floor without a fall. {long_lies} fall alarms "
        "became long_lie, which is an update and no other alarm. Sensitivity with Wilson's, rates "
        "with the exact Poisson 95 % interval; scenes share persons and furniture, so both are "
        "somewhat narrow. Every scene is dense with what looks like a fall: the rate is that of a "
        "bad hour."
    ]


def _cells(row: ClassSummary) -> list[str]:
    noticed = f"{row.noticed}/{row.events}" if row.events else "-"
    return [
        row.alarm_class.value,
        str(row.events),
        _share(row.sensitivity, row.detected, row.events),
        noticed,
        str(row.masked) if row.events else "-",
        _seconds(row.delay_median_s),
        _seconds(row.delay_worst_s),
        str(row.false_alarms),
        _rate(row.false_per_hour),
        "; ".join(f"{name} {count}" for name, count in row.mistaken_for.items()) or "-",
    ]


def _false_line(scene: SceneResult, judged: Judged) -> str:
    alarm, context = judged.alarm, judged.context
    told = f" ({context.episode})" if context.episode else ""
    heard = f"; heard {', '.join(context.sounds)}" if context.sounds else ""
    return (
        f"- {scene.name}: {alarm.alarm_class.value} at {alarm.t_s:.1f} s, score "
        f"{alarm.score:.2f}: {context.action}{told}{heard}"
    )


def _missed_lines(scene: SceneResult) -> list[str]:
    lines = []
    for outcome in scene.outcomes:
        if outcome.is_detected:
            continue
        event = outcome.event
        line = f"- {scene.name}: {event.alarm_class.value} at {event.onset_s:.1f} s"
        line += f", the person on {event.visible:.1%} of the picture"
        if outcome.delay_s is not None:
            line += f"; late, after {outcome.delay_s:.1f} s"
        elif outcome.is_noticed:
            line += "; noticed under the other name"
        elif outcome.is_masked:
            line += "; recognised, but an earlier alarm was still open"
        lines.append(line + ("; dark" if scene.dark else ""))
    return lines


def _counted(words: Sequence[str]) -> list[tuple[str, int]]:
    return [(word, list(words).count(word)) for word in sorted(set(words))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(estimate: Estimate | None, hits: int, total: int) -> str:
    if estimate is None:
        return "-"
    return f"{hits}/{total} = {estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"


def _rate(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
