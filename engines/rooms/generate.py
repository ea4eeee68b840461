"""Render rooms: recordings (MCAP) with aligned RGB, depth and sound, each with its ground truth.

Writes NAME.mcap, NAME.truth.json and manifest.csv to a folder. What is finished there is kept, so
an interrupted run goes on where it stopped, and Ctrl-C leaves whole files only.

For example:
  python -m engines rooms --out clips --clips 150 --workers 2      ten clips of every action
  python -m engines rooms --out check --clips 15 --sheet check.png look at one of each
  python -m engines rooms --out days --scenes 12 --kind mixed      stories of 60 s
  python -m engines rooms --out demo --demo --seed 7               the story of the demo
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import EX_OK, StoreError, UsageError
from edge.sources.recording import Recording
from edge.values import Stream
from engines.rooms.plan import (
    DEMO,
    MIXED,
    STORIES,
    ClipPlan,
    clip_plans,
    scene_plans,
    write_manifest,
)
from engines.rooms.workers import Made, make_clips

CLIP_S, SCENE_S, DEMO_S = 4.0, 60.0, 40.0
_SHEET_SCALE = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    parser.add_argument("--clips", type=int, default=15, metavar="N", help="how many (15)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="another seed, other rooms"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (2)")
    parser.add_argument("--split", choices=("train", "test"), default="train",
                        help="persons, voices and recorded sounds of the two differ")  # fmt: skip
    parser.add_argument("--duration", type=float, metavar="SECONDS",
                        help=f"of each ({CLIP_S:g}; scenes {SCENE_S:g})")  # fmt: skip
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--scenes", type=int, metavar="N", help="N stories of several actions")
    kind.add_argument("--demo", action="store_true", help="one recording: the demo's story")
    parser.add_argument("--kind", choices=("mixed", *STORIES), default="mixed",
                        help="what the stories of --scenes are about (mixed)")  # fmt: skip
    parser.add_argument("--sheet", type=Path, metavar="FILE",
                        help="also draw a PNG, one row a clip: colour above depth")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Make what is missing, then the manifest and the sheet; return the exit status."""
    plans = _plans(args)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to {args.out}: {error.strerror}; choose another") from error
    missing = [plan for plan in plans if not plan.is_finished(args.out)]
    started = time.monotonic()
    try:
        made = _make_with_progress(missing, len(plans), args.out, args.workers)
    finally:
        for plan in missing:  # of workers that were killed
            Path(f"{plan.path(args.out)}.part").unlink(missing_ok=True)
        total = write_manifest(args.out)
    if args.sheet:
        draw_sheet(plans, args.out, args.sheet)
    _report(made, total, args.out, time.monotonic() - started)
    return EX_OK


def draw_sheet(plans: Sequence[ClipPlan], out: Path, file: Path) -> None:
    """Draw the recordings of ``plans`` to a PNG, as they were stored.  Raises: StoreError."""
    import cv2

    from engines.rooms.sheet import contact_sheet, stacked

    rows = [contact_sheet(_frames(plan.path(out)), plan.name) for plan in plans]
    picture = stacked(rows, _SHEET_SCALE)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise StoreError(f"cannot write {file}; name a .png in a folder you may write to")


def _plans(args: argparse.Namespace) -> list[ClipPlan]:
    if min(args.clips, args.workers, 1 if args.scenes is None else args.scenes) < 1:
        raise UsageError("--clips, --scenes and --workers must be at least 1")
    usual_s = DEMO_S if args.demo else SCENE_S if args.scenes else CLIP_S
    duration_s = args.duration or usual_s
    if not 1.0 <= duration_s <= 600.0:
        raise UsageError(f"--duration must be 1 to 600 s, not {duration_s:g}")
    if args.demo:
        return [ClipPlan(0, DEMO, "test", args.seed, duration_s)]
    if args.scenes:
        kinds = MIXED if args.kind == "mixed" else (args.kind,)
        return scene_plans(args.scenes, args.seed, args.split, duration_s, kinds)
    return clip_plans(args.clips, args.seed, args.split, duration_s)


def _make_with_progress(
    missing: Sequence[ClipPlan], planned: int, out: Path, workers: int
) -> list[Made]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    made = []
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("rendering", total=planned, completed=planned - len(missing))
        with closing(make_clips(missing, out, min(workers, max(1, len(missing))))) as clips:
            for clip in clips:
                made.append(clip)
                progress.advance(bar)
    return made


def _report(made: Sequence[Made], total: int, out: Path, wall_s: float) -> None:
    from rich.console import Console

    text = f"{total} recordings in {out}, {len(made)} of them new"
    if made:
        again = sum(clip.attempts - 1 for clip in made)
        cpu_s = sum(clip.cpu_s for clip in made) / len(made)
        size = sum(clip.plan.path(out).stat().st_size for clip in made) / len(made)
        text += f" ({again} rolled again): {cpu_s:.2f} CPU-s and {size / 1e6:.2f} MB each"
        text += f", {wall_s:.0f} s in all"
    Console(soft_wrap=True, highlight=False).print(text)


def _frames(path: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.uint16]]]:
    """Pair each depth picture of a recording with the colour picture before it."""
    frames, rgb = [], None
    for sample in Recording(path).samples():
        if sample.stream is Stream.RGB:
            rgb = sample.data
        elif sample.stream is Stream.DEPTH and rgb is not None:
            frames.append((rgb, sample.data))
    return frames
