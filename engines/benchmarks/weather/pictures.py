"""Figures of the robustness suite: a table of conditions, differences, weights, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engines.benchmarks.heads import MEAN
from engines.benchmarks.report.figures import (
    COLOURS,
    FAINT,
    INK,
    Figure,
    Series,
    figure,
    line_chart,
)
from engines.benchmarks.runner import Answered
from engines.benchmarks.weather.conditions import CLEAN, GRADES, HURTS, at_strength
from engines.benchmarks.weather.parts import (
    Estimate,
    conditions_of,
    cost,
    over,
    table_of,
    values_of,
    weight_on,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CELL_INCH = 0.62


def spoken(condition: str) -> str:
    """A condition's name for readers."""
    return condition.replace("_", " ").replace("-", " ")


def methods_of(answered: Answered) -> list[str]:
    """Singles, rules and gates in the order of the tables."""
    order = ("single", "rule", "gate")
    rows = [(order.index(a.method.kind), name) for name, a in answered.answers.items()
            if a.method.kind in order]  # fmt: skip
    return [name for _, name in sorted(rows, key=lambda row: row[0])]


def table_figure(name: str, title: str, parts: Sequence[Answered]) -> Figure:
    """Every method under every condition of some questions, seeds averaged."""
    methods = methods_of(parts[0])
    columns = {c: column for one in parts for c, column in table_of(one, methods).items()}
    names, values = list(columns), np.stack(list(columns.values()), axis=1)

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        ax.imshow(values, cmap="RdYlGn", vmin=0, vmax=1, aspect="auto", alpha=0.7)
        for row, column in np.ndindex(*values.shape):
            best = values[row, column] >= values[:, column].max() - 1e-6
            ax.text(column, row, f"{values[row, column]:.2f}", ha="center", va="center",
                    fontsize=7, color=INK, fontweight="bold" if best else "normal")  # fmt: skip
        ax.set_yticks(range(len(methods)), [parts[0].answers[m].method.title for m in methods])
        ax.set_xticks(range(len(names)), [spoken(c) for c in names], rotation=40, ha="left")
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    caption = f"Mean {parts[0].question.measure.replace('_', ' ')} over seeds; bold: best under it."
    size = (2.6 + CELL_INCH * len(names), 1.5 + 0.235 * len(methods))
    return figure(name, title, caption, size, draw)


def difference_figure(name: str, title: str, parts: Sequence[Answered], gate: str) -> Figure:
    """Gate minus mean under every condition, with what it comes to in the caption."""
    rows = [(spoken(c), over(one, gate, MEAN, [c])) for one in parts for c in conditions_of(one)]
    told = [f"{one.question.title}: {written(over(one, gate, MEAN))}" for one in parts]
    caption = "Paired, 95 % over groups. On average over the conditions: " + "; ".join(told) + "."
    return bars(name, title, caption, rows, f"{parts[0].answers[gate].method.title} - mean")


def cost_figure(name: str, title: str, clean: Answered, absent: Answered, gate: str) -> Figure:
    """What it costs the gate, the mean and the product when one modality is dead."""
    rows = [
        (f"{spoken(c)}: {clean.answers[m].method.title}", cost(clean, absent, m, c, CLEAN))
        for c in conditions_of(absent)
        for m in (gate, MEAN, "product")
        if m in clean.answers
    ]
    worst = max((e.value for label, e in rows if label.endswith(clean.answers[gate].method.title)))
    caption = (
        f"Headline with all modalities minus that without one; paired, 95 % over groups. The worst "
        f"of the gate: {worst:+.3f}."
    )
    return bars(name, title, caption, rows, "lost", bad=True)


def bars(
    name: str,
    title: str,
    caption: str,
    rows: Sequence[tuple[str, Estimate]],
    axis: str,
    bad: bool = False,
) -> Figure:
    """Horizontal bars with their intervals.  bad: more is worse"""

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, (_, estimate) in enumerate(rows):
            good = (estimate.value >= 0) is not bad
            colour = COLOURS["gate"] if good else COLOURS["rule"]
            ax.barh(place, estimate.value, height=0.7, color=colour)
            ax.plot([estimate.low, estimate.high], [place, place], color=INK, linewidth=1)
        ax.set_yticks(range(len(rows)), [label for label, _ in rows])
        ax.invert_yaxis()
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.grid(axis="x", color=FAINT, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel(axis)

    return figure(name, title, caption, (7.0, 1.2 + 0.25 * len(rows)), draw)


def written(estimate: Estimate) -> str:
    """With its interval."""
    return f"{estimate.value:+.3f} [{estimate.low:+.3f} .. {estimate.high:+.3f}]"


def weights_figure(name: str, title: str, clean: Answered, spoiled: Answered, gate: str) -> Figure:
    """The weight that hurt modalities get together: in good weather, and when they are hurt."""
    there = clean.tests[0].modalities
    rows = []
    for condition in conditions_of(spoiled):
        hurt = [m for m in HURTS[condition.split("-")[0]] if m in there]
        before = weight_on(clean, gate, CLEAN, hurt)
        after = weight_on(spoiled, gate, condition, hurt)
        if before is not None and after is not None:
            label = f"{spoken(condition)} ({', '.join(m.value for m in hurt)})"
            rows.append((label, before, after))

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for place, (_, before, after) in enumerate(rows):
            ax.barh(place - 0.19, before, height=0.36, color=FAINT)
            ax.barh(place + 0.19, after, height=0.36, color=COLOURS["gate"])
        ax.set_yticks(range(len(rows)), [label for label, _, _ in rows])
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="mean gate weight of the hurt modalities")
        handles = [ax.patches[0], ax.patches[1]] if rows else []
        canvas.legend(handles, ["as it is", "hurt"], loc="outside upper right", ncols=2,
                      frameon=False)  # fmt: skip

    caption = f"“{clean.answers[gate].method.title}”, seeds averaged."
    return figure(name, title, caption, (7.0, 1.2 + 0.36 * len(rows)), draw)


def curve_figure(
    kind: str, title: str, clean: Answered, graded: Answered, shown: Sequence[str]
) -> Figure:
    """Some methods over the strength of one trouble; strength 0 is the clip as it is."""
    series = []
    for method in shown:
        values = [values_of(clean, method, CLEAN)]
        values += [values_of(graded, method, at_strength(kind, g).name) for g in GRADES]
        means = [float(np.mean(v)) for v in values]
        series.append(
            Series(
                clean.answers[method].method.title,
                means,
                [min(v) for v in values],
                [max(v) for v in values],
            )
        )
    return line_chart(
        f"curve-{kind}",
        title,
        "Mean over seeds; shaded: lowest to highest seed. Strength as in training/spoilers.py.",
        [0.0, *GRADES],
        series,
        ("strength", clean.question.measure.replace("_", " ")),
    )
