"""Labelled clips as the judge of an INT8 model that is not installed yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calibration.int8_clips import decode
from edge.encoders.engine import Engine
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, Precision
from edge.errors import MediaError
from edge.fusion.cpu import CpuFusion
from edge.models import ModelStore, load_fusion_parameters, read_finder
from edge.vocabulary import MODALITIES, Modality
from engines.quantize.accuracy import FP32, Judge, TaskScore
from engines.quantize.recipe import Quantised
from engines.training.bars import Bars
from engines.training.cache import Clip, cached_path
from engines.training.labels import load_label_map
from engines.training.manifest import read_manifest


def judge_clips(
    manifest: Path,
    root: Path | None,
    work: Path,
    store: ModelStore,
    results: Sequence[Quantised],
    workers: int,
    bars: Bars,
) -> dict[str, list[TaskScore]]:
    """Scores of every mixture of encoders on a manifest's clips; see ``Judge``.

    Raises: MissingFileError, MediaError when the clips' labels judge nothing.
    """
    rows, labels = read_manifest(manifest, root), load_label_map(None)
    inputs = work / "inputs"
    _, problems = decode(rows, inputs, read_finder(store), workers, bars.track("decoding"))
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
        raise MediaError(f"{manifest}: no clip has a label to judge by; name another with --judge")
    return scores


def _open(store: ModelStore, results: Sequence[Quantised]) -> Judge:
    backend = OpenVinoBackend(threads=1)
    engines: dict[Modality, dict[Precision, Engine]] = {
        m: {"fp32": backend.load(store.read_encoder(ENCODERS[m]))} for m in MODALITIES
    }
    for one in results:
        engines[one.original.spec.modality]["int8"] = backend.load(one.int8)
    return Judge(engines, CpuFusion(load_fusion_parameters(store)))
