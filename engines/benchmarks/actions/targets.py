"""Training classes of depth clips: every action of every set, and its mirror image.

A swipe to the left, mirrored, is no swipe to the left, but it is something: a class of its own
teaches the network from twice as many clips and asks nothing false of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

Target = tuple[str, str, bool]
"""(data set, label, whether it is a mirror image that is another action)"""


def target_of(row: Row, mirror: bool) -> Target:
    """The training class of a clip or of its mirror image."""
    symmetric = row.label in SYMMETRIC.get(row.dataset, frozenset())
    return row.dataset, row.label, mirror and not symmetric


def targets_of(rows: Sequence[Row]) -> dict[Target, int]:
    """All training classes of some clips, numbered."""
    every = {target_of(row, mirror) for row in rows for mirror in (False, True)}
    return {target: number for number, target in enumerate(sorted(every))}
