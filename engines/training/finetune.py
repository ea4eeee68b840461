"""Trains one picture encoder with its own temporal stage and expert, on whole windows.

One process and one thread for each stream: on the CPUs we know, torch with two threads beside
other load is twenty times slower. Convolutions run in bfloat16, which halves their time.
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

from edge.values import VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality
from engines.training.cache import Clip
from engines.training.sampling import class_name
from engines.training.windows import EARLIER, Batch, Stream

if TYPE_CHECKING:
    from torch import Tensor

    from engines.models.encoder import Encoder
    from engines.models.fusion import FusionNet

log = logging.getLogger(__name__)

Report = Callable[[int, int, float], None]

EARLIER_WEIGHT = 0.4
CHECKPOINT_EVERY = 200


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """How one stream is trained."""

    modality: Modality
    steps: int
    minutes: float  # fewer steps are made when the first ones show that time would not do
    batch: int = 32  # windows
    shown: int = 8  # frames of each
    backbone_rate: float = 2e-3
    head_rate: float = 2e-3
    decay: float = 0.03
    seed: int = 0
    refine: int = 0  # further steps at half the rates, see lane.py
    shares: Mapping[str, float] = field(default_factory=lambda: {"rooms": 0.75, "surv_fight": 0.25})


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
        body = [p for p in self.encoder.backbone.parameters() if p.requires_grad]
        top = [*self.encoder.project.parameters(), *self.head.parameters()]
        self._rates = (settings.backbone_rate, settings.head_rate)
        self._optimiser = torch.optim.AdamW(
            [{"params": body}, {"params": top}], lr=settings.head_rate, weight_decay=settings.decay
        )
        self._parameters = [*body, *top]
        self.frames_seen = 0

    def step(self, progress: float) -> float:
        """One batch; returns its loss.  progress: share of all steps that are done"""
        import torch

        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(progress)
        self.encoder.train()
        weights = self._stream.weights
        chosen = self._rng.choice(len(weights), self._settings.batch, p=weights)
        batch = self._stream.batch([int(i) for i in chosen], self._rng)
        loss = window_loss(self.encoder, self.head, batch, self._settings.modality)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 5.0)
        self._optimiser.step()
        self.frames_seen += len(batch.frames)
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything that a resumed training needs beside its step number."""
        return {
            "encoder": self.encoder.state_dict(),
            "head": self.head.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rng": self._rng.bit_generator.state,
        }

    def go_on_from(self, trained: TrainedStream) -> None:
        """Take the weights of an earlier training; rates and draws begin anew."""
        self.encoder.load_state_dict(trained.encoder.state_dict())
        self.head.load_state_dict(trained.head.state_dict())

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state()`` was taken."""
        self.encoder.load_state_dict(state["encoder"])
        self.head.load_state_dict(state["head"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._rng.bit_generator.state = state["rng"]


@dataclass(frozen=True, slots=True)
class TrainedStream:
    """One modality's encoder, its rows of the fusion stage, and what was measured."""

    encoder: Encoder
    head: FusionNet
    facts: dict[str, float]


def finetune(
    train: Sequence[Clip],
    held_out: Sequence[Clip],
    settings: FinetuneSettings,
    kept: Path,
    report: Report,
    start: TrainedStream | None = None,
) -> TrainedStream:
    """Train one stream.

    start: go on from here instead of from fresh weights
    kept: file that holds all every CHECKPOINT_EVERY steps; an interrupted training goes on there.
    """
    import torch

    stream = Stream(train, settings.modality, settings.shares, 1, settings.shown)
    trainer = Trainer(stream, settings)
    steps, step, smooth = settings.steps, 0, 0.0
    if start is not None:
        trainer.go_on_from(start)
    if kept.exists():
        state = torch.load(kept, weights_only=False)
        trainer.load(state)
        steps, step, smooth = state["steps"], state["step"], state["smooth"]
    started, first = time.monotonic(), step
    while step < steps:
        loss = trainer.step(step / steps)
        smooth = loss if step == 0 else 0.98 * smooth + 0.02 * loss
        step += 1
        if step == first + 20 and first == 0:
            steps = affordable(settings, (time.monotonic() - started) / step)
        if step % CHECKPOINT_EVERY == 0:
            keep(kept, {**trainer.state(), "steps": steps, "step": step, "smooth": smooth})
        report(step, steps, smooth)
    elapsed, test = time.monotonic() - started, Stream(held_out, settings.modality, {}, 0)
    facts = {
        "steps": float(steps),
        "loss": round(smooth, 4),
        "train_ms_per_frame": round(1e3 * elapsed / max(trainer.frames_seen, 1), 2),
        "held_out_balanced_accuracy": round(judge(trainer.encoder, trainer.head, test), 4),
    }
    return TrainedStream(trainer.encoder, trainer.head, facts)


