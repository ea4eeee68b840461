"""The last part of a training run: export, features, gate, model directory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from edge.encoders.spec import FUSION_FILE
from edge.preprocess.finder import FINDER_FILE
from edge.vocabulary import MODALITIES
from engines.export import onnx_from_fusion
from engines.processes import worker_pool
from engines.store import Provenance, write_model_dir
from engines.training.artefacts import read_encoders, read_record, start_from
from engines.training.bars import Bars
from engines.training.cache import Clip
from engines.training.clips import may_be_heard
from engines.training.features import encode_clips, gate_windows
from engines.training.gate import GateSettings, train_gate
from engines.training.opinions import held_out_scores, opinions
from engines.training.plan import Preset, TimePlan
from engines.training.split import RULE
from engines.training.stacking import StackSettings, refit_gate

log = logging.getLogger(__name__)

PRETRAINED = {
    "MoveNet Lightning, its backbone (first blocks frozen)": "Apache-2.0",
    "YAMNet, AudioSet (frozen)": "Apache-2.0",
}
WINDOW_EVERY_FRAMES = 2
"""Of rendered rooms, beside the decisions, a window ends at every other frame."""

CHUNKS_PER_WORKER = 6


def close_run(
    train: Sequence[Clip],
    held_out: Sequence[Clip],
    preset: Preset,
    plan: TimePlan,
    seed: int,
    work: Path,
    artefacts: Path,
    out: Path,
    bars: Bars,
) -> dict[str, float]:
    """Encode everything with the trained encoders, train the gate on that, and write ``out``."""
    import torch

    torch.set_num_threads(1)
    train, held_out = (list(filter(may_be_heard, clips)) for clips in (train, held_out))
    models, features = work / "models", work / "features"
    files = read_encoders(artefacts)
    lay_out(files, models, features)
    encode_all([*train, *held_out], models, features, plan.workers, bars)
    settings = GateSettings(steps=preset.gate_steps, seed=seed)
    seen = gate_windows([c for c in held_out if not c.spoiled], features)
    known = gate_windows(train, features, WINDOW_EVERY_FRAMES)
    net, facts = train_gate(
        known,
        seen,
        start_from(artefacts),
        settings,
        lambda done, total, loss: bars.show("gate", done, total, loss) if done % 20 == 0 else None,
    )
    unseen = gate_windows(held_out, features, WINDOW_EVERY_FRAMES)
    facts |= refit_gate(net, unseen, known, StackSettings(seed=seed))
    facts |= held_out_scores(opinions(net, seen), seen)
    log.info("gate: %s", facts)
    files[FUSION_FILE] = onnx_from_fusion(net.eval())
    files[FINDER_FILE] = (artefacts / FINDER_FILE).read_bytes()
    told = {**stream_facts(artefacts), **facts}
    write_model_dir(out, files, provenance([*train, *held_out], told, preset, plan, seed))
    return facts


def stream_facts(artefacts: Path) -> dict[str, float]:
    """What was measured when the streams were trained."""
    facts = {}
    for modality in MODALITIES:
        record = read_record(artefacts, modality) or {"facts": {}}
        facts.update({f"{modality.value}_{name}": v for name, v in record["facts"].items()})
    return facts


def lay_out(files: Mapping[str, bytes], models: Path, features: Path) -> None:
    """Put the encoders where the workers read them; features of others are thrown away."""
    models.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = models / name
        if not path.exists() or path.read_bytes() != data:
            for stale in features.glob("*/*.npz"):
                stale.unlink()
            path.write_bytes(data)


def encode_all(
    clips: Sequence[Clip], models: Path, features: Path, workers: int, bars: Bars
) -> None:
    """Encode every clip once, in several processes."""
    count = workers * CHUNKS_PER_WORKER
    chunks = [clips[i::count] for i in range(count) if clips[i::count]]
    with worker_pool(workers) as pool:
        jobs = [pool.submit(encode_clips, chunk, models, features) for chunk in chunks]
        for job in bars.track("features")(as_completed(jobs), len(jobs)):
            job.result()


def provenance(
    clips: Sequence[Clip],
    facts: Mapping[str, float],
    preset: Preset,
    plan: TimePlan,
    seed: int,
) -> Provenance:
    """What the manifest and the card say."""
    sets = sorted({clip.row.dataset for clip in clips})
    counts = {name: sum(c.row.dataset == name and not c.spoiled for c in clips) for name in sets}
    told: dict[str, object] = {"preset": preset.name, "minutes": plan.minutes, "seed": seed}
    told.update({f"clips_{name}": count for name, count in counts.items()})
    told.update(facts)
    return Provenance(
        name=f"gatehouse-{preset.name}-{seed}",
        trained_on=sets,
        split=RULE,
        pretrained=PRETRAINED,
        facts=told,
    )
