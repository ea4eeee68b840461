"""Quantise a model's encoders to INT8, from clips or live where the device hangs.

FP32 graphs become INT8 graphs that both OpenVINO and TensorRT run, one file beside each; the
setting models.precision chooses. Features, single layers and speed are compared with FP32. Nothing
is installed when features drift, or when labelled clips show a loss of more than 1.0 point; clips
of groups that the model or its calibration has seen are no judges. What your clips or rooms show is
counted beside the recording that ships: in an empty room nobody falls.

From the recording that ships, from your own clips, or with labelled clips as the judge:
  python -m calibration int8 --out models
  python -m calibration int8 --clips evening.mcap films/ --out models
  python -m calibration int8 --trained build/training --judge rooms/manifest.csv --out models
On site, from a running device's own rooms, while its service is stopped (histograms only: no
picture and no sound of yours is written; until INT8 is installed, the next run goes on):
  systemctl stop gatehouse
  python -m calibration int8 --live /etc/gatehouse/gatehouse.yaml --minutes 60 --out models
Without --out everything is measured and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.int8_clips import Sample, Samples, decode, demo_recording, rows_of, sample
from edge.encoders.spec import ENCODERS
from edge.errors import EX_OK, MediaError, UsageError
from edge.models import ModelStore
from edge.vocabulary import MODALITIES, Modality
from engines.quantize.gate import refuse_far, refuse_loss
from engines.quantize.install import check_writable, install, write_alone
from engines.quantize.ranges import METHODS
from engines.quantize.recipe import Original, Quantised, Trial, Watch, candidates, refined
from engines.quantize.speed import Speed, compare_speed
from engines.training.bars import Bars
from engines.training.manifest import Row

if TYPE_CHECKING:
    from rich.console import Console

LIVE = "live"  # folder in --work
WHERE_IT_RUNS = "TensorRT runs it, the CPU with models.precision: int8"
LAYER_BATCHES = 12
"""Single layers are measured on so many batches: each is a graph of its own to compile."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add = parser.add_argument
    add("--model", type=Path, metavar="DIR", help="FP32 model (shipped)")
    add("--out", type=Path, metavar="DIR", help="where to install; may be the model's own")
    add("--clips", type=Path, nargs="+", metavar="PATH",
        help="recordings, media, folders or manifests (the demo's recording)")  # fmt: skip
    add("--trained", type=Path, metavar="DIR",
        help="calibrate on the clips of this --work of python -m engines train")  # fmt: skip
    add("--live", type=Path, metavar="FILE",
        help="configuration whose rooms to watch instead of clips")  # fmt: skip
    add("--minutes", type=float, default=60, metavar="N",
        help="with --live: how long to watch, before a quarter more of checks (60)")  # fmt: skip
    add("--judge", type=Path, metavar="FILE",
        help="manifest of labelled clips: refuse a loss of more than 1.0 point")  # fmt: skip
    add("--root", type=Path, metavar="DIR",
        help="what paths of --judge are relative to (its folder)")  # fmt: skip
    add("--rule", choices=tuple(METHODS),
        help="where to clip (the one with the least noise in the features)")  # fmt: skip
    add("--modalities", type=_modalities, default=MODALITIES, metavar="A,B",
        help="only these encoders of rgb,flow,depth,audio")  # fmt: skip
    add("--frames", type=int, default=512, metavar="N",
        help="frames of all clips together, for each encoder (%(default)s)")  # fmt: skip
    add("--alone", type=Path, metavar="DIR",
        help="also write a model of INT8 encoders alone, for benchmarks")  # fmt: skip
    add("--all-layers", action="store_true", help="show every layer's error")
    add("--work", type=Path, default=Path("build/calibration"), metavar="DIR",
        help="decoded clips and counts, for the next run (%(default)s)")  # fmt: skip
    add("--workers", type=int, default=2, metavar="W", help="processes (2)")


def _modalities(text: str) -> tuple[Modality, ...]:
    try:
        wanted = {Modality(name.strip()) for name in text.split(",")}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; known: rgb,flow,depth,audio") from error
    return tuple(m for m in MODALITIES if m in wanted)


def run(args: argparse.Namespace) -> int:
    """Quantise, compare, install.  Raises: AccuracyError for a model that is not fit."""
    from rich.console import Console

    if args.frames < 16 or args.workers < 1 or args.minutes <= 0:
        raise UsageError("--frames must be at least 16, --workers at least 1, --minutes above 0")
    if sum(given is not None for given in (args.live, args.clips, args.trained)) > 1:
        raise UsageError("--clips, --trained and --live exclude each other; leave all but one out")
    for directory in filter(None, (args.out, args.alone, args.work)):
        check_writable(directory)
    store = ModelStore(args.model)
    clips = rows_of(args.clips or [demo_recording()])
    judges = None if args.judge is None else _judges(args, store, clips)
    originals = {m: Original(ENCODERS[m], store.read_encoder(ENCODERS[m])) for m in args.modalities}
    methods = tuple(METHODS) if args.rule is None else (args.rule,)
    console = Console()
    results = (
        _from_clips(args, store, originals, methods, clips)
        if args.live is None
        else _on_site(args, store, originals, methods)
    )
    _tell(console, results, args)
    refuse_far(results)
    if judges is not None:
        _judge(console, args, store, results, judges)
    if args.alone is not None:
        write_alone(store, args.alone, results)
    if args.out is None:
        sys.stdout.write("nothing was installed: name a directory with --out\n")
        return EX_OK
    install(store, args.out, results)
    if args.live is not None:
        from calibration.int8_live import forget

        forget(args.work / LIVE, originals)
    sys.stdout.write(f"{args.out}: installed; {WHERE_IT_RUNS}\n")
    return EX_OK


