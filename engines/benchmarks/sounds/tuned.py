"""A YAMNet whose last layers learn a data set's own classes: benchmark family only, never shipped.

Seeded; an interrupted training goes on from its last checkpoint in the work folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from edge.values import AUDIO_RATE_HZ, F32
from engines.benchmarks.features import Progress
from engines.benchmarks.sounds.disturb import cut, hole, mixed
from engines.benchmarks.sounds.waveforms import Recording, audible_starts, patches_at
from engines.models.logmel import LogMel
from engines.models.pretrained import yamnet_state
from engines.models.yamnet import CHANNELS, Yamnet, load_yamnet
from engines.training.finetune import keep, schedule

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCORES_GAIN = 0.3
"""Brings AudioSet logits to the size of the features beside them."""

CHECKPOINT_EVERY = 50
MOST_PATCHES = 24


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """How the last layers are tuned."""

    steps: int = 800
    clips: int = 16  # a step
    patches: int = 3  # of each clip; their scores are averaged
    frozen: int = 12  # of YAMNet's 26 convolutions behind the first one
    mixtures: float = 0.5
    rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 0.02
    smoothing: float = 0.05
    seed: int = 0


class SoundNet(nn.Module):
    """YAMNet and a classifier that sees its features and its scores of the AudioSet classes."""

    scores_weight: Tensor  # (521, 1024) the published classifier
    scores_bias: Tensor

    def __init__(self, classes: int, frozen: int) -> None:
        super().__init__()
        state = yamnet_state()
        self.log_mel = LogMel()
        body: Any = load_yamnet(state)
        self.body: Yamnet = body.to(memory_format=torch.channels_last)
        self.body.first.requires_grad_(False)
        self.body.layers[:frozen].requires_grad_(False)
        self.register_buffer("scores_weight", state["fc.weight"], persistent=False)
        self.register_buffer("scores_bias", state["fc.bias"], persistent=False)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(CHANNELS + len(state["fc.bias"]), classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, picture: Tensor) -> Tensor:
        """picture: (B, 1, 96, 64) log-mel   returns: (B, classes) logits"""
        return self.judged(self.pooled(picture))

    def pooled(self, picture: Tensor) -> Tensor:
        """picture: (B, 1, 96, 64) log-mel   returns: (B, 1024)"""
        image = picture.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            features: Tensor = self.body(image)
        return features.float().mean(dim=(2, 3))

    def judged(self, pooled: Tensor) -> Tensor:
        """pooled: (B, 1024)   returns: (B, classes) logits"""
        scores = pooled @ self.scores_weight.T + self.scores_bias
        logits: Tensor = self.head(self.drop(torch.cat([pooled, SCORES_GAIN * scores], dim=1)))
        return logits


class Tuning:
    """The recordings of one training side in memory, and one step of learning from them."""

    def __init__(
        self, recordings: Sequence[Recording], labels: Sequence[int], settings: TuneSettings
    ) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(settings.seed)
        self.settings, self.labels = settings, np.asarray(labels)
        self.classes = int(self.labels.max()) + 1
        self._rng = np.random.default_rng([settings.seed, 17])
        self._waves = [r.load() for r in recordings]
        self._starts = [audible_starts(w, AUDIO_RATE_HZ // 4) for w in self._waves]
        share = 1.0 / np.bincount(self.labels)[self.labels]
        self._share = share / share.sum()
        self.net = SoundNet(self.classes, settings.frozen)
        tuned = [p for p in self.net.body.parameters() if p.requires_grad]
        self._rates = (settings.rate, settings.head_rate)
        self._optimiser = torch.optim.AdamW(
            [{"params": tuned}, {"params": [*self.net.head.parameters()]}],
            lr=settings.rate, weight_decay=settings.decay,
        )  # fmt: skip
        self._parameters = [*tuned, *self.net.head.parameters()]

    def step(self, progress: float) -> float:
        """One batch; returns its loss.  progress: share of all steps that are done"""
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(progress)
        waves, targets = self._batch()
        picture = self._with_holes(self.net.log_mel(torch.from_numpy(waves)))
        self.net.train()
        logits = self.net(picture).reshape(len(targets), -1, self.classes).mean(dim=1)
        smooth = self.settings.smoothing
        wanted = torch.from_numpy(targets) * (1 - smooth) + smooth / self.classes
        loss = -(wanted * logits.log_softmax(dim=1)).sum(dim=1).mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 2.0)
        self._optimiser.step()
        return float(loss.detach())

    def _batch(self) -> tuple[F32, F32]:
        rng, how = self._rng, self.settings
        waves, targets = [], np.zeros((how.clips, self.classes), np.float32)
        for row, i in enumerate(rng.choice(len(self._waves), how.clips, p=self._share)):
            other, share = int(rng.choice(len(self._waves), p=self._share)), 1.0
            if rng.random() < how.mixtures:
                share = float(rng.uniform(0.5, 1.0))
            targets[row, self.labels[i]] += share
            targets[row, self.labels[other]] += 1 - share
            for _ in range(how.patches):
                patch = cut(self._waves[i], self._starts[i], rng)
                if share < 1:
                    patch = mixed(patch, cut(self._waves[other], self._starts[other], rng), share)
                waves.append(patch)
        return np.stack(waves), targets

    def _with_holes(self, picture: Tensor) -> Tensor:
        for image in picture[:, 0]:
            image[hole(image.shape[0], image.shape[1], self._rng)] = image.mean()
        return picture

    def state(self) -> dict[str, Any]:
        """Everything that a resumed training needs beside its step number."""
        return {
            "net": self.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rng": self._rng.bit_generator.state,
            "torch": torch.get_rng_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on where ``state()`` was taken."""
        self.net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch"])


