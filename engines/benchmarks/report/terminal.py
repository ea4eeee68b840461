"""The report as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.benchmarks.report.findings import headline
from engines.benchmarks.report.text import MEASURE_NAMES, cells, columns, origin, rows_of, size_of
from engines.benchmarks.results import QuestionResult, SuiteResult, TableResult

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
    console.print(f"\n{suite.title}", style="bold", markup=False)
    console.print(origin(suite), markup=False)
    for one in suite.tables:
        console.print(own_table(one))
        for note in one.notes:
            console.print(f"- {note}", markup=False)
    for question in suite.questions:
        console.print(question_table(question))
        if headline(question):
            console.print(headline(question), style="bold", markup=False)
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


def own_table(one: TableResult) -> Table:
    """Numbers of a suite that are no comparison of methods."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=one.title, title_justify="left")
    for place, head in enumerate(one.heads):
        table.add_column(Text(head), justify="left" if place < one.left else "right")
    for row in one.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
