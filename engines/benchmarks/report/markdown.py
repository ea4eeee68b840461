"""The report as Markdown, with its figures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engines.benchmarks.report.text import (
    READING,
    SUMMARY,
    cells,
    columns,
    rows_of,
    size_of,
    summary,
)
from engines.benchmarks.results import FigureFile, QuestionResult, Results, SuiteResult

TITLE = "What every modality, every gate and chance are worth"


def markdown(results: Results, figures: Mapping[tuple[str, str], Sequence[FigureFile]]) -> str:
    """All chapters.  figures: files of each (suite, question)"""
    lines = [f"# {TITLE}", "", "Made by `python -m engines evaluate --suite`. How to read it:", ""]
    lines += [f"- {line}" for line in READING]
    lines += ["", "## In short", ""]
    pairs = [(suite, question) for suite in results.suites for question in suite.questions]
    lines += table(SUMMARY, [summary(suite, question) for suite, question in pairs])
    for suite in results.suites:
        lines += ["", *chapter(suite, figures)]
    return "\n".join(lines) + "\n"


def chapter(
    suite: SuiteResult, figures: Mapping[tuple[str, str], Sequence[FigureFile]]
) -> list[str]:
    """One suite."""
    learned = ", ".join(suite.trained_on) or "nothing recorded"
    lines = [
        f"## {suite.title}",
        "",
        f"Encoders of {suite.model} (files {suite.encoders}), which had learned from {learned}; "
        f"{suite.seeds} seeds.",
    ]
    for question in suite.questions:
        lines += ["", *section(question, figures.get((suite.name, question.name), ()))]
    if suite.figures:
        lines += ["", "### Figures of this suite", "", *images(suite.figures)]
    return lines


def section(question: QuestionResult, figures: Sequence[FigureFile]) -> list[str]:
    """One question."""
    lines = [f"### {question.title}", "", f"{size_of(question)}."]
    lines += ["", *(f"- {note}" for note in question.notes)] if question.notes else []
    rows = [cells(question, row) for row in rows_of(question)]
    return [*lines, "", *table(columns(question), rows), "", *images(figures)]


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