def _from_clips(
    args: argparse.Namespace,
    store: ModelStore,
    originals: dict[Modality, Original],
    methods: Sequence[str],
    clips: Sequence[Row],
) -> list[Quantised]:
    with Bars() as bars:
        samples = sample(_inputs(args, store, bars, clips), args.frames)
        lacking = [m.value for m in originals if m not in samples]
        if lacking:
            raise MediaError(
                f"the clips hold no {', '.join(lacking)} to calibrate on; add clips that do, or "
                "leave it out with --modalities"
            )
        if args.clips is not None:
            shipped = _shipped(args, store, bars)
            samples = {m: samples[m].joined(shipped[m]) for m in originals}
        return [quantise(original, samples[m], methods, bars) for m, original in originals.items()]


def _shipped(args: argparse.Namespace, store: ModelStore, bars: Bars) -> Samples:
    """Of the recording that ships, where somebody walks, sits, falls and calls for help."""
    rows = rows_of([demo_recording()])
    return sample(decode(rows, args.work, store, 1, bars.track("decoding"))[0], args.frames)


def _inputs(
    args: argparse.Namespace, store: ModelStore, bars: Bars, clips: Sequence[Row]
) -> list[Path]:
    if args.trained is not None:
        from calibration.int8_training import training_inputs

        return training_inputs(args.trained, args.frames)
    found, problems = decode(clips, args.work, store, args.workers, bars.track("decoding"))
    for problem in problems:
        bars.say(f"left out: {problem}")
    return found


def quantise(original: Original, inputs: Sample, methods: Sequence[str], bars: Bars) -> Quantised:
    """One encoder's recipe on a sample of its inputs."""
    name = original.spec.modality.value
    watch = Watch(original)
    for batch in bars.track(f"{name}: ranges")(inputs.ranges, len(inputs.ranges)):
        watch.run(batch)
    trial = Trial(original, candidates(original, watch.seen, methods))
    for batch in bars.track(f"{name}: features")(inputs.checks, len(inputs.checks)):
        trial.run(batch)
    follow = bars.track(f"{name}: layers")
    return refined(trial.best(), watch.seen, inputs.checks, follow, LAYER_BATCHES)


def _on_site(
    args: argparse.Namespace,
    store: ModelStore,
    originals: dict[Modality, Original],
    methods: Sequence[str],
) -> list[Quantised]:
    from calibration.int8_live import quantise_live
    from edge.settings import load_settings

    settings = load_settings(args.live)
    with Bars() as bars:
        always, seconds = _shipped(args, store, bars), 60 * args.minutes
        return quantise_live(
            settings, store, originals, methods, seconds, always, args.work / LIVE, bars
        )


def _tell(console: Console, results: Sequence[Quantised], args: argparse.Namespace) -> None:
    from calibration.int8_report import show, speed_table

    show(console, results, args.all_layers)
    speeds = {one.original.spec.modality: speed_of(one) for one in results}
    console.print(speed_table(speeds))


def speed_of(one: Quantised) -> Speed:
    """CPU time of one frame or patch of zeros: no layer of these graphs looks at values."""
    import numpy as np

    spec = one.original.spec
    batch: Any = np.zeros((1, *spec.input_shape), spec.input_type)
    return compare_speed(one.original.fp32, one.int8, batch)


def _judges(args: argparse.Namespace, store: ModelStore, clips: Sequence[Row]) -> list[Row]:
    from calibration.int8_judge import judges
    from engines.training.split import TRAINABLE

    trained_on = (*store.manifest.trained_on, *(TRAINABLE if args.trained else ()))
    return judges(args.judge, args.root, trained_on, clips)


def _judge(
    console: Console,
    args: argparse.Namespace,
    store: ModelStore,
    results: Sequence[Quantised],
    judges: Sequence[Row],
) -> None:
    from calibration.int8_judge import judge_clips
    from calibration.int8_report import accuracy_table
    from engines.quantize.accuracy import worst_loss

    with Bars() as bars:
        scores = judge_clips(judges, args.work, store, results, args.workers, bars)
    console.print(accuracy_table(scores))
    refuse_loss(worst_loss(scores))
