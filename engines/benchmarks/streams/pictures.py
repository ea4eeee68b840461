"""Pictures of the whole-stream test: all scenes at a glance, one scene in full, the trade-off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge.decision.rules import RAISED, rule_for, score_of
from edge.vocabulary import AlarmClass
from engines.benchmarks.report.figures import FAINT, INK, Figure, figure
from engines.benchmarks.streams.events import PATIENCE_S, SceneTruth
from engines.benchmarks.streams.match import SceneResult, Verdict
from engines.benchmarks.streams.sweep import OperatingPoint
from engines.benchmarks.streams.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from engines.benchmarks.stream import StreamReport

CLASS_COLOURS: Mapping[AlarmClass, str] = {
    AlarmClass.FALL: "#d1495b",
    AlarmClass.ON_FLOOR: "#e0a030",
    AlarmClass.VIOLENCE: "#6a4c93",
    AlarmClass.DISTRESS_CALL: "#30638e",
    AlarmClass.GLASS_BREAK: "#5f6b76",
}
_MARKS = {
    Verdict.DETECTION: ("o", "alarm in time"), Verdict.LATE: ("s", "late"),
    Verdict.REPEATED: ("|", "repeated"), Verdict.EXCUSED: ("d", "excused"),
    Verdict.FALSE: ("X", "false alarm"),
}  # fmt: skip
_ROW_INCH = 0.26
SHOWN = 6  # scenes drawn one by one


def figures_of(report: StreamReport) -> list[Figure]:
    """All scenes on one page, the operating curves, and some scenes in full."""
    curves = [curves_figure(report.curves)] if report.curves else []
    shown = [
        scene_figure(scene, trace, truth, report)
        for scene, trace, truth in zip(report.scenes, report.traces, report.truths, strict=True)
        if scene.name in telling(report.scenes)
    ]
    return [overview_figure(report.scenes), *curves, *shown]


def telling(scenes: Sequence[SceneResult]) -> list[str]:
    """Names of at most SHOWN scenes: events missed first, then false alarms, then all the rest."""

    def trouble(scene: SceneResult) -> tuple[int, int, int]:
        missed = sum(not o.is_detected for o in scene.outcomes)
        wrong = sum(j.verdict is Verdict.FALSE for j in scene.alarms)
        return -missed, -wrong, -len(scene.outcomes)

    return [scene.name for scene in sorted(scenes, key=trouble)[:SHOWN]]


def overview_figure(scenes: Sequence[SceneResult]) -> Figure:
    """One line a scene: events as bars, alarms as marks."""

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, scene in enumerate(scenes):
            ax.hlines(place, 0, scene.watched_s, color=FAINT, linewidth=1)
            for outcome in scene.outcomes:
                event = outcome.event
                ax.barh(place, event.end_s - event.onset_s, 0.62, event.onset_s,
                        color=CLASS_COLOURS[event.alarm_class], alpha=0.35)  # fmt: skip
            for judged in scene.alarms:
                colour = CLASS_COLOURS[judged.alarm.alarm_class]
                ax.plot(judged.alarm.t_s, place, _MARKS[judged.verdict][0], color=colour, ms=6)
        names = [scene.name + (" (dark)" if scene.dark else "") for scene in scenes]
        ax.set_yticks(range(len(scenes)), names)
        ax.set(ylim=(len(scenes) - 0.3, -0.7), xlabel="seconds")
        ax.tick_params(axis="y", length=0, labelsize=7)
        _legend(canvas, ax)

    size = (8.2, 1.2 + _ROW_INCH * len(scenes))
    caption = "Bars: what happened and how long an alarm belongs to it. Marks: alarms."
    return figure("overview", "Alarms on all scenes", caption, size, draw)


def _legend(canvas: Canvas, ax: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Patch | Line2D] = [
        Patch(color=colour, label=kind.value) for kind, colour in CLASS_COLOURS.items()
    ]
    handles += [
        Line2D([], [], marker=mark, linestyle="", color=INK, label=word)
        for mark, word in _MARKS.values()
    ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=7)


def curves_figure(curves: Sequence[Sequence[OperatingPoint]]) -> Figure:
    """Sensitivity against false alarms an hour."""

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(1, len(curves), squeeze=False)[0]
        for ax, curve in zip(axes, curves, strict=True):
            colour = CLASS_COLOURS[curve[0].alarm_class]
            rates = [point.false_per_hour.value for point in curve]
            ax.plot(rates, [p.sensitivity.value if p.sensitivity else np.nan for p in curve],
                    "o-", ms=3, color=colour)  # fmt: skip
            known = [(p.detected + p.masked) / p.events if p.events else np.nan for p in curve]
            ax.plot(rates, known, ":", color=colour, linewidth=1)
            for point in curve[::3]:
                found = point.sensitivity.value if point.sensitivity else np.nan
                ax.annotate(f"{point.enter:.2f}", (point.false_per_hour.value, found), fontsize=6,
                            xytext=(3, -8), textcoords="offset points")  # fmt: skip
            ax.set(xlim=(-1, None), ylim=(-0.03, 1.05), title=curve[0].alarm_class.value)
            ax.set_xlabel("false alarms an hour")
            ax.grid(color=FAINT, linewidth=0.6)
        axes[0].set_ylabel(f"sensitivity within {PATIENCE_S:g} s")

    caption = (
        "Each point is an enter threshold; exit keeps its ratio to it. Dotted: also what was "
        "recognised while an earlier alarm was still open, which therefore raised none."
    )
    size = (2.4 * len(curves) + 0.6, 2.7)
    return figure("curves", "Sensitivity against false alarms", caption, size, draw)


def scene_figure(
    scene: SceneResult, trace: Trace, truth: SceneTruth, report: StreamReport
) -> Figure:
    """The scores of one scene over time, above what happened."""
    kinds = [kind for kind in RAISED if kind is not AlarmClass.GLASS_BREAK]

    def draw(canvas: Canvas) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        fused = list(trace.fused())
        for kind in kinds:
            scores = [score_of(kind, f) for f in fused]
            upper.plot(trace.t_s, [np.nan if s is None else s for s in scores],
                       color=CLASS_COLOURS[kind], linewidth=1.2, label=kind.value)  # fmt: skip
            enter = rule_for(kind, report.settings).enter
            upper.axhline(enter, color=CLASS_COLOURS[kind], linewidth=0.5, linestyle=":")
        for judged in scene.alarms:
            colour, mark = CLASS_COLOURS[judged.alarm.alarm_class], _MARKS[judged.verdict][0]
            upper.plot(judged.alarm.t_s, 1.04, mark, color=colour, clip_on=False)
        upper.set(xlim=(0, trace.watched_s), ylim=(0, 1.2), ylabel="score")
        upper.legend(loc="upper left", ncols=4, frameon=False, fontsize=7)
        _bands(lower, truth)

    episodes = ", ".join(interval.name for interval in truth.told)
    caption = f"Story: {truth.story or 'unknown'}; {episodes}{'; dark' if scene.dark else ''}."
    return figure(scene.name, scene.name, caption, (8.2, 2.9), draw)


def _bands(ax: Axes, truth: SceneTruth) -> None:
    for span in truth.truth.actions:
        alarming = {"fall", "on_floor", "violence"} & {span.name}
        colour = CLASS_COLOURS[AlarmClass(span.name)] if alarming else FAINT
        ax.barh(0, span.end_s - span.start_s, 0.8, span.start_s, color=colour, edgecolor="white")
        if span.end_s - span.start_s > 1.2:
            middle = (span.start_s + span.end_s) / 2
            ax.text(middle, 0, span.name, ha="center", va="center", fontsize=5, rotation=90)
    ax.set(yticks=[], ylim=(-0.6, 0.6), xlabel="seconds")
