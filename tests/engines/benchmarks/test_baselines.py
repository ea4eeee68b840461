from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.baselines import (
    by_number,
    is_present,
    known_key,
    majority,
    others_of_group,
    prior,
)
from engines.benchmarks.items import Fold, Items

MakeItems = Callable[..., Items]


def with_labels(items: Items, labels: list[int]) -> Items:
    return replace(items, labels=np.array(labels, np.int64))


def test_the_majority_is_that_of_the_training_side(make_items: MakeItems) -> None:
    train = with_labels(make_items(4, 0), [1, 1, 1, 0])
    test = with_labels(make_items(2, 1), [0, 0])
    assert majority(Fold(train, test)).scores.tolist() == [[0.25, 0.75]] * 2
    assert prior(train).tolist() == [0.25, 0.75]


def test_presence_of_sound_gives_away_what_it_gives_away(make_items: MakeItems) -> None:
    items = make_items(8, 0)
    train = items.without(Modality.AUDIO, items.labels == 0)
    test = items.pick([0, 1]).without(Modality.AUDIO, np.array([False, True]))
    assert is_present(Modality.AUDIO)(Fold(train, test)).scores.tolist() == [[0, 1], [1, 0]]


def test_a_key_that_was_never_seen_gets_the_prior(make_items: MakeItems) -> None:
    train = with_labels(make_items(4, 0), [1, 1, 0, 1])
    test = make_items(2, 1)
    keys = {id(train): ["a", "a", "b", "b"], id(test): ["a", "c"]}
    fold = Fold(train, test)
    found = known_key(lambda items: keys[id(items)])(fold).scores
    assert found.tolist() == [[0, 1], [0.25, 0.75]]


def test_a_group_is_known_by_its_other_items_alone(make_items: MakeItems) -> None:
    fold = Fold(
        with_labels(make_items(4, 0), [0, 0, 0, 1]),
        replace(
            with_labels(make_items(6, 1), [1, 1, 1, 0, 1, 0]),
            groups=("a", "a", "a", "b", "b", "alone"),
        ),
    )
    found = others_of_group()(fold).scores
    assert found.argmax(axis=1).tolist() == [1, 1, 1, 1, 0, 0]
    assert found[5].tolist() == [0.75, 0.25]


def test_a_tie_among_the_others_says_nothing(make_items: MakeItems) -> None:
    test = replace(with_labels(make_items(3, 1), [0, 1, 1]), groups=("a", "a", "a"))
    found = others_of_group()(Fold(with_labels(make_items(4, 0), [0, 0, 0, 1]), test)).scores
    assert found.tolist() == [[0, 1], [0.75, 0.25], [0.75, 0.25]]


def test_a_number_that_tells_the_class_is_found_out(make_items: MakeItems) -> None:
    train, test = make_items(16, 0, "a"), make_items(16, 1, "b")
    lengths = {
        name: 2.0 + label
        for items in (train, test)
        for name, label in zip(items.names, items.labels.tolist(), strict=True)
    }
    found = by_number(lengths)(Fold(train, test)).scores
    assert found.argmax(axis=1).tolist() == test.labels.tolist()
    constant = by_number(dict.fromkeys(lengths, 2.0))(Fold(train, test)).scores
    assert constant == pytest.approx(np.full((16, 2), 0.5))
