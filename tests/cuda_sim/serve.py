"""The process behind ``simulator.Simulator``: loads the simulated driver, then answers calls.

Each call runs in a fork, so that a broken context, which no process can mend, harms no other call.
What is called prints to stderr; stdout carries the answers.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, BinaryIO


def module_of(path: str, known: dict[str, ModuleType]) -> ModuleType:
    """Load a test file once, under a name of its own."""
    if path not in known:
        name = f"simulated_{len(known)}"
        spec = spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        known[path] = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(known[path])
    return known[path]


def answer(function: Any, arguments: tuple[Any, ...], settings: dict[str, str]) -> bytes:
    """Call, and pickle what comes of it."""
    os.environ.update(settings)
    try:
        return pickle.dumps(("returned", function(*arguments)))
    except Exception as error:
        if type(error).__module__.startswith("pycuda"):  # which our parent cannot load
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return pickle.dumps(("raised", error))


def in_a_fork(function: Any, arguments: tuple[Any, ...], settings: dict[str, str]) -> bytes:
    """Call in a copy of this process; a copy that dies is an answer, too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "wb") as out:
            out.write(answer(function, arguments, settings))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        result = stream.read()
    _, status = os.waitpid(child, 0)
    died = pickle.dumps(("raised", RuntimeError(f"the simulated process died, status {status}")))
    return result or died


def main(library: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Serve until the requests end."""
    ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)  # what asks for libcuda.so.1 now gets this one
    known: dict[str, ModuleType] = {}
    while True:
        try:
            (path, name), arguments, settings = pickle.load(requests)
        except EOFError:
            return
        try:
            function: Any = module_of(path, known)
            for part in name.split("."):
                function = getattr(function, part)
            result = in_a_fork(function, arguments, settings)
        except Exception as error:
            result = pickle.dumps(("raised", error))
        answers.write(result)
        answers.flush()


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is called can disturb the answers
    main(sys.argv[1], sys.stdin.buffer, out)
