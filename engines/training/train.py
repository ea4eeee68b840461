"""Train the models that ship: render rooms, train encoders and gate, export, write the store.

Every stage keeps what it finished in the work directory, so an interrupted run goes on where it
stopped. The preset full is a chain of stages of at most an hour each (rooms, flow, depth, rgb,
audio, heads); each leaves small artefacts, kept with the project, from which the next starts even
on a bare machine: what is large is made again there. For example:
  python -m engines train --preset quick --work ~/gatehouse-work --out edge/weights
  python -m engines train --preset full --stage rooms --work ~/gatehouse-work
  python -m engines train --preset full --stage flow,depth --work ~/gatehouse-work
  python -m engines train --preset full --stage heads --work ~/gatehouse-work --out edge/weights
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EX_OK, MissingFileError, StoreError, UsageError
from engines.models.pretrained import check_pretrained
from engines.training.bars import Bars
from engines.training.labels import load_label_map
from engines.training.plan import PRESETS, STAGES, make_plan, plan_lines
from engines.training.run import TrainingRun

ARTEFACTS = Path(__file__).parents[1] / "trained"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    parser.add_argument("--stage", metavar="A,B", default="all",
                        help=f"of the preset full: some of {', '.join(STAGES)} (all)")  # fmt: skip
    parser.add_argument("--work", type=Path, required=True, metavar="DIR",
                        help="folder for what the stages make; kept")  # fmt: skip
    parser.add_argument("--artefacts", type=Path, metavar="DIR",
                        help="what stages leave for the next (full: engines/trained, else "
                        "inside --work)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="model directory to write at the end, e.g. edge/weights")  # fmt: skip
    parser.add_argument("--minutes", type=float,
                        help="wall time to aim for, full: of a stage (the preset's)")  # fmt: skip
    parser.add_argument("--clips", type=int, metavar="N", help="rooms to render (the preset's)")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (2)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--data", type=Path, metavar="DIR",
                        help="recorded sets (GATEHOUSE_DATA, else ../shared/data)")  # fmt: skip
    parser.add_argument("--label-map", type=Path, metavar="FILE", help="YAML, see labels.py")


def run(args: argparse.Namespace) -> int:
    """The whole chain, or the stages asked for; return the exit status."""
    stages = check_arguments(args)
    data = args.data or Path(os.environ.get("GATEHOUSE_DATA", "../shared/data"))
    labels = load_label_map(args.label_map)
    check_pretrained()
    preset = PRESETS[args.preset]
    plan = make_plan(preset, args.minutes or preset.minutes, args.clips, args.workers)
    work = args.work.resolve()
    artefacts = args.artefacts or (ARTEFACTS if preset.staged else work / "artefacts")
    for folder in (work, artefacts, *([args.out] if args.out else [])):
        make_folder(folder)
    logging.basicConfig(
        filename=work / "training.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that train, see finetune.py
    os.environ["GATEHOUSE_DATA"] = str(data)
    with Bars() as bars:
        for line in plan_lines(plan, preset) if not preset.staged else ():
            bars.say(line)
        training = TrainingRun(preset, plan, work, artefacts, data, labels, args.seed, bars)
        training.run(stages, args.out, time.monotonic())
    return EX_OK


def check_arguments(args: argparse.Namespace) -> Sequence[str]:
    """The stages to run.  Refuses what would fail only after the rendering.

    Raises: UsageError, MissingFileError.
    """
    if args.workers < 1 or (args.minutes is not None and args.minutes <= 0):
        raise UsageError("--workers must be at least 1 and --minutes above 0")
    if args.clips is not None and args.clips < 1:
        raise UsageError("--clips must be at least 1")
    if args.data is not None and not (args.data / "manifest.csv").exists():
        raise MissingFileError(f"{args.data}/manifest.csv is not there; check --data")
    staged = PRESETS[args.preset].staged
    if args.stage != "all" and not staged:
        raise UsageError("--stage belongs to --preset full; the preset quick does all at once")
    stages = STAGES if args.stage == "all" else tuple(args.stage.split(","))
    unknown = [name for name in stages if name not in STAGES]
    if unknown:
        raise UsageError(f"--stage: no {unknown[0]!r}; choose some of {', '.join(STAGES)}")
    if args.out is None and "heads" in stages:
        raise UsageError("--out is missing: where the model directory is written")
    return stages


def make_folder(folder: Path) -> None:
    """Raises: StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror}; choose another") from error
