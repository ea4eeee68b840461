"""Start, stop and lose live sources: live_cycles.py CYCLES; prints what is left behind as JSON.

In a process of its own, so that nothing else is counted; see test_live for the environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.clock import ManualClock, SystemClock
from edge.errors import DeviceError, DeviceSilentError
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import PICTURE_SINK, LivePlan, LiveSource
from edge.values import Stream

REMEDIES = Remedies(*["do something"] * 6)
SMALL = "video/x-raw,width=32,height=24,framerate=100/1"
END = f"decodebin ! {core.PICTURES} ! {PICTURE_SINK}"
WARM_UP = 24
RETIRES_S = 40.0  # GLib keeps idle threads of its pools for a while


class Rushed(ManualClock):
    """Every look at it takes a second."""

    def monotonic_ns(self) -> int:
        self.advance(ms=1_000)
        return super().monotonic_ns()


def source(head: str, *, rushed: bool = False) -> LiveSource:
    plan = LivePlan("device", f"{head} ! {END}", frozenset({Stream.RGB}), Stream.RGB, REMEDIES)
    return LiveSource(plan, Rushed() if rushed else SystemClock())


def closed() -> None:
    device = source(f"videotestsrc is-live=true ! {SMALL}")
    for _ in device.samples():
        device.close()


def left() -> None:
    samples = source(f"videotestsrc is-live=true ! {SMALL}").samples()
    next(samples)
    samples.close()  # type: ignore[attr-defined]


def lost(head: str) -> Callable[[], None]:
    def lose() -> None:
        try:
            list(source(head).samples())
        except DeviceError:
            return
        raise RuntimeError(f"{head} is not lost")

    return lose


def silent() -> None:
    try:
        list(source("appsrc is-live=true ! image/jpeg", rushed=True).samples())
    except DeviceSilentError:
        return
    raise RuntimeError("it is not silent")


ENDS: dict[str, Callable[[], None]] = {
    "closed": closed,
    "left": left,
    "ended": lost(f"videotestsrc is-live=true num-buffers=3 ! {SMALL}"),
    "broken": lost(f"videotestsrc is-live=true ! {SMALL} ! identity error-after=3"),
    "silent": silent,
    "unreadable": lost("audiotestsrc is-live=true"),
}


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def elements(gst: Any) -> int:
    (tracer,) = gst.tracing_get_active_tracers()
    log = Path(os.environ["GST_DEBUG_FILE"])
    told = len(log.read_text().splitlines())
    tracer.emit("log-live-objects")
    return sum("object-alive" in line for line in log.read_text().splitlines()[told:])


def main(cycles: int) -> None:
    gst = core.load()
    names = list(ENDS)
    for cycle in range(WARM_UP):
        ENDS[names[cycle % len(names)]]()
    before = {"threads_before": threads(), "descriptors_before": descriptors()}
    ends: Counter[str] = Counter()
    for cycle in range(cycles):
        name = names[cycle % len(names)]
        ENDS[name]()
        ends[name] += 1
    deadline = time.monotonic() + RETIRES_S
    while threads() > before["threads_before"] and time.monotonic() < deadline:
        time.sleep(0.1)
    after = {"threads": threads(), "descriptors": descriptors(), "elements": elements(gst)}
    kept = gst.ElementFactory.make("fakesink", None)
    after["elements_with_one_kept"] = elements(gst)
    del kept
    sys.stdout.write(json.dumps({"cycles": cycles, "ends": ends, **before, **after}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