def tuned_net(
    recordings: Sequence[Recording],
    labels: Sequence[int],
    settings: TuneSettings,
    folder: Path,
    progress: Progress,
) -> SoundNet:
    """Train, or read what was trained on the same recordings with the same settings."""
    told = [f"{r.row.dataset}|{r.row.name}|{label}" for r, label in zip(recordings, labels,
                                                                       strict=True)]  # fmt: skip
    key = sha256("\n".join([str(asdict(settings)), *sorted(told)]).encode()).hexdigest()[:16]
    done, unfinished = folder / f"{key}.pt", folder / f"{key}.unfinished.pt"
    if done.exists():
        net = SoundNet(max(labels) + 1, settings.frozen)
        net.load_state_dict(torch.load(done, weights_only=True))
        return net.float().eval()
    tuning, step = Tuning(recordings, labels, settings), 0
    if unfinished.exists():
        state = torch.load(unfinished, weights_only=False)
        tuning.load(state)
        step = state["step"]
    while step < settings.steps:
        tuning.step(step / settings.steps)
        step += 1
        if step % CHECKPOINT_EVERY == 0:
            keep(unfinished, {**tuning.state(), "step": step})
        progress("tune YAMNet", step, settings.steps)
    keep(done, {name: value.half() for name, value in tuning.net.state_dict().items()})
    unfinished.unlink(missing_ok=True)
    return tuned_net(recordings, labels, settings, folder, progress)


@dataclass(frozen=True, slots=True)
class Said:
    """What a tuned network makes of one clip, averaged over its audible patches."""

    features: F32  # (1024 + classes,) tuned features, then its logits
    probabilities: F32  # (classes,)


def said_of(net: SoundNet, wave: F32) -> Said:
    """Listen to one clip."""
    starts: NDArray[np.int64] = audible_starts(wave, AUDIO_RATE_HZ // 2)[:MOST_PATCHES]
    with torch.no_grad():
        pooled = net.pooled(net.log_mel(torch.from_numpy(patches_at(wave, starts))))
        logits = net.judged(pooled)
        features = torch.cat([pooled, logits], dim=1).mean(dim=0).numpy()
        return Said(features, torch.softmax(logits, dim=1).mean(dim=0).numpy())
