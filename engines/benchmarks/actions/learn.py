"""Trains a clip network on the training subjects of both depth sets, and embeds clips with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edge.values import F32
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.actions.clips import DepthClip
from engines.benchmarks.actions.net import EMBEDDING, ClipNet
from engines.benchmarks.actions.targets import target_of, targets_of
from engines.benchmarks.actions.views import CHANNELS, plain_view, random_view, shown
from engines.benchmarks.code import code_digest
from engines.training.finetune import keep, schedule

log = logging.getLogger(__name__)

CODE = (
    ("engines.benchmarks.actions", ""),
    ("engines.models", "residual"),
)
CHECKPOINT_EVERY = 100
SMOOTHING = 0.1
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """How one network is trained."""

    steps: int = 2400
    batch: int = 16  # clips
    rate: float = 2e-3
    decay: float = 0.05
    follow: float = 0.995  # the network in use is a running mean of the one that learns
    seed: int = 0


def learn_clips(
    train: Sequence[DepthClip],
    modality: Modality,
    settings: LearnSettings,
    folder: Path,
    report: Report,
) -> ClipNet:
    """The network of one modality; one that was trained from the same clips is read instead.

    An interrupted training goes on where it was kept last.
    """
    torch.set_num_threads(1)
    targets = targets_of([clip.row for clip in train])
    kept = folder / f"{modality.value}-{key_of(train, settings)}.pt"
    trainer = Trainer(train, modality, settings)
    if kept.exists():
        trainer.load(torch.load(kept, weights_only=False))
    while trainer.step < settings.steps:
        trainer.learn(targets)
        if trainer.step % CHECKPOINT_EVERY == 0 or trainer.step == settings.steps:
            keep(kept, trainer.state())
            log.info("%s step=%d loss=%.3f", modality.value, trainer.step, trainer.loss)
        report(f"learn {modality.value} clips", trainer.step, settings.steps)
    return trainer.settled()


def key_of(train: Sequence[DepthClip], settings: LearnSettings) -> str:
    """Name a network after the clips it learned from and all else that shaped it."""
    told = f"{code_digest(CODE)}|{settings}|{sorted(clip.row.name for clip in train)}"
    return sha256(told.encode()).hexdigest()[:16]


class Trainer:
    """Network, its running mean, optimiser; one step of their training."""

    def __init__(
        self, train: Sequence[DepthClip], modality: Modality, settings: LearnSettings
    ) -> None:
        self._train, self._modality, self._settings = train, modality, settings
        self._rng = np.random.default_rng([settings.seed, MODALITIES.index(modality), 61])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            classes = len(targets_of([clip.row for clip in train]))
            net: Any = ClipNet(CHANNELS, classes)
        self._net: ClipNet = net.to(memory_format=torch.channels_last).train()
        self._mean = {name: value.clone() for name, value in self._net.state_dict().items()}
        self._optimiser = torch.optim.AdamW(
            self._net.parameters(), lr=settings.rate, weight_decay=settings.decay
        )
        self.step, self.loss = 0, 0.0

    def learn(self, targets: dict[tuple[str, str, bool], int]) -> None:
        """One batch."""
        how = self._settings
        for group in self._optimiser.param_groups:
            group["lr"] = how.rate * schedule(self.step / how.steps)
        chosen = [self._train[i] for i in self._rng.integers(0, len(self._train), how.batch)]
        views = [random_view(len(clip.body), self._rng) for clip in chosen]
        pictures = np.stack(
            [shown(c, self._modality, v, self._rng) for c, v in zip(chosen, views, strict=True)]
        )
        labels = [targets[target_of(c.row, v.mirror)] for c, v in zip(chosen, views, strict=True)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed * 1_000_003 + self.step)  # of the dropout
            with torch.autocast("cpu", torch.bfloat16):
                _, logits = self._net(torch.from_numpy(pictures))
        loss = nn.functional.cross_entropy(
            logits.float(), torch.tensor(labels), label_smoothing=SMOOTHING
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._net.parameters(), 5.0)
        self._optimiser.step()
        self._follow()
        value = float(loss.detach())
        self.loss = value if self.step == 0 else 0.98 * self.loss + 0.02 * value
        self.step += 1

    def _follow(self) -> None:
        share = min(self._settings.follow, (self.step + 1) / (self.step + 10))
        for name, value in self._net.state_dict().items():
            if value.dtype.is_floating_point:
                self._mean[name].lerp_(value, 1 - share)

    def state(self) -> dict[str, Any]:
        """Everything that a resumed training needs."""
        return {
            "net": self._net.state_dict(),
            "mean": self._mean,
            "optimiser": self._optimiser.state_dict(),
            "rng": self._rng.bit_generator.state,
            "step": self.step,
            "loss": self.loss,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on where ``state()`` was taken."""
        self._net.load_state_dict(state["net"])
        self._mean = state["mean"]
        self._optimiser.load_state_dict(state["optimiser"])
        self._rng.bit_generator.state = state["rng"]
        self.step, self.loss = state["step"], state["loss"]

    def settled(self) -> ClipNet:
        """The running mean, frozen."""
        self._net.load_state_dict(self._mean)
        return self._net.eval().requires_grad_(False)


PARTS_SHOWN = ((0.0, 1.0), (0.0, 0.92), (0.08, 1.0))
"""Views of a clip that are judged: the whole, and without a little of either end."""


def embed_clips(
    net: ClipNet, clips: Sequence[DepthClip], modality: Modality, report: Report
) -> tuple[F32, F32]:
    """(N, views, EMBEDDING) and the logits (N, views, classes), mirror images after the others."""
    torch.set_num_threads(1)
    features, logits = [], []
    for number, clip in enumerate(clips):
        views = [
            plain_view(len(clip.body), start, end, mirror)
            for mirror in (False, True)
            for start, end in PARTS_SHOWN
        ]
        pictures = np.stack([shown(clip, modality, view, None) for view in views])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            embedding, said = net(torch.from_numpy(pictures))
        features.append(_numbers(embedding))
        logits.append(_numbers(said))
        report(f"embed {modality.value} clips", number + 1, len(clips))
    return np.stack(features).reshape(len(clips), -1, EMBEDDING), np.stack(logits)


def _numbers(x: Tensor) -> F32:
    return x.float().numpy()
