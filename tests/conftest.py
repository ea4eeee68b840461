"""What tests of every package share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FACTS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FACTS] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what tests have found out besides passing."""
    for fact in config.stash[FACTS]:
        terminalreporter.write_line(f"fact: {fact}")


@pytest.fixture(scope="session")
def facts(pytestconfig: pytest.Config) -> list[str]:
    """Lines to print at the end of the run."""
    return pytestconfig.stash[FACTS]


def load_simulator() -> ModuleType:
    """tests/cuda_sim/simulator.py: tests are no package, so it is found by its path."""
    name = "cuda_simulator"
    if name not in sys.modules:
        spec = spec_from_file_location(name, Path(__file__).parent / "cuda_sim" / "simulator.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def simulator() -> Iterator[Any]:
    """A process with a CPU simulator (not a GPU) in place of the CUDA driver."""
    module = load_simulator()
    try:
        running = module.Simulator()
    except module.MissingError as error:
        pytest.skip(f"the CUDA simulator needs {error}")
    yield running
    running.close()


@pytest.fixture(scope="session")
def cuda_toolkits() -> list[Path]:
    """Directories that may hold NVIDIA's compilers, first choice first."""
    found: list[Path] = load_simulator().toolkits()
    return found
