"""What a model says at every decision on clips whose truth is known.

Clips are decoded and encoded by the runtime's own code (features are kept in the work folder, in
half precision) and fused by the runtime's fusion stage: the scores are those that raise alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.fusion.cpu import CpuFusion
from edge.models import load_fusion_parameters
from edge.values import F32, FusedBatch, Mask, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality
from engines.benchmarks.features import Encoded, decision_windows, encode_rows, model_store
from engines.benchmarks.items import Workbench
from engines.training.labels import LabelMap
from engines.training.manifest import Row
from engines.training.truth import read_truth, truth_file

AUDIO = MODALITIES.index(Modality.AUDIO)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Of one clip; K decisions."""

    row: Row
    group: str
    actions: F32  # (K, ACTIONS) sums to 1
    sounds: F32  # (K, SOUNDS) in [0, 1]; NaN: no sound to judge
    true_actions: tuple[str | None, ...]  # (K,) None: it is not known which
    is_violence: tuple[bool | None, ...]  # (K,) known also where the action is not
    true_sounds: F32  # (K, SOUNDS) 1 heard, 0 not, NaN unknown


def decisions_of(rows: Sequence[Row], bench: Workbench, progress: Progress) -> list[Decisions]:
    """In the order of the rows; clips that cannot be read or decided on are left out.

    Raises: ModelError; MediaError when no clip can be read.
    """
    fusion = CpuFusion(load_fusion_parameters(model_store(bench)))
    clips = encode_rows(rows, bench, progress).clips
    return [made for clip in clips if (made := decided(clip, fusion)) is not None]


def decided(clip: Encoded, fusion: CpuFusion) -> Decisions | None:
    """None when nothing can be decided on."""
    pieces = decision_windows(clip)
    if not pieces:
        return None
    valid = np.stack([piece.valid for piece in pieces])
    window = WindowFeatures(
        np.stack([piece.features for piece in pieces]),
        valid,
        np.asarray(valid.any(axis=2), np.bool_),
        np.stack([piece.quality for piece in pieces]),
    )
    return with_truth(clip, fusion.fuse(window), [piece.t_s for piece in pieces], valid[:, AUDIO])


def with_truth(clip: Encoded, said: FusedBatch, times_s: Sequence[float], heard: Mask) -> Decisions:
    """By ground truth where there is one, else by the label, which holds for the whole clip.

    heard: (K, VIDEO_STEPS) where there is sound
    """
    there: Mask = np.asarray(heard.any(axis=1), np.bool_)
    if truth_file(clip.row.path).exists():
        truth = read_truth(truth_file(clip.row.path))
        actions = tuple(truth.action_at(t) for t in times_s)
        fights = tuple(None if name is None else name == "violence" for name in actions)
        sounds = np.stack([truth.sounds_at(t) for t in times_s])
    else:
        label = LabelMap().label(clip.row.dataset, clip.row.label)
        only = next(iter(label.allowed)) if len(label.allowed) == 1 else None
        actions = (only,) * len(times_s)
        fight = None if "violence" in label.allowed else False
        fights = (True if only == "violence" else fight,) * len(times_s)
        sounds = np.tile(label.sound_targets(), (len(times_s), 1))
    scores = np.where(there[:, None], said.sounds, np.float32(np.nan))
    return Decisions(clip.row, clip.group, said.actions, scores, actions, fights, sounds)


def stacked(decisions: Sequence[Decisions]) -> tuple[F32, list[str | None], list[str]]:
    """All decisions one after another: scores (N, ACTIONS), true actions, groups."""
    scores = [one.actions for one in decisions] or [np.zeros((0, len(ACTIONS)), np.float32)]
    true = [name for one in decisions for name in one.true_actions]
    groups = [one.group for one in decisions for _ in one.true_actions]
    return np.concatenate(scores), true, groups


def loudest(one: Decisions) -> tuple[F32, F32]:
    """A recorded clip as one item: highest scores of any decision, and what its label says.

    The label does not say when the sound is heard.  returns: (SOUNDS,) scores, targets
    """
    known = one.sounds[np.isfinite(one.sounds).all(axis=1)]
    if not len(known):
        return np.full(len(SOUNDS), np.nan, np.float32), one.true_sounds[0]
    return np.asarray(known.max(axis=0), np.float32), one.true_sounds[0]
