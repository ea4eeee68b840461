"""The pretext questions of one set of clips: direction, order, turn, and what belongs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.fusion.parameters import QUALITY_CUES
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.features import Encoded, Piece, items_of, windows_at
from engines.benchmarks.items import Items
from engines.benchmarks.pretexts.matches import has_strangers, matched, strangers, together
from engines.benchmarks.pretexts.rotated import QUARTERS
from engines.benchmarks.pretexts.segments import in_segments, shuffled, side_by_side
from engines.benchmarks.pretexts.views import BACKWARD, TURNED, middle_ns

DIRECTIONS = ("forwards", "backwards")
ANGLES = tuple(str(90 * quarters) for quarters in range(QUARTERS))
UNASKED = ("window",)
EARLY_NS, LATE_NS = 2_500_000_000, 4_000_000_000
"""Ends of the two windows of a clip: neither begins before the crop has found the person."""

Views = Mapping[str, Sequence[Encoded]]
"""View -> the clips that could be encoded; "" is the clip as it is."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a split, in every view; clips by name."""

    plain: Mapping[str, Encoded]
    views: Mapping[str, Mapping[str, Encoded]]  # of BACKWARD and TURNED

    def only(self, count: int | None) -> Side:
        """Its first clips."""
        kept = sorted(self.plain)[:count]
        return replace(self, plain={name: self.plain[name] for name in kept})


def windows(
    clips: Sequence[Encoded], end_ns: Callable[[Encoded], int], modalities: Sequence[Modality]
) -> Items:
    """One window a clip, with nothing asked yet; clips without anything there are left out."""
    pieces = [piece for clip in clips for piece in windows_at(clip, [end_ns(clip)])]
    return items_of(pieces, UNASKED, modalities, lambda piece: UNASKED[0], _label_of)


def _label_of(piece: Piece) -> str:
    return piece.clip.row.label


def at(t_ns: int) -> Callable[[Encoded], int]:
    """The same end for every clip."""
    return lambda clip: t_ns


def common(parts: Sequence[Items]) -> list[Items]:
    """The clips that all parts have, in the same order."""
    names = set.intersection(*(set(part.names) for part in parts)) if parts else set()
    kept = sorted(names)
    return [part.pick([part.names.index(name) for name in kept]) for part in parts]


def stacked(parts: Sequence[Items], classes: tuple[str, ...]) -> Items:
    """Parts one after another; part i is of class i."""
    first = parts[0]
    return replace(
        first,
        classes=classes,
        features=np.concatenate([p.features for p in parts]),
        valid=np.concatenate([p.valid for p in parts]),
        quality=np.concatenate([p.quality for p in parts]),
        labels=np.concatenate([np.full(len(p), i, np.int64) for i, p in enumerate(parts)]),
        groups=sum((p.groups for p in parts), ()),
        names=sum((p.names for p in parts), ()),
        tags=sum((p.tags for p in parts), ()),
    )


def alike(parts: Sequence[Items]) -> list[Items]:
    """Only steps that all parts have, and cues of coverage to match: what is missing tells nothing.

    parts: the same windows in different views, in the same order
    """
    valid = np.logical_and.reduce([part.valid for part in parts])
    coverage = QUALITY_CUES.index("coverage")
    lowest = np.minimum.reduce([part.quality[..., coverage] for part in parts])
    changed = []
    for part in parts:
        quality = np.where(valid.any(axis=2)[..., None], part.quality, 0).astype(np.float32)
        quality[..., coverage] = np.where(valid.any(axis=2), lowest, 0)
        features = np.where(valid[..., None], part.features, 0).astype(np.float16)
        changed.append(replace(part, features=features, valid=valid.copy(), quality=quality))
    there = valid.any(axis=(1, 2))
    return [part.pick(there) for part in changed]


def middle(clip: Encoded) -> int:
    """See views.middle_ns."""
    return middle_ns(clip.inputs)


def directions(side: Side, modalities: Sequence[Modality] = MODALITIES) -> Items:
    """Each clip's middle window forwards and backwards: (2 N, M, VIDEO_STEPS, D)"""
    backward = side.views[BACKWARD]
    names = [name for name in sorted(side.plain) if name in backward]
    ends = {name: middle(side.plain[name]) for name in names}  # alike for both directions
    parts = [
        windows([clips[n] for n in names], lambda clip: ends[clip.row.name], modalities)
        for clips in (side.plain, backward)
    ]
    return stacked(alike(common(parts)), DIRECTIONS)


def arrow(side: Side, modalities: Sequence[Modality] = MODALITIES) -> Items:
    """Forwards or backwards?"""
    return side_by_side(in_segments(directions(side, modalities)))


def order(side: Side, modalities: Sequence[Modality] = MODALITIES) -> Items:
    """In which order are the thirds of the middle window?"""
    plain = [side.plain[name] for name in sorted(side.plain)]
    return side_by_side(shuffled(in_segments(windows(plain, middle, modalities))))


def angles(side: Side, modalities: Sequence[Modality] = MODALITIES) -> Items:
    """Each clip's middle window, few of its frames, turned by quarters: (4 N, M, VIDEO_STEPS, D)"""
    parts = []
    for view in TURNED:
        clips = [side.views[view][n] for n in sorted(side.plain) if n in side.views[view]]
        parts.append(windows(clips, middle, modalities))
    return stacked(alike(common(parts)), ANGLES)


def rotation(side: Side, modalities: Sequence[Modality] = MODALITIES) -> Items:
    """By how much are the pictures turned?"""
    return in_segments(angles(side, modalities))


def pairs(side: Side, second: Modality, seed: int) -> Items:
    """Does this belong to that picture, or to another clip's of the same moment?

    Nothing is asked where there are no clips of other groups to choose from.
    """
    parts = []
    for t_ns in (EARLY_NS, LATE_NS):
        both = _both(side, t_ns, second)
        both = both if has_strangers(both.groups) else both.pick([])
        partner = strangers(both.groups, seed) if len(both) else np.zeros(0, np.int64)
        parts.append(matched(both, Modality.RGB, second, partner))
    asked = stacked(parts, parts[0].classes)
    labels = np.concatenate([part.labels for part in parts])
    return in_segments(replace(asked, labels=labels))


def moments(side: Side, second: Modality) -> Items:
    """Does this belong to that picture, or to another moment of the same clip?"""
    both = common([_both(side, t_ns, second) for t_ns in (EARLY_NS, LATE_NS)])
    n = len(both[0])
    asked = stacked(both, (*UNASKED, *UNASKED))
    partner = np.concatenate([np.arange(n) + n, np.arange(n)])
    return in_segments(matched(asked, Modality.RGB, second, partner))


def _both(side: Side, t_ns: int, second: Modality) -> Items:
    clips = [side.plain[name] for name in sorted(side.plain)]
    items = windows(clips, at(t_ns), (Modality.RGB, second))
    return items.pick(together(items, Modality.RGB, second))
