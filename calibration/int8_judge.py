"""Labelled clips as the judge of an INT8 model that is not installed yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from calibration.int8_clips import decode, decoded_in
from edge.encoders.engine import Engine
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, Precision
from edge.errors import MediaError
from edge.fusion.cpu import CpuFusion
from edge.models import ModelStore, load_fusion_parameters
from edge.vocabulary import MODALITIES, Modality
from engines.quantize.accuracy import FP32, Judge, TaskScore
from engines.quantize.recipe import Quantised
from engines.training.bars import Bars
from engines.training.cache import Clip, cached_path
from engines.training.labels import load_label_map
from engines.training.manifest import Row, read_manifest
from engines.training.split import group_of, is_seen


def judges(
    manifest: Path, root: Path | None, trained_on: Collection[str], calibrated: Sequence[Row]
) -> list[Row]:
    """Clips that may judge: of no group that shaped the model's weights or its ranges.

    trained_on: data sets of the model, and of the training run that calibrates it, see ``is_seen``
    Raises: MissingFileError; MediaError when none may.
    """
    groups = {group_of(row) for row in calibrated}
    files = {row.path.resolve() for row in calibrated}
    rows = [
        row
        for row in read_manifest(manifest, root)
        if not is_seen(row, trained_on)
        if group_of(row) not in groups and row.path.resolve() not in files
    ]
    if not rows:
        raise MediaError(
            f"{manifest}: holds no clip that the model and its calibration have not seen; name "
            "another with --judge"
        )
    return rows


def judge_clips(
    rows: Sequence[Row],
    work: Path,
    store: ModelStore,
    results: Sequence[Quantised],
    workers: int,
    bars: Bars,
) -> dict[str, list[TaskScore]]:
    """Scores of every mixture of encoders on clips; see ``Judge``.

    Raises: MediaError when the clips' labels judge nothing.
    """
    inputs, labels = decoded_in(work, store), load_label_map(None)
    _, problems = decode(rows, work, store, workers, bars.track("decoding"))
    for problem in problems:
        bars.say(f"left out: {problem}")
    clips = [
        Clip(row, labels.label(row.dataset, row.label), cached_path(inputs, row)) for row in rows
    ]
    there = [clip for clip in clips if clip.inputs.exists()]
    judge = _open(store, results)
    for clip in bars.track("judging")(there, len(there)):
        judge.add(clip)
    scores = judge.scores()
    if not scores[FP32]:
        raise MediaError("no clip that may judge has a label to judge by; name others with --judge")
    return scores


def _open(store: ModelStore, results: Sequence[Quantised]) -> Judge:
    backend = OpenVinoBackend(threads=1)
    engines: dict[Modality, dict[Precision, Engine]] = {
        m: {"fp32": backend.load(store.read_encoder(ENCODERS[m]))} for m in MODALITIES
    }
    for one in results:
        engines[one.original.spec.modality]["int8"] = backend.load(one.int8)
    return Judge(engines, CpuFusion(load_fusion_parameters(store)))
