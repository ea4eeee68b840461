"""The figures that every question gets: methods as bars, confusion matrix, gate weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.benchmarks.heads import Kind
from engines.benchmarks.report.figures import (
    COLOURS,
    FAINT,
    INK,
    LIGHT,
    MODALITY_COLOURS,
    SERIES_COLOURS,
    Figure,
    figure,
)
from engines.benchmarks.report.text import KINDS, MEASURE_NAMES, decimal
from engines.benchmarks.results import GateWeights, MethodResult, QuestionResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

ROW_INCH = 0.235
MANY_CLASSES = 12
DEEP = 0.6  # a square this full needs light ink


def figures_of(question: QuestionResult) -> list[Figure]:
    """All that there is something to draw for."""
    made = [methods_chart(question)]
    if question.confusion:
        made.append(confusion_chart(question))
    shown = shown_weights(question)
    if shown is not None:
        made.append(weights_chart(question, shown))
    return made


def methods_chart(question: QuestionResult) -> Figure:
    """Horizontal bars: the mean over seeds, with its interval over groups."""
    rows = [row for kind in KINDS for row in question.of_kind(kind)]

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, row in enumerate(reversed(rows)):
            _bar(ax, place, row)
        ax.set_yticks(range(len(rows)), [row.title for row in reversed(rows)])
        ax.set(xlim=(0, 1.0), ylim=(-0.7, len(rows) - 0.3))
        ax.set_xlabel(MEASURE_NAMES[question.measure])
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=FAINT, linewidth=0.6)
        ax.set_axisbelow(True)
        if question.best_single:
            best = question.method(question.best_single)
            ax.axvline(best.mean, color=COLOURS["single"], linestyle=(0, (4, 3)), linewidth=1)
        _kinds_legend(canvas, [kind for kind in KINDS if question.of_kind(kind)])

    height = 1.0 + ROW_INCH * len(rows)
    caption = (
        "Bars: mean over seeds, written at the right with its standard deviation. Whiskers: 95 % "
        "over test groups. Dashed: best single modality."
    )
    return figure(f"{question.name}-methods", question.title, caption, (7.6, height), draw)


def _bar(ax: Axes, place: int, row: MethodResult) -> None:
    ax.barh(place, row.mean, height=0.72, color=COLOURS[row.kind], linewidth=0)
    if row.low is not None and row.high is not None:
        low, high, up, down = row.low, row.high, place + 0.18, place - 0.18
        gap = float("nan")
        ax.plot([low, low, gap, low, high, gap, high, high],
                [down, up, gap, place, place, gap, down, up], color=INK, linewidth=1.1)  # fmt: skip
    spread = f" ± {decimal(row.sd)}" if len(row.seeds) > 1 else ""
    ax.annotate(
        f"{decimal(row.mean)}{spread}",
        (1.0, place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )


def _kinds_legend(canvas: Canvas, kinds: list[Kind]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[kind], label=KINDS[kind]) for kind in kinds]
    canvas.legend(handles=handles, loc="outside upper left", ncols=len(kinds), frameon=False)


def confusion_chart(question: QuestionResult) -> Figure:
    """Rows are true classes, shaded by recall; numbers are items."""
    names = list(question.classes)
    table = np.array([[question.confusion.get(t, {}).get(s, 0) for s in names] for t in names])
    who = question.method(question.best_gate or question.best_single)

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        small = 6 if len(names) > MANY_CLASSES else 9
        _cells(ax, table, small)
        turned = 90.0 if len(names) > 4 else 0.0
        ax.set_xticks(range(len(names)), names, fontsize=small + 1, rotation=turned)
        ax.set_yticks(range(len(names)), names, fontsize=small + 1)
        ax.set(xlabel="said", ylabel="true", aspect="equal")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    side = min(1.6 + 0.55 * len(names), 2.2 + 0.27 * len(names))
    title = f"{question.title}: confusion of “{who.title}”"
    caption = "Seeds averaged; shade: share of the true class; numbers: test items."
    size = (side + 0.6, side)
    return figure(f"{question.name}-confusion", title, caption, size, draw)


def _cells(ax: Axes, table: np.ndarray, font: float) -> None:
    """Squares on nothing, so that they suit light and dark paper.  table: (A, A) true by said"""
    from matplotlib.patches import Rectangle

    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    count = len(table)
    ends, gap = [-0.5, count - 0.5], float("nan")
    edges = [(edge - 0.5,) * 2 for edge in range(count + 1)]
    along = [value for _ in edges for value in (*ends, gap)]
    across = [value for edge in edges for value in (*edge, gap)]
    ax.plot(along + across, across + along, color=FAINT, linewidth=0.5)  # one line, small file
    for t, s in zip(*np.nonzero(table), strict=True):
        shade = float(share[t, s])
        square = Rectangle((s - 0.5, t - 0.5), 1, 1, color=COLOURS["gate"], alpha=shade, lw=0)
        ax.add_patch(square)
        colour = LIGHT if shade > DEEP else INK
        ax.text(s, t, str(table[t, s]), ha="center", va="center", color=colour, fontsize=font)
    ax.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))


def shown_weights(question: QuestionResult) -> GateWeights | None:
    """Those of the best gate on the simplex."""
    rows = {row.name: row for row in question.of_kind("gate") if row.simplex}
    known = [weights for weights in question.weights if weights.method in rows]
    return max(known, key=lambda weights: rows[weights.method].mean) if known else None


def weights_chart(question: QuestionResult, shown: GateWeights) -> Figure:
    """Mean weight of every modality by true class, stacked to 1."""
    rows = [("all", shown.overall), *shown.by_class.items()]

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        start = np.zeros(len(rows))
        for number, modality in enumerate(question.modalities):
            values = np.array([weights[modality] for _, weights in rows])
            otherwise = SERIES_COLOURS[number % len(SERIES_COLOURS)]
            colour = MODALITY_COLOURS.get(modality, otherwise)
            ax.barh(range(len(rows)), values, left=start, color=colour, label=modality, height=0.7)
            for place, value in enumerate(values):
                if value > 0.07:
                    middle = start[place] + value / 2
                    ink = INK if modality == "flow" else LIGHT  # on yellow
                    ax.text(middle, place, f"{value:.2f}", ha="center", va="center",
                            color=ink, fontsize=8)  # fmt: skip
            start += values
        ax.set_yticks(range(len(rows)), [name for name, _ in rows])
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="mean gate weight")
        ax.tick_params(axis="y", length=0)
        canvas.legend(loc="outside upper left", ncols=len(question.modalities), frameon=False)

    name = question.method(shown.method).title
    title = f"{question.title}: weights of “{name}”"
    caption = "The best gate with weights on the simplex; by true class, seeds averaged."
    size = (6.4, 1.1 + 0.26 * len(rows))
    return figure(f"{question.name}-weights", title, caption, size, draw)
