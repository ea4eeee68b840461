"""The report as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.benchmarks.report.text import MEASURE_NAMES, cells, columns, rows_of, size_of
from engines.benchmarks.results import QuestionResult, SuiteResult

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 150  # where there is no terminal
LEFT_OUT = ("kind", "ECE", *MEASURE_NAMES.values())
"""Columns that are in the files alone, unless they are the headline."""

STYLES = {"baseline": "dim", "single": "blue", "rule": "yellow", "gate": "green"}


def print_suite(suite: SuiteResult) -> None:
    """Print one chapter on stdout."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    learned = ", ".join(suite.trained_on) or "nothing recorded"
    console.print(f"\n{suite.title}", style="bold", markup=False)
    console.print(
        f"encoders of {suite.model}, which had learned from {learned}; {suite.seeds} seeds",
        markup=False,
    )
    for question in suite.questions:
        console.print(question_table(question))
        console.print(size_of(question), markup=False)
        for note in question.notes:
            console.print(f"- {note}", markup=False)


def question_table(question: QuestionResult) -> Table:
    """All methods; the best single modality and the best gate stand out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=question.title, title_justify="left")
    names = columns(question)
    headline = MEASURE_NAMES[question.measure]
    kept = [i for i, name in enumerate(names) if name == headline or name not in LEFT_OUT]
    for place in kept:
        table.add_column(Text(names[place]), justify="right" if place else "left")
    for row in rows_of(question):
        best = row.name in (question.best_single, question.best_gate)
        style = f"{STYLES[row.kind]}{' bold' if best else ''}"
        texts = cells(question, row)
        table.add_row(*(Text(texts[place]) for place in kept), style=style)
    return table
