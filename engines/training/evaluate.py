"""Score a model on any manifest of clips, or run benchmark suites.

With --manifest alone: the model's own gate beside every single modality, the mean of the experts
and trivial baselines, through the runtime's own preprocessing and encoders, with 95 % intervals
from resampling groups. For example:
  python -m engines evaluate --manifest data/manifest.csv --root data --split unseen
  python -m engines evaluate --manifest rooms/manifest.csv --root rooms --json -
With --suite: heads and every gate are trained on the suite's training groups over the model's
frozen encoders, and judged on its test groups; a report is written. Clips of --manifest, where they
are of the suite's data sets, are judged instead of the committed test groups and never learned
from:
  python -m engines evaluate --suite violence
  python -m engines evaluate --suite all --models DIR --work build/benchmarks --out docs/benchmarks
  python -m engines evaluate --suite violence --manifest more.csv --root more --out build/more
Whole scenes, judged by their alarms; thresholds are chosen on scenes of training persons alone:
  python -m engines evaluate --suite stream --scenes DIR
  python -m engines evaluate --suite stream --choose --scenes DIR --scenes DIR2
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path

import numpy as np

from edge.errors import EX_OK, EX_SOME_FAILED, MediaError, StoreError, UsageError
from edge.models import ModelStore
from engines.benchmarks import command
from engines.processes import worker_pool
from engines.training.bars import Bars
from engines.training.labels import load_label_map
from engines.training.manifest import Row, read_manifest
from engines.training.report import print_report
from engines.training.scoring import ClipScores, score_clips
from engines.training.sections import all_sections
from engines.training.split import is_seen

CHUNK = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="clips to score")
    parser.add_argument("--root", type=Path, metavar="DIR",
                        help="what its paths are relative to (the manifest's folder)")  # fmt: skip
    parser.add_argument("--label-map", type=Path, metavar="FILE",
                        help="YAML, data set: {label: {only: [fall]}}")  # fmt: skip
    parser.add_argument("--models", type=Path, metavar="DIR", help="model directory (shipped)")
    parser.add_argument("--split", choices=("all", "unseen"), default="all",
                        help="unseen: leave out groups that the model was trained on")  # fmt: skip
    parser.add_argument("--datasets", metavar="A,B", help="only these data sets")
    parser.add_argument("--json", metavar="FILE", help="also write all numbers; - is stdout")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N clips a data set")
    parser.add_argument("--workers", type=int, default=2, metavar="W", help="processes (2)")
    command.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score, print, write; return 1 when some clips could not be read."""
    if args.suite is not None:
        return run_suites(args)
    if args.manifest is None:
        raise UsageError("name clips with --manifest FILE, or a benchmark with --suite NAME")
    if args.workers < 1 or (args.limit is not None and args.limit < 1):
        raise UsageError("--workers and --limit must be at least 1")
    labels = load_label_map(args.label_map)
    manifest = ModelStore(args.models).manifest
    rows = chosen_sets(read_manifest(args.manifest, args.root), args.datasets)
    if args.split == "unseen":
        rows = [row for row in rows if not is_seen(row, manifest.trained_on)]
    rows = thinned(rows, args.limit)
    if not rows:
        raise MediaError(f"{args.manifest}: no clip is left to score; check the options")
    known = [labels.label(row.dataset, row.label) for row in rows]
    results = score_all(rows, args.models, args.workers)
    failed = [clip for clip in results if clip.problem is not None]
    judged = [(c, label) for c, label in zip(results, known, strict=True) if c.problem is None]
    sections = all_sections(judged, manifest.trained_on)
    silent = sorted({c.row.dataset for c, _ in judged} - {section.dataset for section in sections})
    print_report(manifest.name, sections, silent, failed, to_stderr=args.json == "-")
    if args.json:
        report = {
            "model": manifest.name,
            "trained_on": list(manifest.trained_on),
            "clips": len(judged),
            "not_judged": silent,
            "failed": [{"path": c.row.name, "problem": c.problem} for c in failed],
            "sections": [section.as_json() for section in sections],
        }
        write_json(args.json, report)
    return EX_SOME_FAILED if failed else EX_OK


def run_suites(args: argparse.Namespace) -> int:
    """Benchmarks instead of a manifest.  Raises: UsageError for options that say nothing there."""
    idle = {
        "--label-map": args.label_map,
        "--split": None if args.split == "all" else args.split,
        "--datasets": args.datasets,
        "--json": args.json,
        "--limit": args.limit,
    }
    given = [name for name, value in idle.items() if value is not None]
    if given:
        raise UsageError(f"{given[0]} goes with --manifest alone; leave it out beside --suite")
    return command.run(args)


def chosen_sets(rows: Sequence[Row], datasets: str | None) -> list[Row]:
    """Rows of the data sets named, comma between them; None: all.  Raises: UsageError."""
    if datasets is None:
        return list(rows)
    wanted, there = datasets.split(","), sorted({row.dataset for row in rows})
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise UsageError(
            f"--datasets: the manifest has no {unknown[0]!r}; it has {', '.join(there) or 'none'}"
        )
    return [row for row in rows if row.dataset in wanted]


def thinned(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """At most ``limit`` clips of each data set, drawn the same way every time.

    Not every n-th: classes often come in turn, and few of them would be left.
    """
    kept: list[Row] = []
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        drawn = np.random.default_rng(0).permutation(len(own))[:limit]
        kept += [own[i] for i in np.sort(drawn)]
    return kept


def score_all(rows: Sequence[Row], models: Path | None, workers: int) -> list[ClipScores]:
    """Score all clips in several processes; in the order of ``rows``."""
    os.environ["OMP_NUM_THREADS"] = "1"
    chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
    with Bars() as bars, worker_pool(workers) as pool:
        jobs = [pool.submit(score_clips, chunk, models) for chunk in chunks]
        for job in bars.track("scoring")(as_completed(jobs), len(jobs)):
            job.result()  # raises what stopped it
    return [clip for job in jobs for clip in job.result()]


def write_json(where: str, report: object) -> None:
    """Write to a file, or to stdout for ``-``.  Raises: StoreError."""
    text = json.dumps(report, indent=1, allow_nan=False)
    if where == "-":
        sys.stdout.write(text + "\n")
        return
    try:
        Path(where).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {where}: {error.strerror}; choose another") from error
