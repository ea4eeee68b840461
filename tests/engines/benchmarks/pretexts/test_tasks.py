from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.fusion.parameters import QUALITY_CUES
from edge.vocabulary import MODALITIES
from engines.benchmarks.features import Encoded
from engines.benchmarks.items import Items
from engines.benchmarks.pretexts.tasks import (
    Side,
    alike,
    angles,
    arrow,
    directions,
    order,
    rotation,
)
from engines.benchmarks.pretexts.views import BACKWARD, TURNED

COVERAGE = QUALITY_CUES.index("coverage")
Clip = Callable[..., Encoded]


def side(clip: Clip, lost: int = 0) -> Side:
    """Three clips; backwards, the first ``lost`` frames are missing."""
    plain = {f"c{i}": clip(f"c{i}", i) for i in range(3)}
    views = {view: {n: clip(n, 50 + k) for k, n in enumerate(plain)} for view in TURNED}
    views[BACKWARD] = {n: clip(n, 90 + k, lost) for k, n in enumerate(plain)}
    return Side(plain, views)


def test_what_is_missing_does_not_tell_the_direction(clip: Clip) -> None:
    asked = directions(side(clip, lost=11))
    first, second = asked.pick(asked.labels == 0), asked.pick(asked.labels == 1)
    assert first.names == second.names
    assert not first.valid[:, 0].all()
    assert np.array_equal(first.valid, second.valid)
    assert np.array_equal(first.quality[..., COVERAGE], second.quality[..., COVERAGE])
    assert not np.array_equal(first.features, second.features)


def test_both_directions_show_the_middle_of_the_clip(clip: Clip) -> None:
    """Of 4 s the window from 1 s to 3 s: backwards the same stretch."""
    own = side(clip)
    asked = directions(own)
    frames = own.plain["c0"].features[MODALITIES[0]]
    assert np.array_equal(asked.features[0, 0], frames[8:23])


def test_every_clip_is_asked_in_every_class(clip: Clip) -> None:
    own = side(clip)
    for make, classes in ((arrow, 2), (order, 6), (rotation, 4)):
        asked: Items = make(own)
        for name in own.plain:
            labels = [asked.labels[i] for i, n in enumerate(asked.names) if n == name]
            assert sorted(labels) == list(range(classes))
        assert len(asked.groups) == len(asked.tags) == len(asked)


def test_clips_that_lack_a_view_are_left_out(clip: Clip) -> None:
    own = side(clip)
    views = {**own.views, TURNED[2]: {"c1": own.views[TURNED[2]]["c1"]}}
    assert set(angles(Side(own.plain, views)).names) == {"c1"}


def test_the_same_steps_are_kept_in_all_parts(items: Callable[..., Items]) -> None:
    a, b = items(3, seed=1), items(3, seed=2)
    a.valid[0, 0, 4] = False
    b.valid[1, 2] = False
    kept = alike([a, b])
    assert np.array_equal(kept[0].valid, kept[1].valid)
    assert not kept[1].features[0, 0, 4].any()
    assert not kept[0].quality[1, 2].any()
