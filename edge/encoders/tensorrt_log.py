"""What TensorRT says, in this process's log; its last error is kept for messages.

TensorRT takes one logger for the whole process, the first that it is given, and keeps it for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from edge.errors import CudaError

log = logging.getLogger(__name__)

Hear = Callable[[str], None]
NO_REASON = "it gave no reason"


@cache
def logger_of(trt: Any) -> Any:
    """Return the one ``trt.ILogger`` of a TensorRT; ``last`` is its newest error, in one line."""
    severity = trt.ILogger.Severity
    levels = {
        severity.INTERNAL_ERROR: logging.ERROR,
        severity.ERROR: logging.ERROR,
        severity.WARNING: logging.WARNING,
        severity.INFO: logging.DEBUG,
        severity.VERBOSE: logging.NOTSET,  # too much for any log
    }

    class Logger(trt.ILogger):  # type: ignore[misc]  # Any: TensorRT has no types here
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = NO_REASON
            self.listeners: list[Hear] = []

        def log(self, severity: Any, message: str) -> None:
            level = levels.get(severity, logging.ERROR)
            if level >= logging.ERROR:
                self.last = " ".join(message.split())
            if level > logging.NOTSET:
                log.log(level, "%s", message)
            for hear in self.listeners:
                hear(message)

    return Logger()


def started(kind: Any, logger: Any) -> Any:
    """Make a ``trt.Runtime`` or ``trt.Builder``.  Raises: CudaError when TensorRT makes none."""
    try:
        return kind(logger)
    except TypeError as error:  # how its bindings say so, of all errors
        told = f"TensorRT does not start: {logger.last}"
        raise CudaError(f"{told}; check that its version fits the driver's: nvidia-smi") from error


@contextmanager
def listening(trt: Any, hear: Hear) -> Iterator[None]:
    """Let ``hear`` take every line that TensorRT says inside the block, the verbose ones too."""
    listeners: list[Hear] = logger_of(trt).listeners
    listeners.append(hear)
    try:
        yield
    finally:
        listeners.remove(hear)
