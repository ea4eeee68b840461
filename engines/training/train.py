"""Train the models that ship: render rooms, train encoders and gate, export, write the store.

Every stage keeps what it finished in the work directory, so an interrupted run goes on where it
stopped. For example:
  python -m engines train --preset quick --work ~/gatehouse-work --out edge/weights
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from edge.errors import (
    EX_OK,
    EX_UNAVAILABLE,
    MediaError,
    MissingFileError,
    StoreError,
    UsageError,
)
from engines.models.pretrained import check_pretrained
from engines.processes import worker_pool
from engines.training.bars import Bars
from engines.training.cache import Clip, cache_clips
from engines.training.clips import clips_of, divide, training_rows, usable
from engines.training.labels import load_label_map
from engines.training.plan import PRESETS, Preset, TimePlan, lanes, make_plan, plan_lines

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR",
                        help="folder for what the stages make; kept")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="model directory to write, e.g. edge/weights")  # fmt: skip
    parser.add_argument("--minutes", type=float, help="wall time to aim for (the preset's)")
    parser.add_argument("--clips", type=int, metavar="N", help="rooms to render (what fits)")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (2)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--data", type=Path, metavar="DIR",
                        help="recorded sets (GATEHOUSE_DATA, else ../shared/data)")  # fmt: skip
    parser.add_argument("--label-map", type=Path, metavar="FILE", help="YAML, see labels.py")


def run(args: argparse.Namespace) -> int:
    """The whole chain; return the exit status."""
    check_arguments(args)
    data = args.data or Path(os.environ.get("GATEHOUSE_DATA", "../shared/data"))
    labels = load_label_map(args.label_map)
    check_pretrained()
    preset = PRESETS[args.preset]
    plan = make_plan(preset, args.minutes or preset.minutes, args.clips, args.workers)
    work = args.work.resolve()
    for folder in (work, args.out):
        make_folder(folder)
    logging.basicConfig(
        filename=work / "training.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that train, see finetune.py
    os.environ["GATEHOUSE_DATA"] = str(data)
    deadline = time.monotonic() + 60 * plan.minutes
    with Bars() as bars:
        for line in plan_lines(plan, preset):
            bars.say(line)
        render_rooms(work / "rooms", plan.clips, args.seed, args.workers, bars)
        rows = training_rows(work / "rooms", data)
        if all(row.dataset == "rooms" for row in rows):
            bars.say(f"{data} has no recorded set: training on rendered rooms alone")
        clips = clips_of(rows, labels, work / "inputs", preset.spoiled_every)
        clips = decode(clips, args.workers, bars)
        facts = train_and_write(clips, preset, plan, args, work, deadline, bars)
        bars.say(f"written to {args.out}: {facts}")
    return EX_OK


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse what would fail only after the rendering.  Raises: UsageError, MissingFileError."""
    if args.workers < 1 or (args.minutes is not None and args.minutes <= 0):
        raise UsageError("--workers must be at least 1 and --minutes above 0")
    if args.clips is not None and args.clips < 1:
        raise UsageError("--clips must be at least 1")
    if args.data is not None and not (args.data / "manifest.csv").exists():
        raise MissingFileError(f"{args.data}/manifest.csv is not there; check --data")


def make_folder(folder: Path) -> None:
    """Raises: StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror}; choose another") from error


def render_rooms(out: Path, clips: int, seed: int, workers: int, bars: Bars) -> None:
    """Let the generator fill ``out``; what is there already is kept.  Raises: StoreError."""
    command = [sys.executable, "-m", "engines", "rooms", "--out", str(out), "--split", "train"]
    command += ["--clips", str(clips), "--seed", str(seed), "--workers", str(workers)]
    with bars.paused():
        status = subprocess.run(command, check=False).returncode
    if status != EX_OK:
        error = StoreError(f"rendering failed with status {status}; its message is above")
        error.exit_code = status if status > 0 else EX_UNAVAILABLE
        raise error


def decode(clips: Sequence[Clip], workers: int, bars: Bars) -> list[Clip]:
    """Cut all clips into encoder inputs; those that cannot be read are named and left out."""
    problems = cache_clips(clips, workers, bars.track("decode"))
    for problem in problems:
        log.warning("%s", problem)
    if problems:
        bars.say(f"{len(problems)} clips could not be read, the first: {problems[0]}")
    kept = usable(clips)
    if not any(clip.row.dataset == "rooms" for clip in kept):
        raise MediaError("no rendered room could be read; delete them in --work and run again")
    return kept


def train_and_write(
    clips: Sequence[Clip],
    preset: Preset,
    plan: TimePlan,
    args: argparse.Namespace,
    work: Path,
    deadline: float,
    bars: Bars,
) -> dict[str, float]:
    """From decoded clips to a model directory; returns the gate's held-out facts."""
    from engines.training.audio import AudioSettings
    from engines.training.finish import close_run
    from engines.training.lane import Lane, run_lane

    train, held_out = divide(clips)
    bars.say(f"{len(train)} training clips, {len(held_out)} held out")
    if not train or all(clip.spoiled for clip in held_out):
        raise MediaError("too few clips to hold some out for calibration; raise --clips")
    left = max((deadline - time.monotonic()) / 60 - plan.closing_minutes, 0.1)
    streams = lanes(preset, left, args.workers, args.seed)
    audio = AudioSettings(preset.audio_steps, seed=args.seed)
    jobs = [
        Lane(settings, audio if i == 0 else None, train, held_out, work)
        for i, settings in enumerate(streams)
    ]
    facts: dict[str, dict[str, float]] = {}
    with get_context("spawn").Manager() as manager, worker_pool(args.workers) as pool:
        notes = manager.Queue()
        running = [pool.submit(run_lane, job, notes) for job in jobs]
        bars.follow(notes, running)
        for future in running:
            facts.update(future.result())
    return close_run(train, held_out, facts, preset, plan, args.seed, work, args.out, bars)
