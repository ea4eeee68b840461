"""``evaluate --suite stream --choose``: thresholds from training scenes, as tables and YAML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.decision.rules import rule_for
from edge.settings import DecisionSettings
from engines.benchmarks.items import Workbench
from engines.benchmarks.streams.choose import DECISIONS, Aim, Choice, Chosen, choose, found
from engines.benchmarks.streams.events import read_scene
from engines.benchmarks.streams.replays import Progress, traces_of
from engines.benchmarks.streams.scenes import scene_files
from engines.benchmarks.streams.summary import ClassSummary, Summary
from engines.benchmarks.streams.sweep import OperatingPoint

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120
_HEAD = ("alarm", "events", "found", "false", "an hour", "repeated", "median delay")


def chosen_for(bench: Workbench, aim: Aim, work: Path, progress: Progress) -> Chosen:
    """Replay the scenes of ``bench.scenes`` and choose, starting from the shipped defaults.

    Raises: UsageError for scenes of the test side; MissingFileError, MediaError, ModelError.
    """
    recordings = scene_files(bench)
    truths = [read_scene(path) for path in recordings]
    models = None if bench.models is None else Path(bench.models)
    traces = traces_of(recordings, models, work, bench.workers, progress)
    pairs = list(zip(traces, truths, strict=True))
    return choose(pairs, DecisionSettings(), aim, progress)


def print_chosen(result: Chosen) -> None:
    """Print on stdout what was tried, what was taken, and the part of gatehouse.yaml."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    for choice in result.choices:
        _print_front(console, choice)
    parts = (
        ("the shipped rules", result.before),
        ("the chosen rules, on the scenes they were chosen on", result.after),
        ("the same, each half of the persons by what the other half chose", result.strangers),
    )
    for title, summary in parts:
        if summary is not None:
            _print_summary(console, f"{title} ({result.persons} persons)", summary)
    console.print("\n".join(["", *as_yaml(result.settings)]), markup=False)


def as_yaml(settings: DecisionSettings) -> list[str]:
    """The rules of all classes as the configuration file has them."""
    lines = ["decision:"]
    for kind in DECISIONS:
        rule = rule_for(kind, settings).model_dump()
        told = ", ".join(f"{key}: {value:g}" for key, value in rule.items())
        lines.append(f"  {kind.value}: {{{told}}}")
    return lines


def _print_front(console: Console, choice: Choice) -> None:
    if choice.taken is None:
        console.print(f"\n{choice.alarm_class.value}: no event to choose by; its rule stays")
        return
    front = choice.front()
    if choice.taken not in front:
        front = sorted([*front, choice.taken], key=lambda p: (-found(p), p.false_alarms))
    rows = [_point_cells(point, point is choice.taken) for point in front]
    title = f"{choice.alarm_class.value}: of {len(choice.tried)} rules, those no other beats"
    _print_table(console, title, ("enter", "exit", "decisions", *_HEAD[1:5], _HEAD[6], ""), rows)


def _point_cells(point: OperatingPoint, taken: bool) -> tuple[str, ...]:
    delay = "-" if point.delay_median_s is None else f"{point.delay_median_s:.1f} s"
    return (
        f"{point.enter:g}", f"{point.exit:g}", str(point.decisions), str(point.events),
        str(found(point)), str(point.false_alarms), f"{point.false_per_hour.value:.1f}", delay,
        "taken" if taken else "",
    )  # fmt: skip


def _print_summary(console: Console, title: str, summary: Summary) -> None:
    rows = [_class_cells(row) for row in summary.classes if row.events or row.false_alarms]
    total = f"{summary.false_per_hour.value:.1f}"
    rows.append(("all", "", "", str(summary.false_alarms), total, "", ""))
    head = f"{title}: {summary.scenes} scenes, {summary.hours:.2f} hours"
    _print_table(console, head, _HEAD, rows)


def _class_cells(row: ClassSummary) -> tuple[str, ...]:
    delay = "-" if row.delay_median_s is None else f"{row.delay_median_s:.1f} s"
    return (
        row.alarm_class.value, str(row.events), str(found(row)), str(row.false_alarms),
        f"{row.false_per_hour.value:.1f}", str(row.repeated), delay,
    )  # fmt: skip


def _print_table(
    console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
