"""Gate weights on one long scene: what happens above, whom the gate trusts below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge.vocabulary import ACTIONS
from engines.benchmarks.report.figures import (
    FAINT,
    INK,
    MODALITY_COLOURS,
    SERIES_COLOURS,
    Figure,
    figure,
)
from engines.benchmarks.results import SuiteResult
from engines.benchmarks.runner import Answered
from engines.training.truth import Interval, Truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from edge.values import F32

ALARMING = ("fall", "on_floor", "violence")
LEAST_SHOWN_S = 1.2  # shorter spans have no room for their name


def best_simplex(result: SuiteResult, question: str) -> str | None:
    """The gate with weights on the simplex that did best on a question."""
    rows = next(q for q in result.questions if q.name == question).of_kind("gate")
    own = [row for row in rows if row.simplex]
    return max(own, key=lambda row: row.mean).name if own else None


def scene_figure(
    name: str,
    answered: Answered,
    truth: Truth,
    method: str,
    troubles: Sequence[Interval] = (),
) -> Figure:
    """One scene's decisions; items of ``room_clips.scene_items``.

    troubles: what was spoiled when, drawn between truth and weights
    """
    answer = answered.answers[method]
    shown = answer.averaged()
    items = answered.tests[0]
    if shown.weights is None:
        raise ValueError(f"{method} has no weights to draw")
    weights = shown.weights
    times = np.array([float(tag) for tag in items.tags])
    right = shown.scores.argmax(axis=1) == items.labels

    def draw(canvas: Canvas) -> None:
        rows = 3 if troubles else 2
        axes = canvas.subplots(
            rows, 1, sharex=True, height_ratios=(1, *([0.7] if troubles else []), 4)
        )
        _spans(axes[0], truth.actions, "truth")
        if troubles:
            _spans(axes[1], troubles, "spoiled")
        _weights(axes[-1], times, weights, [m.value for m in items.modalities])
        wrong = times[~right]
        axes[-1].plot(wrong, np.full(len(wrong), 1.03), "x", color=INK, ms=4, clip_on=False,
                      label="wrong")  # fmt: skip
        canvas.legend(loc="outside lower center", ncols=6, frameon=False)

    caption = (
        f"“{answer.method.title}”, seeds averaged; {right.mean():.0%} of {len(items)} decisions "
        f"name the action, crosses mark the others."
    )
    return figure(name, answered.question.title, caption, (8.6, 3.6 if troubles else 3.2), draw)


def _spans(ax: Axes, spans: Sequence[Interval], title: str) -> None:
    for span in spans:
        colour = FAINT if span.name in ACTIONS and span.name not in ALARMING else "#e8b4a8"
        length = span.end_s - span.start_s
        ax.barh(0, length, 0.9, span.start_s, color=colour, edgecolor="white")
        if length > LEAST_SHOWN_S:
            ax.text(span.start_s + length / 2, 0, span.name.replace("_", " "), ha="center",
                    va="center", fontsize=6)  # fmt: skip
    ax.set(ylim=(-0.6, 0.6))
    ax.set_yticks([0], [title])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _weights(ax: Axes, times: np.ndarray, weights: F32, names: Sequence[str]) -> None:
    colours = [
        MODALITY_COLOURS.get(name, SERIES_COLOURS[i % len(SERIES_COLOURS)])
        for i, name in enumerate(names)
    ]
    ax.stackplot(times, weights.T, labels=names, colors=colours, alpha=0.85, linewidth=0)
    ax.set(xlim=(0, float(times[-1])), ylim=(0, 1), xlabel="seconds", ylabel="gate weight")
