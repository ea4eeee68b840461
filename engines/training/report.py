"""The evaluation as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.training.scoring import ClipScores
from engines.training.sections import Line, Section

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 110  # where there is no terminal
MAX_CLASSES = 4  # more recalls than this go to the confusion table


def print_report(
    model: str,
    sections: Sequence[Section],
    silent: Sequence[str],
    failed: Sequence[ClipScores],
    to_stderr: bool,
) -> None:
    """Print every section, sounds gathered in one table each set, then what could not be judged.

    silent: data sets without any section
    """
    from rich.console import Console

    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(f"model {model}; balanced accuracy with 95 % interval over groups")
    for section in sections:
        if not section.task.startswith("sound "):
            console.print(section_table(section))
            console.print(confusion_table(section))
    for dataset, side in dict.fromkeys((s.dataset, s.side) for s in sections):
        sounds = [s for s in sections if s.task.startswith("sound ")]
        own = [s for s in sounds if (s.dataset, s.side) == (dataset, side)]
        if own:
            console.print(sound_table(dataset, side, own))
    for dataset in silent:
        console.print(f"{dataset}: nothing to compare, its clips are all of one kind")
    if failed:
        console.print(f"{len(failed)} clips could not be read, the first: {failed[0].problem}")


def section_table(section: Section) -> Table:
    """Methods of one section, baselines first."""
    from rich.table import Table

    classes = list(section.confusion) if len(section.confusion) <= MAX_CLASSES else []
    title = f"{section.dataset}: {section.task} ({section.side} groups)"
    table = Table(title=title, caption=section.note or None, title_justify="left")
    for name in ("method", "items", "groups", "balanced", "95 %", "AUC", *classes):
        table.add_column(name, justify="left" if name == "method" else "right")
    for line in section.lines:
        table.add_row(*_cells(line, classes), style="dim" if line.is_baseline else None)
    return table


def _cells(line: Line, classes: Sequence[str]) -> list[str]:
    s = line.score
    recalls = [f"{s.recall[c]:.2f}" if c in s.recall else "-" for c in classes]
    auc = "-" if line.auc is None else f"{line.auc:.3f}"
    interval = "-" if s.low is None or s.high is None else f"{s.low:.3f}-{s.high:.3f}"
    name = f"({line.method})" if line.is_baseline else line.method
    balanced = f"{s.balanced_accuracy:.3f}"
    return [name, str(s.clips), str(s.groups), balanced, interval, auc, *recalls]


def confusion_table(section: Section) -> Table:
    """Rows are true, columns are what the gate said."""
    from rich.table import Table

    said = {name for row in section.confusion.values() for name in row}
    columns = [*section.confusion, *sorted(said - set(section.confusion))]
    table = Table(title="gate: true class by row, said by column", title_justify="left")
    table.add_column("")
    many = len(columns) > MAX_CLASSES
    for number, name in enumerate(columns):
        table.add_column(str(number + 1) if many else name, justify="right")
    table.add_column("recall", justify="right")
    for number, (true, row) in enumerate(section.confusion.items()):
        counts = [str(row.get(name, "")) for name in columns]
        recall = f"{row.get(true, 0) / sum(row.values()):.2f}"
        table.add_row(f"{number + 1} {true}" if many else true, *counts, recall)
    for number in range(len(section.confusion), len(columns)):
        table.add_row(f"{number + 1} {columns[number]}" if many else columns[number])
    return table


def sound_table(dataset: str, side: str, sections: Sequence[Section]) -> Table:
    """All sounds of one data set."""
    from rich.table import Table

    note = sections[0].note or None
    table = Table(title=f"{dataset}: sounds ({side} groups)", caption=note, title_justify="left")
    for name in ("sound", "items", "groups", "balanced", "95 %", "AUC", "recall", "specificity"):
        table.add_column(name, justify="left" if name == "sound" else "right")
    for section in sections:
        sound = section.task.removeprefix("sound ")
        gate = next(line for line in section.lines if line.method == "gate")
        cells = _cells(gate, (sound, f"no {sound}"))
        table.add_row(sound, *cells[1:])
    return table
