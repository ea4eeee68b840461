"""What TensorRT says reaches the log in its own words, and its last error every message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edge.encoders.tensorrt_log import listening, logger_of, started
from edge.errors import CudaError


class StandIn:
    """TensorRT's logger interface, and a runtime that it does not make."""

    class ILogger:
        Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3, VERBOSE=4)

        def __init__(self) -> None:
            pass

    @staticmethod
    def refuse(logger: Any) -> None:
        logger.log(1, "CUDA initialization failure\n with error: 35")
        raise TypeError("pybind11::init(): factory function returned nullptr")


def test_a_tensorrt_that_does_not_start_is_one_typed_line() -> None:
    told = r"does not start: CUDA initialization failure with error: 35; .*nvidia-smi"
    with pytest.raises(CudaError, match=told):
        started(StandIn.refuse, logger_of(StandIn))


def test_errors_are_kept_and_only_what_matters_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger, heard = logger_of(StandIn), list[str]()
    with caplog.at_level("INFO", "edge.encoders.tensorrt_log"), listening(StandIn, heard.append):
        for severity, line in enumerate(("worst", "bad\n\tnews", "odd", "fine", "noise")):
            logger.log(severity, line)
    logger.log(4, "not listened to")
    assert logger.last == "bad news"
    assert heard == ["worst", "bad\n\tnews", "odd", "fine", "noise"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "WARNING"]
