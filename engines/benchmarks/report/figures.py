"""Figures as SVG text: one look, no display, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from engines.benchmarks.report.vector import slim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLOURS: Mapping[str, str] = {
    "single": "#4c78a8",
    "rule": "#e0a030",
    "gate": "#2a9d6f",
    "baseline": "#b8bcc2",
}
"""By kind of method."""

MODALITY_COLOURS: Mapping[str, str] = {
    "rgb": "#d1495b",
    "flow": "#edae49",
    "depth": "#30638e",
    "audio": "#6a4c93",
}
SERIES_COLOURS = ("#2a9d6f", "#e0a030", "#4c78a8", "#d1495b", "#6a4c93", "#5f6b76", "#8c564b")

INK, FAINT = "#2b2f33", "#d9dce0"
LIGHT = "#fefefe"
"""Text on dark bars: white in both schemes, see report/vector.py."""

STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # text stays text: a tenth of the size
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the report."""

    name: str  # file name without its end, unique within the suite
    title: str
    caption: str
    svg: str


def figure(
    name: str,
    title: str,
    caption: str,
    size: tuple[float, float],
    draw: Callable[[Canvas], None],
) -> Figure:
    """Draw on an empty canvas.  size: width and height in inches (of 72 points)"""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    text = StringIO()
    settings: dict[Any, Any] = {**STYLE, "svg.hashsalt": name}
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas)
        canvas.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return Figure(name, title, caption, slim(text.getvalue(), title))


@dataclass(frozen=True, slots=True)
class Series:
    """One line: a value, and perhaps its interval, at every place of the axis."""

    name: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    colour: str | None = None


def line_chart(
    name: str,
    title: str,
    caption: str,
    places: Sequence[str | float],
    series: Sequence[Series],
    axes: tuple[str, str] = ("", ""),
    limits: tuple[float, float] = (0.0, 1.0),
    size: tuple[float, float] = (8.0, 3.6),
) -> Figure:
    """Lines over named conditions or over time.

    places: names of conditions, or numbers   axes: labels of x and y   limits: of y
    """
    named = any(isinstance(place, str) for place in places)
    at = [float(i) if named else float(place) for i, place in enumerate(places)]

    def draw(canvas: Canvas) -> None:
        ax = canvas.subplots()
        for number, one in enumerate(series):
            _line(ax, at, one, SERIES_COLOURS[number % len(SERIES_COLOURS)], named)
        ax.set(xlabel=axes[0], ylabel=axes[1], ylim=limits)
        if named:
            ax.set_xticks(at, [str(place) for place in places], rotation=35, ha="right")
        ax.grid(axis="y", color=FAINT, linewidth=0.6)
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return figure(name, title, caption, size, draw)


def _line(ax: Axes, at: Sequence[float], one: Series, otherwise: str, marked: bool) -> None:
    colour = one.colour or MODALITY_COLOURS.get(one.name, otherwise)
    marker = "o" if marked else ""
    ax.plot(at, one.values, color=colour, marker=marker, markersize=4, label=one.name)
    if one.low is not None and one.high is not None:
        ax.fill_between(at, one.low, one.high, color=colour, alpha=0.15, linewidth=0)
