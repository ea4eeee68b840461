"""All suites by name; only those that are asked for are loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

from edge.errors import UsageError
from engines.benchmarks.items import Suite, Workbench
from engines.benchmarks.report.figures import Figure
from engines.benchmarks.results import SuiteResult, TableResult
from engines.benchmarks.runner import Answered

ALL = "all"
SUITES: Mapping[str, str] = {
    "violence": "engines.benchmarks.violence:SUITE",
    "rooms": "engines.benchmarks.rooms:SUITE",
    "robustness": "engines.benchmarks.robustness:SUITE",
    "selfsup": "engines.benchmarks.pretext:SUITE",
    "sound": "engines.benchmarks.sound:SUITE",
    "transfer": "engines.benchmarks.transfer:SUITE",
    "falls": "engines.benchmarks.falls:SUITE",
    "depth_actions": "engines.benchmarks.depth_actions:SUITE",
    "stream": "engines.benchmarks.stream:SUITE",
    "calibration": "engines.benchmarks.calibration:SUITE",
}
"""Command line word -> module and the name of its Suite."""


@runtime_checkable
class Illustrated(Protocol):
    """A suite that draws figures of its own."""

    def figures(
        self, answered: Sequence[Answered], result: SuiteResult, bench: Workbench
    ) -> Sequence[Figure]:
        """Called after judging; see report/figures.py for what helps to draw."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a suite says beside its questions, or instead of any."""

    tables: tuple[TableResult, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)  # plain JSON, finite
    figures: tuple[Figure, ...] = ()


@runtime_checkable
class Detailed(Protocol):
    """A suite with numbers that no question holds: it may give no questions at all."""

    def details(self, bench: Workbench, progress: Callable[[str, int, int], None]) -> Details:
        """Called after judging; cached in ``bench.work`` like everything slow.

        Raises: MissingFileError when its data are not at hand.
        """


def chosen(names: str) -> list[Suite]:
    """Suites named, comma between them, or all.  Raises: UsageError."""
    wanted = list(SUITES) if names == ALL else names.split(",")
    unknown = [name for name in wanted if name not in SUITES]
    if unknown:
        raise UsageError(
            f"--suite: there is no {unknown[0]!r}; choose {ALL} or some of {', '.join(SUITES)}"
        )
    return [load(SUITES[name]) for name in dict.fromkeys(wanted)]


def load(place: str) -> Suite:
    """place: ``module:name``"""
    module, _, name = place.partition(":")
    return cast(Suite, getattr(importlib.import_module(module), name))
