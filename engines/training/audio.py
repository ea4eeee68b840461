"""Trains what sits on the frozen YAMNet: projection, temporal stage, sound head and expert.

Part of the projection is not trained: YAMNet's own classes, see audioset.py. Now and then the sound
head must do with these alone, or without them, so that neither explains the other away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.values import AUDIO_STEPS, F32, VIDEO_STEPS
from edge.vocabulary import MODALITIES, SOUNDS, Modality
from engines.training.audio_calibration import calibration
from engines.training.audioset import expect_evidence, known_channels, project_audioset
from engines.training.cache import Clip, Target, decision_times, is_current, target_at
from engines.training.datasets import encoder_batch, load_inputs
from engines.training.finetune import Report, TrainedStream, schedule
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
    alone: float = 0.45  # chance that a window is judged by known channels alone; as much without
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


class AudioTrainer:
    """Projection, head and optimiser, and one step of their training."""

    def __init__(self, windows: SoundWindows, settings: AudioSettings) -> None:
        import torch

        from engines.models.encoder import build_encoder
        from engines.models.fusion import FusionNet
        from engines.models.pretrained import yamnet_state

        torch.set_num_threads(1)
        torch.manual_seed(settings.seed)
        self._rng = np.random.default_rng([settings.seed, AUDIO])
        self._windows, self._settings = windows, settings
        self.encoder, self.head = build_encoder(Modality.AUDIO), FusionNet()
        project_audioset(self.encoder, yamnet_state())
        expect_evidence(self.head)
        self._known = torch.from_numpy(known_channels())
        self._fixed = [p.detach()[self._known].clone() for p in self._projection()]
        self._optimiser = torch.optim.AdamW(
            [*self._projection(), *self.head.parameters()], lr=settings.rate, weight_decay=0.02
        )
        self._weights = balanced_weights(windows.clips, windows.targets, SHARES)
        self._allowed = torch.from_numpy(np.stack([t.allowed for t in windows.targets]))
        self._sounds = torch.from_numpy(np.stack([t.sounds for t in windows.targets]))
        rarity = positive_weights(self._sounds.numpy(), self._weights)
        self._rarity = torch.from_numpy(rarity)

    def _projection(self) -> list[nn.Parameter]:
        return list(self.encoder.project.parameters())

    def step(self, progress: float) -> float:
        """One batch; returns its loss.  progress: share of all steps that are done"""
        import torch

        for group in self._optimiser.param_groups:
            group["lr"] = self._settings.rate * schedule(progress)
        chosen = self._rng.choice(len(self._weights), self._settings.batch, p=self._weights)
        pooled = torch.from_numpy(self._windows.pooled[chosen])
        valid = torch.from_numpy(self._windows.valid[chosen])
        told = project_window(self.encoder.project, pooled, valid, self.head)
        heard = told * self._listening(len(chosen))
        rows = torch.from_numpy(chosen)
        loss = audio_loss(
            self.head, told, heard, self._allowed[rows], self._sounds[rows], self._rarity
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        with torch.no_grad():
            for parameter, fixed in zip(self._projection(), self._fixed, strict=True):
                parameter[self._known] = fixed
        return float(loss.detach())

    def _listening(self, batch: int) -> Tensor:
        """(B, FEATURE_DIM) 1 where the sound head may look."""
        import torch

        draw = torch.from_numpy(self._rng.random((batch, 1)))
        known, alone = self._known, self._settings.alone
        allowed = torch.where(draw < alone, known, torch.where(draw < 2 * alone, ~known, True))
        return allowed.to(torch.float32)


def train_audio(
    windows: SoundWindows,
    settings: AudioSettings,
    report: Report,
    held_out: SoundWindows | None = None,
) -> TrainedStream:
    """Train projection and heads.

    held_out: windows of groups that are not learned from; they calibrate the sounds
    """
    trainer, loss = AudioTrainer(windows, settings), 0.0
    for step in range(settings.steps):
        loss = trainer.step(step / settings.steps)
        report(step + 1, settings.steps, loss)
    facts = {"steps": float(settings.steps), "loss": round(loss, 4)}
    if held_out is not None and len(held_out.clips):
        facts |= calibrate_sounds(trainer.encoder.project, trainer.head, held_out)
    return TrainedStream(trainer.encoder, trainer.head, facts)


def calibrate_sounds(
    project: nn.Module, head: FusionNet, windows: SoundWindows
) -> dict[str, float]:
    """Scale and shift the sound head so that 0.5 is a sensible threshold; returns what was done."""
    import torch

    with torch.no_grad():
        pooled, valid = torch.from_numpy(windows.pooled), torch.from_numpy(windows.valid)
        told = project_window(project.eval(), pooled, valid, head, dropout=0.0)
        logits = (told @ head.sound_weight.T + head.sound_bias).numpy()
        targets = np.stack([t.sounds for t in windows.targets])
        recorded = np.array([clip.truth() is None for clip in windows.clips], np.bool_)
        names = [clip.row.dataset for clip in windows.clips]
        lines = calibration(logits, targets, recorded, names)
        for index, line in enumerate(lines):
            head.sound_weight[index] *= line.slope
            head.sound_bias[index] = line.slope * head.sound_bias[index] + line.shift
    return {f"{SOUNDS[i]}_slope": round(line.slope, 3) for i, line in enumerate(lines)} | {
        f"{SOUNDS[i]}_shift": round(line.shift, 3) for i, line in enumerate(lines)
    }


def audio_loss(
    head: FusionNet, told: Tensor, heard: Tensor, allowed: Tensor, sounds: Tensor, rarity: Tensor
) -> Tensor:
    """told: (B, FEATURE_DIM) window features   heard: those that the sound head may look at

    The sounds matter more than the actions.
    """
    from engines.training.losses import allowed_nll, known_bce

    actions = told @ head.expert_weight[AUDIO].T + head.expert_bias[AUDIO]
    logits = heard @ head.sound_weight.T + head.sound_bias
    return 0.5 * allowed_nll(actions, allowed).mean() + 4.0 * known_bce(logits, sounds, rarity)


def project_window(
    project: nn.Module, pooled: Tensor, valid: Tensor, head: FusionNet, dropout: float = 0.2
) -> Tensor:
    """pooled: (B, AUDIO_STEPS, 1024)   valid: (B, AUDIO_STEPS)   returns: (B, FEATURE_DIM)"""
    import torch

    features = torch.relu(project(torch.nn.functional.dropout(pooled, dropout)))
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