def keep(path: Path, state: Mapping[str, Any]) -> None:
    """Write a file that appears whole or not at all."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    torch.save(dict(state), partial)
    partial.replace(path)


def schedule(progress: float) -> float:
    """Warm up over the first twentieth, then a cosine down to a hundredth."""
    if progress < 0.05:
        return 0.1 + 0.9 * progress / 0.05
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))


def affordable(settings: FinetuneSettings, seconds_per_step: float) -> int:
    """How many steps the budget allows, at most those asked for."""
    afford = int(60 * settings.minutes / max(seconds_per_step, 1e-6))
    if afford < settings.steps:
        log.info("%s: %d of %d steps fit", settings.modality.value, afford, settings.steps)
    return max(8, min(settings.steps, afford))


def window_logits(
    encoder: Encoder, head: FusionNet, batch: Batch, modality: Modality, earlier: Sequence[int]
) -> Tensor:
    """(W, len(earlier), ACTIONS): what this modality's expert says at the end and before."""
    import torch

    m = MODALITIES.index(modality)
    with torch.autocast("cpu", torch.bfloat16, enabled=encoder.training):
        features = encoder(torch.from_numpy(batch.frames)).float()
    windows = len(batch.allowed)
    rows, slots = torch.from_numpy(batch.places[:, 0]), torch.from_numpy(batch.places[:, 1])
    ring = features.new_zeros((windows, VIDEO_STEPS, features.shape[1]))
    ring = ring.index_put((rows, slots), features)
    steps = features.new_zeros((windows, VIDEO_STEPS))
    steps = steps.index_put((rows, slots), features.new_ones(len(features)))
    rings = torch.stack([_shifted(ring, back) for back in earlier], 1)
    masks = torch.stack([_shifted(steps, back) for back in earlier], 1)
    pooled = head.temporal_of(m, rings.flatten(0, 1), masks.flatten(0, 1))
    logits = pooled @ head.expert_weight[m].T + head.expert_bias[m]
    return logits.reshape(windows, len(earlier), logits.shape[1])


def _shifted(x: Tensor, back: int) -> Tensor:
    """The same as seen ``back`` steps earlier.  x: (W, T, ...)"""
    import torch

    return x if back == 0 else torch.cat([torch.zeros_like(x[:, :back]), x[:, :-back]], 1)


def window_loss(encoder: Encoder, head: FusionNet, batch: Batch, modality: Modality) -> Tensor:
    """Mean of losses.allowed_nll; earlier ends count less."""
    import torch

    from engines.training.losses import allowed_nll

    logits = window_logits(encoder, head, batch, modality, EARLIER)
    losses = allowed_nll(logits.flatten(0, 1), torch.from_numpy(batch.allowed).flatten(0, 1))
    weight = torch.tensor([1.0 if back == 0 else EARLIER_WEIGHT for back in EARLIER])
    total: Tensor = (losses.reshape(logits.shape[:2]) * weight).sum(1).mean() / weight.sum()
    return total


def judge(encoder: Encoder, head: FusionNet, test: Stream, batch: int = 16) -> float:
    """Mean recall over the classes of the held-out windows; NaN when there are none."""
    import torch

    encoder.eval()
    modality = encoder.modality
    hits: dict[str, list[bool]] = {}
    order = np.random.default_rng(1).permutation(len(test.windows))[:600]
    for start in range(0, len(order), batch):
        chosen = [int(i) for i in order[start : start + batch]]
        shown = test.batch(chosen, None)
        with torch.no_grad():
            best = window_logits(encoder, head, shown, modality, (0,))[:, 0].argmax(dim=1).numpy()
        for index, action in zip(chosen, best, strict=True):
            target = test.windows[index].target
            hits.setdefault(class_name(target), []).append(bool(target.allowed[action]))
    return float(np.mean([np.mean(h) for h in hits.values()])) if hits else float("nan")
