"""Make clips, in this process or in several; whatever stops them, only whole files stay."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import GatehouseError
from edge.vocabulary import ACTIONS
from engines.rooms.plan import DEMO, SCENE, ClipPlan
from engines.rooms.soundbank import SoundBank
from engines.rooms.write import HardlyVisibleError, SceneRenderer, write_scene

if TYPE_CHECKING:
    from engines.rooms.scene import Scene

MAX_ATTEMPTS = 6
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Made:
    """One finished clip."""

    plan: ClipPlan
    attempts: int  # 1 when the first scene showed its person
    cpu_s: float


class WorkerError(GatehouseError):
    """A worker ended without a word."""


def make_clips(plans: Sequence[ClipPlan], out: Path, workers: int) -> Generator[Made, None, None]:
    """Make the planned clips, in any order, with one thread a worker; yield each when it is whole.

    Closing the iterator early, or an error, ends the workers. Raises: the first worker's error.
    """
    if workers <= 1:
        yield from _make_all(plans, out)
        return
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    for plan in [*plans, *[None] * workers]:
        tasks.put(plan)
    arguments = (tasks, results, out)
    processes = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(workers)]
    try:
        with _environment(_ONE_THREAD):
            for process in processes:
                process.start()
        for _ in plans:
            made = _next_result(results, processes)
            if isinstance(made, BaseException):
                raise made
            yield made
    finally:
        for process in processes:
            process.terminate()  # a worker leaves its blocks on SIGTERM, which removes its .part
        for process in processes:
            process.join(timeout=10)


def scripted(plan: ClipPlan, attempt: int) -> Scene:
    """Return the scene that the script makes of a plan at its first, second, ... attempt."""
    from engines.rooms import script, stories

    seed = plan.scene_seed(attempt)
    notes: dict[str, str] = {"split": plan.split}  # the soundtrack's voices differ between the two
    if plan.label == DEMO:
        scene = stories.demo_scene(seed)
        notes["ambience"] = "none"
    elif plan.label in ACTIONS:
        scene = script.clip_scene(plan.label, seed, plan.split, plan.duration_s)
    else:
        scene = stories.random_scene(seed, plan.split, plan.duration_s, plan.story)
    return replace(scene, notes={**scene.notes, **notes})


def make_clip(
    plan: ClipPlan,
    out: Path,
    renderer: SceneRenderer,
    bank: SoundBank | None,
    scene_of: Callable[[ClipPlan, int], Scene] = scripted,
) -> Made:
    """Make one clip; a scene that hides its person is rolled again, at most MAX_ATTEMPTS times."""
    started = time.process_time()
    for attempt in range(MAX_ATTEMPTS):
        extra = {"label": SCENE if plan.label == DEMO else plan.label, "split": plan.split}
        # The last roll is kept whatever it shows: the run ends, and its truth tells what is seen.
        must_see = attempt < MAX_ATTEMPTS - 1
        scene = scene_of(plan, attempt)
        try:
            write_scene(scene, plan.path(out), renderer, bank, must_see=must_see, extra=extra)
        except HardlyVisibleError:
            continue
        break
    return Made(plan, attempt + 1, time.process_time() - started)


def _make_all(plans: Sequence[ClipPlan] | Iterator[ClipPlan], out: Path) -> Iterator[Made]:
    import cv2

    from engines.rooms.renderer import Renderer

    cv2.setNumThreads(1)
    banks: dict[str, SoundBank | None] = {}
    with Renderer() as renderer:
        for plan in plans:
            # The demo ships, so everything in it is rendered.
            if plan.split not in banks:
                banks[plan.split] = SoundBank.find(plan.split)
            bank = None if plan.label == DEMO else banks[plan.split]
            yield make_clip(plan, out, renderer, bank)


def _work(tasks: Any, results: Any, out: Path) -> None:
    """Serve one worker process: plans in, finished clips or one error out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parent = multiprocessing.parent_process()

    def plans() -> Iterator[ClipPlan]:
        while (parent is None or parent.is_alive()) and (plan := tasks.get()) is not None:
            yield plan

    try:
        for made in _make_all(plans(), out):
            results.put(made)
    except Exception as error:
        results.put(error)


def _next_result(results: Any, processes: Sequence[BaseProcess]) -> Made | BaseException:
    while True:
        alive = any(process.is_alive() for process in processes)
        try:
            found: Made | BaseException = results.get(timeout=_POLL_S)
            return found
        except queue.Empty:
            dead = [p.exitcode for p in processes if p.exitcode not in (None, 0)]
            if dead or not alive:
                raise WorkerError(
                    f"a worker died (status {dead[:1]}), out of memory? run it again with "
                    "--workers 1; finished clips are kept"
                ) from None


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for the child processes started in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
