"""Training classes of depth clips: every action, and its mirror image.

A swipe to the left, mirrored, is no swipe to the left, but it is something: a class of its own
teaches from twice as many clips and asks nothing false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.training.manifest import Row

SYMMETRIC: Mapping[str, frozenset[str]] = {
    # clap, arms crossed, basketball shot, boxing, arm curl, push, jog, walk, stand up, sit down,
    # squat
    "utd_mhad": frozenset(
        ("a4", "a6", "a7", "a13", "a16", "a18", "a22", "a23", "a24", "a25", "a27")
    ),
    # clap, wave with both hands, bend, jog
    "msr_action3d": frozenset(("a10", "a11", "a13", "a16")),
}
"""Actions that look the same in a mirror."""


@dataclass(frozen=True, slots=True)
class MirrorClasses:
    """Numbers of the actions of one set, and of those mirror images that are none of them."""

    plain: tuple[str, ...]  # actions, numbered from 0
    apart: tuple[str, ...]  # actions whose mirror image is numbered after them, in this order

    @classmethod
    def of(cls, rows: Sequence[Row]) -> MirrorClasses:
        """All actions of clips of one data set."""
        names = sorted({row.label for row in rows})
        symmetric = SYMMETRIC.get(rows[0].dataset, frozenset()) if rows else frozenset()
        return cls(tuple(names), tuple(name for name in names if name not in symmetric))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.plain) + len(self.apart)

    def target(self, label: str, mirror: bool) -> int:
        """The class of a clip, or of its mirror image; 0 for an action that is not known."""
        if mirror and label in self.apart:
            return len(self.plain) + self.apart.index(label)
        return self.plain.index(label) if label in self.plain else 0

    @property
    def straight(self) -> NDArray[np.int64]:
        """Columns that speak of each action in a clip as it is."""
        return np.arange(len(self.plain))

    @property
    def mirrored(self) -> NDArray[np.int64]:
        """Columns that speak of each action in a mirrored clip."""
        return np.array([self.target(name, True) for name in self.plain], np.int64)
