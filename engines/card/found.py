"""What the benchmarks found about one model, as lines of its card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engines.benchmarks.calibrated.tables import told
from engines.benchmarks.report.findings import counted
from engines.benchmarks.report.markdown import table
from engines.benchmarks.report.text import (
    AIMS_HEAD,
    SUMMARY,
    aim_cells,
    between,
    decimal,
    open_aims,
    summary,
)
from engines.benchmarks.results import Results, SuiteResult
from engines.card.known import KNOWN_FAILURES, SHIPPED

NOTHING = "Not scored yet: `python -m engines evaluate --suite all`, then `python -m engines card`."
SHOWN = 2  # tables of a suite; the others are lists of cases, or about training
MOST_CONFUSED = 6
FEWEST = 2  # decisions; rarer confusions are chance


def of_model(results: Results, name: str, encoders: str, files: str) -> Results:
    """Only chapters about this model: same encoders, and all files where the model is judged."""
    kept = [
        suite
        for suite in results.suites
        if (suite.model, suite.encoders) == (name, encoders)
        and (suite.name not in SHIPPED or suite.files in ("", files))
    ]
    return Results(suites=tuple(kept))


def suite_of(results: Results, name: str) -> SuiteResult | None:
    """A chapter; None without it."""
    return next((suite for suite in results.suites if suite.name == name), None)


def own_lines(results: Results) -> list[str]:
    """Alarms on whole scenes, thresholds, calibration, transfer: what was judged as it ships."""
    lines: list[str] = []
    missing: list[str] = []
    for name in SHIPPED:
        suite = suite_of(results, name)
        if suite is None:
            missing.append(name)
            continue
        lines += [f"### {suite.title}", ""]
        for number, one in enumerate(suite.tables[:SHOWN]):
            folded = number > 0
            lines += [f"<details><summary>{one.title}</summary>" if folded else f"{one.title}:", ""]
            lines += [*table(one.heads, one.rows), "", *(f"- {note}" for note in one.notes), ""]
            lines += ["</details>", ""] if folded else []
        rows = [summary(suite, question) for question in suite.questions]
        lines += [*table(SUMMARY, rows), ""] if rows else []
    if missing and lines:
        lines += [f"Not measured for this model: {', '.join(missing)}.", ""]
    return lines[:-1] or [NOTHING]


def benchmark_lines(results: Results) -> list[str]:
    """Heads trained for the occasion: aims missed, aims reached, every question."""
    others = Results(suites=tuple(s for s in results.suites if s.name not in SHIPPED))
    if not others.suites:
        return [NOTHING]
    lines = ["Heads and gates here are trained for each benchmark, on this model's encoders or on "
             "others that the report names; they never ship.", ""]  # fmt: skip
    pairs = [(suite, aim) for suite in others.suites for aim in suite.aims]
    for title, reached in (("Aims missed", False), ("Aims reached", True)):
        rows = [aim_cells(suite, aim) for suite, aim in pairs if aim.reached == reached]
        if rows:
            lines += [f"{title}:", "", *table(AIMS_HEAD, rows), ""]
    not_run = open_aims({suite.name for suite in others.suites})
    lines += ["Aims not measured:", "", *table(AIMS_HEAD, not_run), ""] if not_run else []
    lines += [counted(others), ""] if counted(others) else []
    rows = [summary(suite, question) for suite in others.suites for question in suite.questions]
    return [*lines, *table(SUMMARY, rows)] if rows else lines[:-1]


def failures(results: Results) -> list[str]:
    """Known by nature, then as measured."""
    lines = list(KNOWN_FAILURES)
    calibration, stream = suite_of(results, "calibration"), suite_of(results, "stream")
    if calibration is not None:
        lines += mistaken(calibration.numbers.get("alarms", ()))
        lines += confused(calibration.numbers.get("confusion", {}))
    if stream is not None:
        lines += on_scenes(stream.numbers.get("summary", {}).get("classes", ()))
    return lines


def mistaken(alarms: Iterable[Mapping[str, Any]]) -> list[str]:
    """What reached an alarm's threshold wrongly, and what was missed, on single decisions."""
    lines = []
    for one in alarms:
        if one["mistaken"]:
            lines.append(
                f"Measured on {one['dataset']}, one {one['unit']} at a time: taken for "
                f"{one['alarm']}: {told(one['mistaken'])} (precision {decimal(one['precision'])}, "
                f"{one['items']} in all)."
            )
        if one["recall"] is not None and one["recall"] < 1:
            low, high = one["recall_low"], one["recall_high"]
            lines.append(
                f"Measured on {one['dataset']}: {1 - one['recall']:.0%} of {one['positives']} "
                f"{one['unit']}s that show {one['alarm']} stay below its threshold "
                f"(recall {decimal(one['recall'])}, {between(low, high)})."
            )
    return lines


def confused(table_: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The most frequent confusions of actions in rendered rooms, by share of the true class."""
    shares = [
        (count / sum(row.values()), count, true, said)
        for true, row in table_.items()
        for said, count in row.items()
        if true != said and count >= FEWEST
    ]
    worst = sorted(shares, reverse=True)[:MOST_CONFUSED]
    if not worst:
        return []
    named = "; ".join(f"{true} called {said} {share:.0%}" for share, _, true, said in worst)
    return [f"Most often confused in rendered rooms, by share of the true action: {named}."]


def on_scenes(classes: Iterable[Mapping[str, Any]]) -> list[str]:
    """False and missing alarms on whole scenes."""
    lines = []
    for one in classes:
        if not one["events"]:
            lines.append(
                f"On whole scenes there was no event of {one['alarm_class']}: its alarm is not "
                "measured, and its threshold was not chosen on scenes."
            )
        missed = one["events"] - one["detected"]
        if not (missed or one["false_alarms"]):
            continue
        wrong = f"{one['false_alarms']} false alarms ({told(one['mistaken_for'])})"
        lines.append(
            f"On whole scenes, {one['alarm_class']}: {missed} of {one['events']} events without "
            f"their alarm in time; {wrong}."
        )
    return lines
