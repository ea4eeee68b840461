"""Reliability diagrams: what was said against what came true, one panel a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING

from engines.benchmarks.calibrated.reliability import Reliability
from engines.benchmarks.measures import BINS
from engines.benchmarks.report.figures import COLOURS, FAINT, INK, Figure, figure
from engines.benchmarks.report.text import decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLUMNS, SIDE_INCH = 4, 2.1
STRIP = 0.22  # height of the strip that counts claims
CAPTION = (
    "Dots: share that came true among claims of nearly the same score (ten equal bins), over their "
    "mean score; the more claims, the larger; whiskers: 95 % over groups; dashed: the alarm's "
    "default threshold. On the diagonal a score is a probability, above it too timid, below it too "
    "sure. Bars at the foot: share of all claims in each bin."
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram."""

    title: str
    found: Reliability
    threshold: float | None = None  # drawn where the alarm's default is


def reliability_figure(name: str, title: str, panels: Sequence[Panel]) -> Figure:
    """Panels side by side, four a line."""
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        for place, ax in enumerate(axes.flat):
            if place >= len(panels):
                ax.set_visible(False)
                continue
            _panel(ax, panels[place])
            if place % columns == 0:
                ax.set_ylabel("came true")
            if place + columns >= len(panels):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("said")

    size = (SIDE_INCH * columns + 0.4, (SIDE_INCH + 0.45) * lines)
    return figure(name, title, CAPTION, size, draw)


def _panel(ax: Axes, panel: Panel) -> None:
    found = panel.found
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    for one in found.bins:
        place = (min(int(one.said * BINS), BINS - 1) + 0.5) / BINS
        share = STRIP * one.items / found.items
        ax.bar(place, share, 0.9 / BINS, color=COLOURS["baseline"], alpha=0.6, linewidth=0)
        ax.plot([one.said, one.said], [one.low, one.high], color=INK, linewidth=0.9)
    said, came = [b.said for b in found.bins], [b.came for b in found.bins]
    ax.plot(said, came, color=COLOURS["gate"], linewidth=1, alpha=0.35)
    for one in found.bins:
        size = 2 + 1.5 * log10(one.items)
        ax.plot(one.said, one.came, "o", markersize=size, color=COLOURS["gate"], clip_on=False)
    if panel.threshold is not None:
        ax.axvline(panel.threshold, color=COLOURS["rule"], linestyle=(0, (4, 3)), linewidth=1)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    ax.set_aspect("equal")
    ax.set_title(f"{panel.title}\nECE {decimal(found.ece)}, {found.items} claims", fontsize=8)
