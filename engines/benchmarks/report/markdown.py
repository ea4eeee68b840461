"""The report as Markdown, with its figures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engines.benchmarks.report.findings import counted, headline, reasons
from engines.benchmarks.report.text import (
    AIMS_HEAD,
    READING,
    SUMMARY,
    aim_rows,
    cells,
    columns,
    origin,
    rows_of,
    size_of,
    summary,
)
from engines.benchmarks.results import (
    FigureFile,
    QuestionResult,
    Results,
    SuiteResult,
    TableResult,
)

TITLE = "What every modality, every gate and chance are worth"
MADE_BY = (
    "Made by `python -m engines evaluate --suite`; the same as a page: "
    "[results.html](results.html), the numbers: [results.json](results.json)."
)


def markdown(results: Results, figures: Mapping[tuple[str, str], Sequence[FigureFile]]) -> str:
    """All chapters.  figures: files of each (suite, question)"""
    lines = [f"# {TITLE}", "", MADE_BY]
    lines += ["", "## Aims", "", *table(AIMS_HEAD, aim_rows(results))]
    pairs = [(suite, question) for suite in results.suites for question in suite.questions]
    lines += ["", "## In short", "", *([counted(results), ""] if counted(results) else [])]
    lines += table(SUMMARY, [summary(suite, question) for suite, question in pairs])
    lines += ["", "## How to read it", "", *(f"- {line}" for line in READING)]
    for suite in results.suites:
        lines += ["", *chapter(suite, figures)]
    return "\n".join(lines) + "\n"


def chapter(
    suite: SuiteResult, figures: Mapping[tuple[str, str], Sequence[FigureFile]]
) -> list[str]:
    """One suite."""
    lines = [f"## {suite.title}", "", origin(suite)]
    for one in suite.tables:
        lines += ["", *numbers(one)]
    for question in suite.questions:
        lines += ["", *section(question, figures.get((suite.name, question.name), ()))]
    if suite.figures:
        lines += ["", "### Figures of this suite", "", *images(suite.figures)]
    return lines


def section(question: QuestionResult, figures: Sequence[FigureFile]) -> list[str]:
    """One question: what it comes to, figures, all methods, notes."""
    lines = [f"### {question.title}", ""]
    if headline(question):
        lines += [f"**{headline(question)}**", ""]
        lines += [*(f"- {line}" for line in reasons(question)), ""] if reasons(question) else []
    rows = [cells(question, row) for row in rows_of(question)]
    lines += [*images(figures), f"<details><summary>All {len(rows)} methods</summary>", ""]
    lines += [*table(columns(question), rows), "", "</details>", "", f"{size_of(question)}."]
    return [*lines, "", *(f"- {note}" for note in question.notes)] if question.notes else lines


def numbers(one: TableResult) -> list[str]:
    """A table of the suite's own."""
    return [f"### {one.title}", "", *table(one.heads, one.rows), "",
            *(f"- {note}" for note in one.notes)]  # fmt: skip


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    bars = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in bars]
    return [lines[0], f"|{'---|' * len(heads)}", *lines[1:]]


def images(figures: Sequence[FigureFile]) -> list[str]:
    """Figures with their captions."""
    lines = []
    for figure in figures:
        lines += [
            f"![{figure.title}]({figure.file})",
            "",
            f"*{figure.title}.* {figure.caption}",
            "",
        ]
    return lines
