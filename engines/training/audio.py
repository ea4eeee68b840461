"""Trains what sits on the frozen YAMNet: projection, temporal stage, sound head and expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.values import AUDIO_STEPS, F32, VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality
from engines.training.cache import Clip, Target, decision_times, is_current, target_at
from engines.training.datasets import encoder_batch, load_inputs
from engines.training.finetune import Report, schedule
from engines.training.sampling import balanced_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.models.fusion import FusionNet

AUDIO = MODALITIES.index(Modality.AUDIO)
MAX_PATCHES = 12  # of one recorded clip: a long one says the same all along
QUIETER = 0.35
"""Of the level cue (21 dB): windows this far below a clip's loudest say nothing of it."""

SHARES = {"rooms": 0.4, "noise_of_life": 0.35, "covid19_cough": 0.05, "kitchen20": 0.1,
          "debian_game_sounds": 0.05, "surv_fight": 0.05}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SoundWindows:
    """Pooled YAMNet features of windows."""

    pooled: F32  # (N, AUDIO_STEPS, 1024), oldest first
    valid: F32  # (N, AUDIO_STEPS) 1 where there is a patch
    targets: tuple[Target, ...]
    clips: tuple[Clip, ...]


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """How the audio heads are trained."""

    steps: int = 3000
    batch: int = 64
    rate: float = 1.5e-3
    seed: int = 0


def pool_patches(clips: Sequence[Clip], directory: Path, report: Report) -> list[Path]:
    """Run the frozen YAMNet over every clip's patches once; returns the file of each clip."""
    import torch

    from engines.models.encoder import build_encoder

    torch.set_num_threads(1)
    encoder = build_encoder(Modality.AUDIO).eval()
    paths = [directory / clip.inputs.parent.name / f"{clip.inputs.stem}.npy" for clip in clips]
    for number, (clip, path) in enumerate(zip(clips, paths, strict=True)):
        if not is_current(path, clip.inputs):
            part = load_inputs(clip.inputs, frozenset({Modality.AUDIO})).parts.get(Modality.AUDIO)
            tensors = None if part is None else part.tensors[:MAX_PATCHES]
            pooled = np.zeros((0, 1024), np.float32)
            if tensors is not None and len(tensors):
                batch = encoder_batch(Modality.AUDIO, tensors)
                with torch.no_grad():
                    pooled = encoder.pooled(torch.from_numpy(batch)).numpy()
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part.npy")
            np.save(partial, pooled)
            partial.replace(path)
        report(number + 1, len(clips), 0.0)
    return paths


def sound_windows(clips: Sequence[Clip], pooled: Sequence[Path]) -> SoundWindows:
    """All windows at which the runtime would judge the sound of these clips."""
    rows, masks, targets, owners = [], [], [], []
    for clip, path in zip(clips, pooled, strict=True):
        inputs = load_inputs(clip.inputs, frozenset({Modality.AUDIO}))
        part = inputs.parts.get(Modality.AUDIO)
        features = np.load(path)
        if part is None or not len(features):
            continue
        truth = clip.truth()
        levels = part.cues[: len(features), 0]
        times = inputs.ticks_ns[part.places[: len(features)]]
        for t_ns in decision_times(inputs):
            recent = np.flatnonzero((times <= t_ns) & (times > t_ns - 2_000_000_000))
            recent = recent[-AUDIO_STEPS:]
            if not len(recent):
                continue
            if truth is None and levels[recent].max() < levels.max() - QUIETER:
                continue
            window = np.zeros((AUDIO_STEPS, features.shape[1]), np.float32)
            window[AUDIO_STEPS - len(recent) :] = features[recent]
            rows.append(window)
            masks.append(np.arange(AUDIO_STEPS) >= AUDIO_STEPS - len(recent))
            targets.append(target_at(clip.label, truth, t_ns / 1e9))
            owners.append(clip)
    return SoundWindows(
        np.array(rows, np.float32).reshape(-1, AUDIO_STEPS, 1024),
        np.array(masks, np.float32).reshape(-1, AUDIO_STEPS),
        tuple(targets),
        tuple(owners),
    )


def train_audio(
    windows: SoundWindows, settings: AudioSettings, out: Path, report: Report
) -> dict[str, float]:
    """Train the heads; write projection and head to ``out``."""
    import torch

    from engines.models.encoder import build_encoder
    from engines.models.fusion import FusionNet

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng([settings.seed, AUDIO])
    encoder, head = build_encoder(Modality.AUDIO), FusionNet()
    optimiser = torch.optim.AdamW(
        [*encoder.project.parameters(), *head.parameters()], lr=settings.rate, weight_decay=0.02
    )
    weights = balanced_weights(windows.clips, windows.targets, SHARES)
    allowed = torch.from_numpy(np.stack([t.allowed for t in windows.targets]))
    sounds = torch.from_numpy(np.stack([t.sounds for t in windows.targets]))
    rarity = torch.from_numpy(positive_weights(sounds.numpy(), weights))
    pooled, valid = torch.from_numpy(windows.pooled), torch.from_numpy(windows.valid)
    loss_now = 0.0
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * schedule(step / settings.steps)
        chosen = torch.from_numpy(rng.choice(len(weights), settings.batch, p=weights))
        told = project_window(encoder.project, pooled[chosen], valid[chosen], head)
        loss = audio_loss(head, told, allowed[chosen], sounds[chosen], rarity)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss_now = float(loss.detach())
        report(step + 1, settings.steps, loss_now)
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"steps": float(settings.steps), "loss": round(loss_now, 4)}
    torch.save({"encoder": encoder.state_dict(), "head": head.state_dict(), "facts": facts}, out)
    return facts


def audio_loss(
    head: FusionNet, told: Tensor, allowed: Tensor, sounds: Tensor, rarity: Tensor
) -> Tensor:
    """told: (B, FEATURE_DIM) window features; the sounds matter more than the actions"""
    from engines.training.losses import allowed_nll, known_bce

    actions = told @ head.expert_weight[AUDIO].T + head.expert_bias[AUDIO]
    heard = told @ head.sound_weight.T + head.sound_bias
    return 0.5 * allowed_nll(actions, allowed).mean() + 4.0 * known_bce(heard, sounds, rarity)


def project_window(project: nn.Module, pooled: Tensor, valid: Tensor, head: FusionNet) -> Tensor:
    """pooled: (B, AUDIO_STEPS, 1024)   valid: (B, AUDIO_STEPS)   returns: (B, FEATURE_DIM)"""
    import torch

    features = torch.relu(project(torch.nn.functional.dropout(pooled, 0.2)))
    gap = VIDEO_STEPS - AUDIO_STEPS
    ring = torch.nn.functional.pad(features, (0, 0, 0, gap))
    steps = torch.nn.functional.pad(valid, (0, gap))
    return head.temporal_of(AUDIO, ring, steps)


def positive_weights(sounds: F32, weights: NDArray[np.float64]) -> F32:
    """Square root of how rare each sound is among the draws, at most 4.  sounds: (N, S)"""
    positive = np.nansum(np.where(sounds == 1, weights[:, None], 0), axis=0)
    negative = np.nansum(np.where(sounds == 0, weights[:, None], 0), axis=0)
    ratio = np.sqrt(negative / np.maximum(positive, 1e-6))
    return np.asarray(np.clip(ratio, 1.0, 4.0), np.float32)
