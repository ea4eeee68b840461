"""Runs benchmark suites and keeps the report: ``python -m engines evaluate --suite``."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from edge.errors import EX_OK, EX_SOME_FAILED, MissingFileError, UsageError
from engines.benchmarks.code import code_digest
from engines.benchmarks.features import encoder_digest, model_store
from engines.benchmarks.heads import TRAINING, gate_methods, train_shared
from engines.benchmarks.items import Suite, Workbench
from engines.benchmarks.judge import judge
from engines.benchmarks.report.terminal import print_suite
from engines.benchmarks.report.write import write_figures, write_report
from engines.benchmarks.results import SuiteResult, read_results
from engines.benchmarks.runner import Plan, answer_all
from engines.benchmarks.suites import ALL, SUITES, Detailed, Details, Illustrated, chosen
from engines.store import files_digest
from engines.training.bars import Bars

log = logging.getLogger(__name__)

DATA_VARIABLE, DEFAULT_DATA = "GATEHOUSE_DATA", "../shared/data"
SEEDS = 5
SCENES_SUITE = "stream"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of benchmark suites."""
    suites = parser.add_argument_group("benchmark suites")
    suites.add_argument("--suite", metavar="NAME", help=f"{ALL}, or some of {', '.join(SUITES)}")
    suites.add_argument("--data", type=Path, metavar="DIR",
                        help=f"recorded sets (${DATA_VARIABLE}, else {DEFAULT_DATA})")  # fmt: skip
    suites.add_argument("--work", type=Path, metavar="DIR", default=Path("build/benchmarks"),
                        help="what can be made again, as features (%(default)s)")  # fmt: skip
    suites.add_argument("--out", type=Path, metavar="DIR", default=Path("docs/benchmarks"),
                        help="results.json, .md, .html and figures (%(default)s)")  # fmt: skip
    suites.add_argument("--seeds", type=int, metavar="N", default=SEEDS,
                        help="of heads, gates and order (%(default)s)")  # fmt: skip
    suites.add_argument("--scenes", type=Path, metavar="DIR", action="append", default=[],
                        help="rendered scenes for the suite stream (may be repeated), else new "
                        "ones of test persons")  # fmt: skip
    suites.add_argument("--choose", action="store_true",
                        help="with the suite stream and --scenes of training persons: print alarm "
                        "thresholds chosen on them, and judge nothing")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run suites one after another; each is written as soon as it is done.

    returns: 1 when the data of some suite are not at hand.  Raises: GatehouseError.
    """
    if args.seeds < 1 or args.workers < 1:
        raise UsageError("--seeds and --workers must be at least 1")
    suites = chosen(args.suite)
    if (args.scenes or args.choose) and SCENES_SUITE not in {suite.name for suite in suites}:
        raise UsageError(f"--scenes and --choose go with --suite {SCENES_SUITE}")
    os.environ["OMP_NUM_THREADS"] = "1"
    bench = workbench(args)
    if args.choose:
        return choose_thresholds(bench)
    lacking: list[str] = []
    for suite in suites:
        try:
            run_suite(suite, bench, args.seeds, args.out)
        except MissingFileError as error:
            if len(suites) == 1:
                raise
            lacking.append(suite.name)
            log.warning("%s: %s; left out", suite.name, error)
    return EX_SOME_FAILED if lacking else EX_OK


def workbench(args: argparse.Namespace) -> Workbench:
    """What suites are given.  Raises: MissingFileError, UsageError."""
    if args.root is not None and args.manifest is None:
        raise UsageError("--root says where the clips of --manifest are; name that, too")
    if args.manifest is not None and not args.manifest.exists():
        raise MissingFileError(f"{args.manifest}: cannot be read; name a manifest.csv")
    data = args.data or Path(os.environ.get(DATA_VARIABLE, DEFAULT_DATA))
    return Workbench(
        data=str(data),
        work=str(args.work),
        models=None if args.models is None else str(args.models),
        workers=args.workers,
        manifest=None if args.manifest is None else str(args.manifest),
        root=None if args.root is None else str(args.root),
        scenes=tuple(str(folder) for folder in args.scenes),
    )


def choose_thresholds(bench: Workbench) -> int:
    """Print what ``streams.choose`` finds.  Raises: GatehouseError."""
    from engines.benchmarks.stream import WORK
    from engines.benchmarks.streams.choices import chosen_for, print_chosen
    from engines.benchmarks.streams.choose import Aim

    if not bench.scenes:
        raise UsageError("--choose needs --scenes DIR: rendered scenes of training persons")
    with Bars() as bars:
        result = chosen_for(bench, Aim(), Path(bench.work) / WORK, bars.show)
    print_chosen(result)
    return EX_OK


def plan_of(bench: Workbench, seeds: int) -> Plan:
    """Every gate, trained by the project's own trainer."""
    return Plan(
        work=Path(bench.work),
        gates=gate_methods(),
        trainer=train_shared,
        code=code_digest(TRAINING),
        seeds=seeds,
        workers=bench.workers,
    )


def run_suite(suite: Suite, bench: Workbench, seeds: int, out: Path) -> SuiteResult:
    """Prepare, train, judge, draw, write, print.  Raises: GatehouseError."""
    plan = plan_of(bench, seeds)
    earlier = read_results(out)  # fails before the work when it cannot be added to
    with Bars() as bars:
        questions = suite.questions(bench, lambda task, done, all_: bars.show(task, done, all_))
        answered = answer_all(questions, plan, bars.track)
        judged = []
        for question in bars.track("judging")(answered, len(answered)):
            judged.append(judge(question))
        told = suite.details(bench, bars.show) if isinstance(suite, Detailed) else Details()
    store = model_store(bench)
    result = SuiteResult(
        name=suite.name,
        title=suite.title,
        model=store.manifest.name,
        encoders=encoder_digest(bench),
        files=files_digest(store.manifest.digests),
        trained_on=store.manifest.trained_on,
        seeds=seeds,
        questions=tuple(judged),
        tables=told.tables,
        numbers=dict(told.numbers),
        figures=write_figures(out, suite.name, told.figures),
    )
    if isinstance(suite, Illustrated):
        drawn = write_figures(out, suite.name, suite.figures(answered, result, bench))
        result = result.model_copy(update={"figures": (*drawn, *result.figures)})
    write_report(out, earlier.with_suites([result]))
    print_suite(result)
    return result
