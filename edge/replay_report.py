"""What a file showed, for people: ``gatehouse replay`` without ``--json``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from edge.replay import seconds
from edge.values import Decision
from edge.vocabulary import ACTIONS, MODALITIES


@dataclass(frozen=True, slots=True)
class Span:
    """One activity for as long as it stays on top."""

    action: str | None  # None: no decision
    start_s: float  # the first and the last decision, of capture time
    end_s: float
    confidence: float  # mean score of the action, in [0, 1]


def top_action(decision: Decision) -> str | None:
    """Return the most likely action, or None when nothing could be seen or heard."""
    actions = decision.fused.actions
    return None if actions is None else ACTIONS[int(np.argmax(actions))]


def spans(decisions: Iterable[Decision]) -> list[Span]:
    """Join neighbouring decisions with the same top action."""
    joined = []
    for action, group in groupby(decisions, key=top_action):
        members = [decision.fused for decision in group]
        scores = [float(np.max(f.actions)) for f in members if f.actions is not None]
        first, last = members[0], members[-1]
        start_s, end_s = seconds(first, first.t_ns), seconds(last, last.t_ns)
        joined.append(Span(action, start_s, end_s, float(np.mean(scores)) if scores else 0.0))
    return joined


def render(path: Path, decisions: Sequence[Decision]) -> Group:
    """Draw one file: activities over time, mean trust per sensor, what was missing, alarms."""
    table = Table(box=None, pad_edge=False)
    table.add_column("from", justify="right")
    table.add_column("to", justify="right")
    table.add_column("activity")
    table.add_column("confidence", justify="right")
    for span in spans(decisions):
        name = span.action or "no decision"
        score = f"{span.confidence:.0%}" if span.action else "-"
        table.add_row(f"{span.start_s:.1f} s", f"{span.end_s:.1f} s", name, score)
    lines = [Text(f"trust: {_trust(decisions)}"), Text(f"missing: {_missing(decisions)}")]
    alarms = [Text(line, style="bold red") for line in _alarms(decisions)]
    lines += alarms or [Text("alarms: none")]
    return Group(Text(str(path), style="bold"), table, *lines, Text())


def _trust(decisions: Sequence[Decision]) -> str:
    made = [d.fused for d in decisions if d.fused.actions is not None]
    if not made:
        return "nothing to trust"
    return "  ".join(f"{m.value} {np.mean([f.gate[m] for f in made]):.0%}" for m in MODALITIES)


def _missing(decisions: Sequence[Decision]) -> str:
    parts = []
    for m in MODALITIES:
        reasons = [d.fused.missing[m].value for d in decisions if m in d.fused.missing]
        if reasons:
            share = len(reasons) / len(decisions)
            parts.append(f"{m.value} {share:.0%} of the time ({', '.join(sorted(set(reasons)))})")
    return ", ".join(parts) or "nothing"


def _alarms(decisions: Sequence[Decision]) -> list[str]:
    return [
        f"ALARM {alarm.alarm_class.value} {alarm.state.value} at "
        f"{seconds(d.fused, d.fused.t_ns):.1f} s (began {seconds(d.fused, alarm.onset_ns):.1f} s)"
        for d in decisions
        for alarm in d.changed
    ]
