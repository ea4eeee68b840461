"""Trains one picture encoder with its own temporal stage and expert, on windows of a few frames.

One process and one thread for each stream: on the CPUs we know, torch with two threads beside
other load is twenty times slower.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.values import GRID_HZ, VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality
from engines.training.augment import augment
from engines.training.cache import Clip, Target, decision_times, target_at
from engines.training.datasets import Part, encoder_batch, load_inputs
from engines.training.sampling import UNKNOWN, balanced_weights, class_name

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.models.encoder import Encoder
    from engines.models.fusion import FusionNet

log = logging.getLogger(__name__)

FRAME_NS = 2 * 1_000_000_000 / GRID_HZ
Report = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """How one stream is trained."""

    modality: Modality
    steps: int
    minutes: float  # fewer steps are made when the first ones show that time would not do
    ages: tuple[int, ...]  # which frames of a window are shown, counted back from its end
    frozen_blocks: int = 0  # stem and this many blocks keep their ImageNet weights: they cost most
    adapt_norms: bool = True  # their batch norms follow the new kind of picture
    batch: int = 16
    backbone_rate: float = 8e-4
    head_rate: float = 2e-3
    seed: int = 0
    shares: Mapping[str, float] = field(default_factory=lambda: {"rooms": 0.65, "surv_fight": 0.35})


@dataclass(frozen=True, slots=True)
class PictureWindow:
    """One window of one clip: which stored frames it shows, and at which slots."""

    clip: int
    frames: tuple[int, ...]
    slots: tuple[int, ...]
    target: Target


def picture_windows(
    clips: Sequence[Clip], parts: Sequence[Part | None], settings: FinetuneSettings, every: int
) -> list[PictureWindow]:
    """All windows of clips that have this modality and a label; every n-th frame ends one."""
    windows = []
    for index, (clip, part) in enumerate(zip(clips, parts, strict=True)):
        if part is None:
            continue
        inputs, truth = load_inputs(clip.inputs, frozenset()), clip.truth()
        place_of = {int(place): row for row, place in enumerate(part.places)}
        for t_ns in decision_times(inputs, every):
            target = target_at(clip.label, truth, t_ns / 1e9)
            if class_name(target) == UNKNOWN:
                continue
            newest = int(np.searchsorted(inputs.frames_ns, t_ns, side="right")) - 1
            late = int((t_ns - inputs.frames_ns[newest]) // FRAME_NS) if newest >= 0 else 0
            shown = [(place_of[newest - a], VIDEO_STEPS - 1 - late - a)
                     for a in settings.ages if newest - a in place_of]  # fmt: skip
            if shown:
                frames, slots = zip(*shown, strict=True)
                windows.append(PictureWindow(index, frames, slots, target))
    return windows


class Stream:
    """The clips of one modality in memory, and batches of their windows."""

    def __init__(
        self, clips: Sequence[Clip], settings: FinetuneSettings, every_frames: int
    ) -> None:
        self._modality = settings.modality
        wanted = frozenset({settings.modality})
        inputs = [load_inputs(clip.inputs, wanted) for clip in clips]
        self._parts = [i.parts.get(settings.modality) for i in inputs]
        self.windows = picture_windows(clips, self._parts, settings, every_frames)
        owners = [clips[w.clip] for w in self.windows]
        targets = [w.target for w in self.windows]
        self.weights = balanced_weights(owners, targets, settings.shares)

    def batch(
        self, chosen: Sequence[int], rng: np.random.Generator | None
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]]:
        """Frames of the windows one after another, (window, slot) of each, allowed actions."""
        frames, places = [], []
        for row, index in enumerate(chosen):
            window = self.windows[index]
            part = self._parts[window.clip]
            if part is None:
                continue
            shown = part.tensors[list(window.frames)]
            frames.append(shown if rng is None else augment(self._modality, shown, rng))
            places += [(row, slot) for slot in window.slots]
        allowed = np.stack([self.windows[i].target.allowed for i in chosen])
        tensors = encoder_batch(self._modality, np.concatenate(frames))
        return tensors, np.array(places, np.int64), allowed


class Trainer:
    """Encoder, head and optimiser of one stream, and one step of their training."""

    def __init__(self, stream: Stream, settings: FinetuneSettings) -> None:
        import torch

        from engines.models.encoder import build_encoder
        from engines.models.fusion import FusionNet

        torch.set_num_threads(1)
        torch.manual_seed(settings.seed)
        self._rng = np.random.default_rng([settings.seed, MODALITIES.index(settings.modality)])
        self._stream, self._settings = stream, settings
        encoder: Any = build_encoder(settings.modality)
        self.encoder: Encoder = encoder.to(memory_format=torch.channels_last)
        self.head = FusionNet()
        frozen = freeze(self.encoder, settings.frozen_blocks)
        self._resting = [] if settings.adapt_norms else frozen
        body = [p for p in self.encoder.backbone.parameters() if p.requires_grad]
        top = [*self.encoder.project.parameters(), *self.head.parameters()]
        self._rates = (settings.backbone_rate, settings.head_rate)
        self._optimiser = torch.optim.AdamW(
            [{"params": body}, {"params": top}], lr=settings.head_rate, weight_decay=0.02
        )
        self._parameters = [*body, *top]
        self.frames_seen = 0

    def step(self, progress: float) -> float:
        """One batch; returns its loss.  progress: share of all steps that are done"""
        import torch

        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(progress)
        self.encoder.train()
        for module in self._resting:
            module.eval()
        weights = self._stream.weights
        chosen = self._rng.choice(len(weights), self._settings.batch, p=weights)
        batch = self._stream.batch([int(i) for i in chosen], self._rng)
        loss = window_loss(self.encoder, self.head, batch, self._settings)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 5.0)
        self._optimiser.step()
        self.frames_seen += len(batch[0])
        return float(loss.detach())


def finetune(
    train: Sequence[Clip],
    held_out: Sequence[Clip],
    settings: FinetuneSettings,
    out: Path,
    report: Report,
) -> dict[str, float]:
    """Train one stream; write encoder and head to ``out``; return what was measured."""
    import torch

    trainer = Trainer(Stream(train, settings, 1), settings)
    started, steps, step, smooth = time.monotonic(), settings.steps, 0, 0.0
    while step < steps:
        loss = trainer.step(step / steps)
        smooth = loss if step == 0 else 0.95 * smooth + 0.05 * loss
        step += 1
        if step == min(8, settings.steps):
            steps = affordable(settings, (time.monotonic() - started) / step)
        report(step, steps, smooth)
    elapsed = time.monotonic() - started
    judged = judge(trainer.encoder, trainer.head, Stream(held_out, settings, 0), settings)
    facts = {
        "steps": float(steps),
        "loss": round(smooth, 4),
        "train_ms_per_frame": round(1e3 * elapsed / max(trainer.frames_seen, 1), 2),
        "held_out_balanced_accuracy": round(judged, 4),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    states = {"encoder": trainer.encoder.state_dict(), "head": trainer.head.state_dict()}
    torch.save({**states, "facts": facts}, out)
    return facts


def freeze(encoder: Encoder, blocks: int) -> list[nn.Module]:
    """Keep stem and the first blocks as they are; returns them."""
    if not blocks:
        return []
    backbone: Any = encoder.backbone
    frozen = [backbone.stem, *list(backbone.blocks)[:blocks]]
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def schedule(progress: float) -> float:
    """Warm up over the first tenth, then a cosine down to a hundredth."""
    if progress < 0.1:
        return 0.1 + 0.9 * progress / 0.1
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def affordable(settings: FinetuneSettings, seconds_per_step: float) -> int:
    """How many steps the budget allows, at most those asked for."""
    afford = int(60 * settings.minutes / max(seconds_per_step, 1e-6))
    if afford < settings.steps:
        log.info("%s: %d of %d steps fit", settings.modality.value, afford, settings.steps)
    return max(8, min(settings.steps, afford))


def window_logits(
    encoder: Encoder,
    head: FusionNet,
    batch: tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]],
    settings: FinetuneSettings,
) -> Tensor:
    """(B, ACTIONS) of this modality's expert."""
    import torch

    frames, places, allowed = batch
    m = MODALITIES.index(settings.modality)
    features = encoder(torch.from_numpy(frames))
    rows, slots = torch.from_numpy(places[:, 0]), torch.from_numpy(places[:, 1])
    ring = features.new_zeros((len(allowed), VIDEO_STEPS, features.shape[1]))
    ring = ring.index_put((rows, slots), features)
    steps = features.new_zeros((len(allowed), VIDEO_STEPS)).index_put(
        (rows, slots), features.new_ones(len(frames))
    )
    pooled = head.temporal_of(m, ring, steps)
    return pooled @ head.expert_weight[m].T + head.expert_bias[m]


def window_loss(
    encoder: Encoder,
    head: FusionNet,
    batch: tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]],
    settings: FinetuneSettings,
) -> Tensor:
    """Mean over the batch of losses.allowed_nll."""
    import torch

    from engines.training.losses import allowed_nll

    logits = window_logits(encoder, head, batch, settings)
    return allowed_nll(logits, torch.from_numpy(batch[2])).mean()


def judge(encoder: Encoder, head: FusionNet, test: Stream, settings: FinetuneSettings) -> float:
    """Mean recall over the classes of the held-out windows; NaN when there are none."""
    import torch

    encoder.eval()
    hits: dict[str, list[bool]] = {}
    order = np.random.default_rng(1).permutation(len(test.windows))[:400]
    for start in range(0, len(order), settings.batch):
        chosen = [int(i) for i in order[start : start + settings.batch]]
        batch = test.batch(chosen, None)
        with torch.no_grad():
            best = window_logits(encoder, head, batch, settings).argmax(dim=1).numpy()
        for index, action in zip(chosen, best, strict=True):
            target = test.windows[index].target
            hits.setdefault(class_name(target), []).append(bool(target.allowed[action]))
    return float(np.mean([np.mean(h) for h in hits.values()])) if hits else float("nan")
