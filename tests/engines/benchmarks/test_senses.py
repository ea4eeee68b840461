from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks import rooms, senses
from engines.benchmarks.heads import HELD
from engines.benchmarks.items import Fold, Items, Prediction
from engines.benchmarks.room_clips import Rooms
from engines.benchmarks.senses import recalls, restricted, seen_by_two

CLASSES = ("walk", "sit", "fall")


def test_a_class_counts_when_two_modalities_find_three_times_chance() -> None:
    many = tuple(f"c{i}" for i in range(12))  # chance 1 in 12: three times is a quarter
    found = np.zeros((4, 12))
    found[:2, 0] = 0.26  # two see it
    found[0, 1] = 1.0  # one alone
    found[:, 2] = 0.24  # all of them nearly
    found[:, 3] = np.nan  # never occurs
    found[2:, 4] = 1.0
    assert seen_by_two(found, many) == ("c0", "c4")


def test_restricting_leaves_only_these_classes_and_renumbers_them(
    make_items: Callable[..., Items],
) -> None:
    items = replace(make_items(9, 1), classes=CLASSES, labels=np.arange(9, dtype=np.int64) % 3)
    part = restricted(items, ("walk", "fall"))
    assert part.classes == ("walk", "fall")
    assert part.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert part.names == tuple(items.names[i] for i in (0, 2, 3, 5, 6, 8))


class Fixed:
    """Says what it is told to say."""

    def __init__(self, experts: np.ndarray) -> None:
        self.experts = experts.astype(np.float32)

    def predict(self, items: Items) -> Prediction:
        return Prediction(self.experts[:, 0], None, self.experts)


def test_recall_is_by_modality_and_class_and_the_absent_find_nothing(
    make_items: Callable[..., Items],
) -> None:
    held = replace(make_items(4, 2), labels=np.array([0, 0, 1, 1]))
    said = np.zeros((4, 2, 2))
    said[:, 0] = (0.9, 0.1)  # the first always says class 0
    said[:3, 1] = np.eye(2)[[0, 1, 1]]  # the second is wrong once, and absent once
    found = recalls(make_items(4, 1), held, lambda train, gates, seed: lambda gate: Fixed(said))
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_which_classes_are_asked_does_not_depend_on_test_clips(
    make_items: Callable[..., Items], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "ACTIONS", CLASSES)
    monkeypatch.setattr(rooms, "MODALITIES", (Modality.RGB, Modality.AUDIO))
    looked_at: list[Items] = []

    def train(items: Items, gates: object, seed: int) -> Callable[[str], Fixed]:
        looked_at.append(items)
        found = np.zeros((10, 2, 3))
        found[:, 0] = np.eye(3)[np.arange(20, 30) % 3]  # both see all three
        found[:, 1] = found[:, 0]
        return lambda gate: Fixed(found)

    monkeypatch.setattr(rooms, "train_shared", train)

    def items(count: int, held: int, offset: int, prefix: str) -> Items:
        made = replace(
            make_items(count, 1, prefix), classes=CLASSES, labels=(np.arange(count) + offset) % 3
        )
        return replace(made, tags=("",) * (count - held) + (HELD,) * held)

    asked = []
    for offset in (0, 1):  # other test labels
        fold = Fold(items(30, 10, 0, "train"), items(12, 0, offset, "test"))
        asked.append(rooms.two_senses(fold, Rooms((), (), (), (), {}, ())))
    assert asked[0].folds[0].test.classes == asked[1].folds[0].test.classes == CLASSES
    assert all(set(i.groups).isdisjoint(asked[0].folds[0].test.groups) for i in looked_at)
    assert "test" not in inspect.signature(senses.recalls).parameters
