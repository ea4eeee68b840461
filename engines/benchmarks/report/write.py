"""Writes results.json, results.md, results.html and their figures into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.errors import StoreError
from engines.benchmarks.aims import with_aims
from engines.benchmarks.report.charts import figures_of
from engines.benchmarks.report.figures import Figure
from engines.benchmarks.report.markdown import markdown
from engines.benchmarks.report.page import page
from engines.benchmarks.results import FigureFile, Results, write_results

FIGURES = "figures"


def write_report(folder: Path, results: Results) -> None:
    """Everything but the suites' own figures, which lie there already.  Raises: StoreError."""
    results = Results(suites=tuple(with_aims(suite) for suite in results.suites))
    write_results(folder, results)
    figures = {
        (suite.name, question.name): write_figures(folder, suite.name, figures_of(question))
        for suite in results.suites
        for question in suite.questions
    }
    _write(folder / "results.md", markdown(results, figures))
    _write(folder / "results.html", page(results, figures, folder))


def write_figures(folder: Path, suite: str, figures: Sequence[Figure]) -> tuple[FigureFile, ...]:
    """Write a suite's figures.  Raises: StoreError."""
    written = []
    for figure in figures:
        file = f"{FIGURES}/{suite}-{figure.name}.svg"
        _write(folder / file, figure.svg)
        written.append(FigureFile(file=file, title=figure.title, caption=figure.caption))
    return tuple(written)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose another --out") from error
