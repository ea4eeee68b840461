"""The report as one HTML file that needs nothing else: figures and style are inside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from engines.benchmarks.report.figures import COLOURS
from engines.benchmarks.report.findings import counted, headline, reasons
from engines.benchmarks.report.markdown import TITLE
from engines.benchmarks.report.style import css
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

CHIPS = (
    ("reached, not surely", "even"),
    ("reached", "good"),
    ("missed", "bad"),
    ("better", "good"),
    ("worse", "bad"),
    ("not to be told apart", "even"),
)
"""How words of a verdict are coloured; the first that a cell's last words begin with."""

_NUMBER = re.compile(r"[+-]?\d*\.\d+(?: ± \.\d+)?(?: \.\. [+-]?\d*\.\d+)?|\[[^\]]*\]")
_OWN_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)


def page(
    results: Results, figures: Mapping[tuple[str, str], Sequence[FigureFile]], folder: Path
) -> str:
    """All chapters.  figures: files of each (suite, question), to be read from ``folder``"""
    links = " ".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in results.suites)
    body = [
        f"<h1>{TITLE}</h1>",
        f"<nav>{links}</nav>",
        *front(results),
        *(chapter(suite, figures, folder) for suite in results.suites),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{TITLE}</title><style>{css()}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def front(results: Results) -> list[str]:
    """Aims, all questions in one table, and how to read them."""
    pairs = [(suite, question) for suite in results.suites for question in suite.questions]
    parts = ["<h2>Aims</h2>", table(AIMS_HEAD, aim_rows(results), left=3, kind="wide")]
    parts += ["<h2>In short</h2>", paragraph(counted(results), "finding")]
    if pairs:
        short = [summary(suite, question) for suite, question in pairs]
        parts.append(table(SUMMARY, short, left=len(SUMMARY), kind="wide"))
    return [*parts, "<h3>How to read it</h3>", items(READING, "reading")]


def chapter(
    suite: SuiteResult,
    figures: Mapping[tuple[str, str], Sequence[FigureFile]],
    folder: Path,
) -> str:
    """One suite."""
    parts = [
        f'<h2 id="{escape(suite.name)}">{escape(suite.title)}</h2>',
        paragraph(origin(suite), "size"),
        *(numbers(one) for one in suite.tables),
        *(
            section(question, figures.get((suite.name, question.name), ()), folder)
            for question in suite.questions
        ),
    ]
    if suite.figures:
        parts += ["<h3>Figures of this suite</h3>", images(suite.figures, folder)]
    return "\n".join(parts)


def section(question: QuestionResult, figures: Sequence[FigureFile], folder: Path) -> str:
    """One question: what it comes to, figures, all methods, notes."""
    rows = rows_of(question)
    best = {question.best_single, question.best_gate}
    return "\n".join(
        [
            f"<h3>{escape(question.title)}</h3>",
            paragraph(headline(question), "finding"),
            items(reasons(question), "reasons"),
            images(figures, folder),
            f"<details><summary>All {len(rows)} methods</summary>",
            table(
                columns(question),
                [cells(question, row) for row in rows],
                [row.name in best for row in rows],
                [COLOURS[row.kind] for row in rows],
            ),
            "</details>",
            paragraph(f"{size_of(question)}.", "size"),
            items(question.notes, "notes"),
        ]
    )


def numbers(one: TableResult) -> str:
    """A table of the suite's own."""
    shown = table(one.heads, one.rows, left=one.left, kind="wide")
    return f"<h3>{escape(one.title)}</h3>\n{shown}\n{items(one.notes, 'notes')}"


def paragraph(text: str, kind: str) -> str:
    """Nothing for nothing."""
    return f'<p class="{kind}">{escape(text)}</p>' if text else ""


def items(lines: Sequence[str], kind: str) -> str:
    """A list; nothing for nothing."""
    told = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{told}</ul>' if lines else ""


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    marked: Sequence[bool] = (),
    colours: Sequence[str] = (),
    left: int = 2,
    kind: str = "",
) -> str:
    """marked: rows to point out   colours: of a dot before each row   left: columns set left"""
    classes = ['class="left"' if place < left else "" for place in range(len(heads))]
    lines = ["".join(f"<th {c}>{escape(h)}</th>" for h, c in zip(heads, classes, strict=True))]
    for number, row in enumerate(rows):
        own = [f"<td {c}>{chip(cell)}</td>" for cell, c in zip(row, classes, strict=True)]
        if colours:
            dot = f'<span class="dot" style="background:{colours[number]}"></span>'
            own[0] = own[0].replace(">", f">{dot}", 1)
        lines.append("".join(own))
    kinds = ["", *(' class="best"' if mark else "" for mark in marked or [False] * len(rows))]
    told = [f"<tr{own}>{line}</tr>" for own, line in zip(kinds, lines, strict=True)]
    return f'<div class="scroll"><table class="{kind}">{"".join(told)}</table></div>'


def chip(cell: str) -> str:
    """A cell, its numbers in one piece and its verdicts in colour, each on a line of its own."""
    told, coloured = [], False
    for part in cell.split("; "):
        before, colon, word = part.rpartition(": ")
        if part.startswith("missed"):
            before, colon, word = "", "", part
        colour = next((c for start, c in CHIPS if word.startswith(start)), "")
        if colour:
            coloured = True
            lead = f"{unbroken(before)}<br>" if before else ""
            told.append(f'{lead}<span class="{colour}">{unbroken(word)}</span>')
        else:
            told.append(unbroken(before + colon + word))
    return ("<br>" if coloured else "; ").join(told)


def unbroken(text: str) -> str:
    """Numbers with their spread or interval do not fall apart at the end of a line."""
    return _NUMBER.sub(r'<span class="n">\g<0></span>', escape(text))


def images(figures: Sequence[FigureFile], folder: Path) -> str:
    """Figures as part of the page; their colours follow the page's style."""
    parts = []
    for figure in figures:
        svg = (folder / figure.file).read_text(encoding="utf-8")
        drawn = _OWN_STYLE.sub("", _PROLOGUE.sub("", svg), count=1).strip()
        parts.append(
            f"<figure>{drawn}<figcaption><b>{escape(figure.title)}.</b> "
            f"{escape(figure.caption)}</figcaption></figure>"
        )
    return "".join(parts)
