from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.features import Encoded
from engines.benchmarks.items import Items
from engines.benchmarks.pretexts.matches import matched, strangers, together
from engines.benchmarks.pretexts.tasks import Side, moments, pairs

Many = Callable[..., Items]


def looks(asked: Items, label: int) -> list[Counter[bytes]]:
    """How often each window of each modality occurs in a class, with its mask and its cues."""
    rows = np.flatnonzero(asked.labels == label)
    return [
        Counter(
            asked.features[i, m].tobytes() + asked.valid[i, m].tobytes()
            + asked.quality[i, m].tobytes()
            for i in rows
        )
        for m in range(len(asked.modalities))
    ]  # fmt: skip


def test_either_modality_alone_looks_the_same_in_both_classes(items: Many) -> None:
    windows = items(12)
    asked = matched(windows, Modality.RGB, Modality.AUDIO, strangers(windows.groups, 3))
    assert looks(asked, 0) == looks(asked, 1)
    assert np.bincount(asked.labels).tolist() == [12, 12]


def test_same_is_the_own_window_and_other_is_not(items: Many) -> None:
    windows = items(9)
    asked = matched(windows, Modality.RGB, Modality.DEPTH, strangers(windows.groups, 0))
    depth = windows.features[:, windows.modalities.index(Modality.DEPTH)]
    own = [np.array_equal(asked.features[i, 1], depth[i % 9]) for i in range(18)]
    assert own == [asked.classes[label] == "same" for label in asked.labels]


def test_strangers_are_of_other_groups_and_everyone_is_chosen_once() -> None:
    groups = tuple("aaaaabbbccd") + ("e",) * 2
    for seed in range(50):
        partner = strangers(groups, seed)
        assert sorted(partner.tolist()) == list(range(len(groups)))
        assert all(groups[p] != groups[i] for i, p in enumerate(partner))


def test_a_group_of_more_than_half_has_no_partners() -> None:
    with pytest.raises(ValueError, match="no partners"):
        strangers(("a", "a", "b"), 0)


def test_windows_lacking_one_of_the_two_are_known(items: Many) -> None:
    windows = items(4).without(Modality.AUDIO, np.array([True, False, False, False]))
    assert together(windows, Modality.RGB, Modality.AUDIO).tolist() == [False, True, True, True]


def test_pairs_and_moments_hide_the_answer_from_each_modality(
    clip: Callable[..., Encoded],
) -> None:
    side = Side({f"c{i}": clip(f"c{i}", i, person=f"p{i % 3}") for i in range(6)}, {})
    for second in (Modality.AUDIO, Modality.DEPTH, Modality.FLOW):
        for asked in (pairs(side, second, 0), moments(side, second)):
            assert asked.modalities == (Modality.RGB, second)
            assert looks(asked, 0) == looks(asked, 1)
            assert np.bincount(asked.labels).tolist() == [12, 12]


def test_the_wrong_moment_is_of_the_same_clip(clip: Callable[..., Encoded]) -> None:
    side = Side({"a": clip("a", 1), "b": clip("b", 2)}, {})
    asked = moments(side, Modality.DEPTH)
    for i in np.flatnonzero(asked.labels == asked.classes.index("other")):
        mine = [
            j
            for j in np.flatnonzero(asked.labels == asked.classes.index("same"))
            if np.array_equal(asked.features[j, 1], asked.features[i, 1])
        ]
        assert [asked.names[j] for j in mine] == [asked.names[i]]
        assert not np.array_equal(asked.features[mine[0], 0], asked.features[i, 0])
