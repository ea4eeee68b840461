"""The report as one HTML file that needs nothing else: figures are data, style is inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from engines.benchmarks.report.figures import COLOURS
from engines.benchmarks.report.markdown import TITLE
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

CSS = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #2b2f33; margin: 0 auto;
  max-width: 1180px; padding: 24px 32px 80px; }
h1 { font-size: 26px; margin: 8px 0 4px; }
h2 { font-size: 20px; margin: 48px 0 6px; padding-top: 16px; border-top: 2px solid #2b2f33; }
h3 { font-size: 16px; margin: 32px 0 4px; }
nav a { margin-right: 14px; } a { color: #1f6f52; }
p.size, figcaption, .reading { color: #5f6b76; font-size: 13px; }
ul { margin: 6px 0 12px; padding-left: 20px; }
.scroll { overflow-x: auto; margin: 10px 0 18px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #e8eaed; }
th { border-bottom: 2px solid #c9cdd2; vertical-align: bottom; font-weight: 600; }
th:first-child, td:first-child, td.left { text-align: left; }
tr.best td { background: #eef7f2; font-weight: 600; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; }
figure { display: inline-block; margin: 8px 24px 16px 0; vertical-align: top; max-width: 100%; }
figure img { max-width: 100%; height: auto; }
figcaption { max-width: 640px; }
"""


def page(
    results: Results, figures: Mapping[tuple[str, str], Sequence[FigureFile]], folder: Path
) -> str:
    """All chapters.  figures: files of each (suite, question), to be read from ``folder``"""
    pairs = [(suite, question) for suite in results.suites for question in suite.questions]
    short = [summary(suite, question) for suite, question in pairs]
    links = "".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in results.suites)
    body = [
        f"<h1>{TITLE}</h1>",
        f"<nav>{links}</nav>",
        '<div class="reading"><ul>',
        *(f"<li>{escape(line)}</li>" for line in READING),
        "</ul></div><h2>In short</h2>",
        table(SUMMARY, short, left=len(SUMMARY)),
        *(chapter(suite, figures, folder) for suite in results.suites),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{TITLE}</title><style>{CSS}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def chapter(
    suite: SuiteResult,
    figures: Mapping[tuple[str, str], Sequence[FigureFile]],
    folder: Path,
) -> str:
    """One suite."""
    learned = ", ".join(suite.trained_on) or "nothing recorded"
    parts = [
        f'<h2 id="{escape(suite.name)}">{escape(suite.title)}</h2>',
        f'<p class="size">Encoders of {escape(suite.model)} (files {escape(suite.encoders)}), '
        f"which had learned from {escape(learned)}; {suite.seeds} seeds.</p>",
        *(
            section(question, figures.get((suite.name, question.name), ()), folder)
            for question in suite.questions
        ),
    ]
    if suite.figures:
        parts += ["<h3>Figures of this suite</h3>", images(suite.figures, folder)]
    return "\n".join(parts)


def section(question: QuestionResult, figures: Sequence[FigureFile], folder: Path) -> str:
    """One question."""
    rows = rows_of(question)
    best = {question.best_single, question.best_gate}
    return "\n".join(
        [
            f"<h3>{escape(question.title)}</h3>",
            f'<p class="size">{escape(size_of(question))}</p>',
            "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in question.notes) + "</ul>",
            images(figures, folder),
            table(
                columns(question),
                [cells(question, row) for row in rows],
                [row.name in best for row in rows],
                [COLOURS[row.kind] for row in rows],
            ),
        ]
    )


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    marked: Sequence[bool] = (),
    colours: Sequence[str] = (),
    left: int = 2,
) -> str:
    """marked: rows to point out   colours: of a dot before each row   left: columns set left"""
    lines = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
    for number, row in enumerate(rows):
        own = [
            f'<td class="left">{escape(cell)}</td>' if place < left else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(row)
        ]
        if colours:
            dot = f'<td class="left"><span class="dot" style="background:{colours[number]}"></span>'
            own[0] = own[0].replace('<td class="left">', dot, 1)
        lines.append("".join(own))
    classes = ["", *(' class="best"' if mark else "" for mark in marked or [False] * len(rows))]
    told = [f"<tr{kind}>{line}</tr>" for kind, line in zip(classes, lines, strict=True)]
    return f'<div class="scroll"><table>{"".join(told)}</table></div>'


def images(figures: Sequence[FigureFile], folder: Path) -> str:
    """Figures as data."""
    parts = []
    for figure in figures:
        data = b64encode((folder / figure.file).read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{escape(figure.title)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption><b>{escape(figure.title)}.</b> {escape(figure.caption)}</figcaption>"
            "</figure>"
        )
    return "".join(parts)
