"""What an examination found, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum

from edge.errors import one_line


class State(str, Enum):
    """How bad it is."""

    OK = "ok"
    NONE = "none"  # not here, and not needed
    WARN = "warn"  # the device watches, but not as it could
    FAIL = "FAIL"  # the device cannot do what it is configured for


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    what: str
    state: State
    told: str
    remedy: str | None = None  # of everything that is not well

    def line(self) -> str:
        """For people."""
        remedy = f"\n{'':6} {'':18} -> {self.remedy}" if self.remedy else ""
        return f"{self.state.value:6} {self.what:18} {self.told}{remedy}"

    def json_line(self) -> str:
        """For programs."""
        return json.dumps({**asdict(self), "state": self.state.value.lower()})


Findings = Iterator[Finding]
Check = Callable[[], Iterable[Finding]]


def ok(what: str, told: str) -> Finding:
    """All is well."""
    return Finding(what, State.OK, told)


def none(what: str, told: str) -> Finding:
    """Not here, and not needed."""
    return Finding(what, State.NONE, told)


def warn(what: str, told: str, remedy: str) -> Finding:
    """The device watches, but not as it could."""
    return Finding(what, State.WARN, told, remedy)


def fail(what: str, told: str, remedy: str) -> Finding:
    """The device cannot do what it is configured for."""
    return Finding(what, State.FAIL, told, remedy)


def failed(what: str, error: Exception, remedy: str = "see docs/jetson.md") -> Finding:
    """An error as a finding; remedy: where the message names none."""
    told, its_own = parted(one_line(error))
    return fail(what, told, its_own or remedy)


def parted(message: str) -> tuple[str, str]:
    """What is wrong, before the last semicolon, and the remedy behind it; "" where it has none.

    That one should see the doctor is no remedy here.
    """
    told, _, remedy = message.rpartition("; ")
    if not told:
        return message, ""
    return told, "" if remedy == "see gatehouse doctor" else remedy


def examine(what: str, check: Check) -> list[Finding]:
    """Run one check; whatever goes wrong in it is a finding, and no other check suffers."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except Exception as error:  # a check must never hide what the others find
        found.append(failed(what, error))
    return found
