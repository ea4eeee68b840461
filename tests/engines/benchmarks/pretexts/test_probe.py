from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the probe needs torch")

from edge.vocabulary import ACTIONS
from engines.benchmarks.items import Items
from engines.benchmarks.pretexts.linear import Labelled, fitted, mean_recall, probed, tenth
from engines.benchmarks.pretexts.probe import (
    KINDS,
    ProbeRow,
    ProbeSettings,
    baselines_of,
    cached_rows,
    labelled_tenth,
    probe_rows,
    verdicts,
)
from engines.benchmarks.pretexts.trunk import PretextSettings, Unlabelled

Many = Callable[..., Items]


def test_a_probe_finds_what_is_linear_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    told = rng.normal(size=(150, 40)).astype(np.float32)
    told[np.arange(150), labels] += 4
    noise = rng.normal(size=(150, 40)).astype(np.float32)
    groups = tuple(f"g{i // 6}" for i in range(150))
    for features, low, high in ((told, 0.9, 1.0), (noise, 0.1, 0.6)):
        train = Labelled(features[:90], labels[:90], groups[:90], 3)
        scores = probed(train, features[90:], 0)
        assert scores.sum(axis=1) == pytest.approx(1, abs=1e-4)
        assert low <= mean_recall(labels[90:], scores.argmax(axis=1)) <= high


def test_more_features_than_items_change_nothing_but_the_cost() -> None:
    """Features that are zero everywhere widen the problem beyond the number of items."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    narrow = rng.normal(size=(30, 20)).astype(np.float32)
    wide = np.concatenate([narrow, np.zeros((30, 40), np.float32)], axis=1)
    groups = tuple(f"g{i}" for i in range(30))
    scores = [
        fitted(Labelled(features[:24], labels[:24], groups[:24], 3), features[24:], penalty)
        for features, penalty in ((narrow, 0.01), (wide, 0.01))
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_a_tenth_holds_every_class_and_prefers_other_persons() -> None:
    tags = [["walk", "fall"][i % 2] for i in range(60)]
    groups = [f"p{(i // 2) % 3}" for i in range(60)]
    chosen = tenth(tags, groups, 0.1, 1)
    assert len(chosen) == 6
    for tag in ("walk", "fall"):
        own = [groups[i] for i in chosen if tags[i] == tag]
        assert sorted(own) == ["p0", "p1", "p2"]


def test_all_windows_of_a_chosen_clip_are_labelled(items: Many) -> None:
    windows = items(40)
    windows = replace(windows, names=tuple(f"clip{i // 2}" for i in range(40)))
    part = labelled_tenth(windows, 0.1, 0)
    assert len(part) == 4
    assert len(set(part.names)) == 2


def test_the_probe_covers_every_kind_and_input_and_is_kept(items: Many, tmp_path: Path) -> None:
    plain = items(12)
    labels = np.arange(12) % 2
    windows = replace(plain, classes=ACTIONS, labels=labels)
    asked = replace(plain, classes=("a", "b"), labels=labels)
    how = ProbeSettings(share=1.0, seeds=1, pretext=PretextSettings(steps=1, batch=6))
    made: list[int] = []

    def make() -> tuple[ProbeRow, ...]:
        made.append(1)
        return probe_rows(Unlabelled(plain, asked, asked), windows, windows, how, _silent)

    rows = cached_rows(tmp_path, ("key",), make)
    again = cached_rows(tmp_path, ("key",), make)
    assert made == [1]
    expected = {(k, s) for k in KINDS for s in ("rgb", "flow", "depth", "audio", "all")}
    assert {(r.kind, r.source) for r in rows} == expected | {
        ("random", "gated"),
        ("pretext", "gated"),
    }
    for row, kept in zip(rows, again, strict=True):
        assert row.name == kept.name
        assert np.array_equal(row.scores, kept.scores)
        assert row.scores[0].shape == (12, len(ACTIONS))
    assert len(baselines_of(rows)) == len(rows)
    assert len(verdicts(rows, windows)) == 6


def test_a_difference_is_paired(items: Many) -> None:
    windows = replace(items(20), classes=("a", "b"), labels=np.arange(20) % 2)
    right = np.eye(2, dtype=np.float32)[windows.labels]
    wrong = right[:, ::-1].copy()
    rows = [ProbeRow("frozen", "rgb", (wrong,)), ProbeRow("random", "rgb", (wrong,)),
            ProbeRow("pretext", "rgb", (right,))]  # fmt: skip
    (line,) = verdicts(rows, windows)
    assert "pretext - frozen +100.0 points [+100.0, +100.0]" in line


def _silent(task: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
