"""What ``gatehouse replay`` prints of one file: decisions as lines, or a report for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from edge.compose import open_file
from edge.errors import BrokerError
from edge.faults import FaultScript
from edge.faults_apply import FaultySource
from edge.models import Models
from edge.replay import decision_line, replay_file
from edge.values import Decision


def show_replay(path: Path, models: Models, faults: FaultScript | None, as_lines: bool) -> None:
    """Replay a file and print it on stdout; of broker outages one line on stderr.

    Raises: SourceError; BrokerError when mosquitto is missing, or when an alarm was lost.
    """
    decisions = replay_file(path, models, faults=faults)
    if faults is not None and faults.outages:
        decisions = _with_broker(path, decisions, faults)
    if as_lines:
        for decision in decisions:
            sys.stdout.write(decision_line(path, decision) + "\n")
        return
    from rich.console import Console

    from edge.replay_report import render

    Console().print(render(path, list(decisions)))


def _with_broker(
    path: Path, decisions: Iterator[Decision], faults: FaultScript
) -> Iterator[Decision]:
    """The same decisions, told to a hub whose broker comes and goes."""
    from edge.faults_broker import broker_trial

    boot_id = FaultySource(open_file(path), faults).digest
    with broker_trial(faults.outages, boot_id) as trial:
        for decision in decisions:
            trial.take(decision)
            yield decision
        delivery = trial.finish()
    if delivery.lost:
        raise BrokerError(f"{path}: {delivery}; this is a bug in gatehouse, please report it")
    sys.stderr.write(f"{path}: {delivery}\n")
