from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra: train")

from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES
from engines.benchmarks.features import Encoded
from engines.benchmarks.items import Fold
from engines.benchmarks.pretext import SUITE, belonging, can_be_asked, question
from engines.benchmarks.pretexts.tasks import Side, order
from engines.benchmarks.suites import SUITES, load
from engines.training.datasets import VIDEO, ClipInputs, Part
from engines.training.manifest import Row


def clip(name: str, person: str, seed: int) -> Encoded:
    """4 s with everything in it."""
    rng = np.random.default_rng(seed)
    ticks_ns = np.arange(1, 9, dtype=np.int64) * 500_000_000
    frames_ns = np.arange(30, dtype=np.int64) * 2_000_000_000 // 15
    parts, features = {}, {}
    for m in MODALITIES:
        count = 30 if m in VIDEO else 8
        parts[m] = Part(np.zeros(0), np.arange(count), np.full((count, 2), 0.5, np.float32))
        features[m] = rng.normal(size=(count, FEATURE_DIM)).astype(np.float16)
    row = Row(Path(name), name, "rooms", "rgb+depth+audio", "walk", person)
    inputs = ClipInputs(frames_ns, ticks_ns, ticks_ns >= 10**9, parts)
    return Encoded(row, person, inputs, features)


def side(start: int, persons: tuple[str, ...]) -> Side:
    clips = [clip(f"c{start + i}", person, start + i) for i, person in enumerate(persons)]
    return Side({c.row.name: c for c in clips}, {})


def test_a_person_on_both_sides_is_refused() -> None:
    with pytest.raises(ValueError, match="'b' is learned from and judged"):
        question("x", "X", order, side(0, ("a", "b")), side(5, ("b", "c")), ())


def test_what_belongs_together_is_asked_for_every_second_modality() -> None:
    asked = belonging(side(0, ("a", "b", "c")), side(5, ("d", "e")), ("seen",))
    assert [q.name for q in asked] == [
        "audio_of_clip", "audio_of_moment", "depth_of_clip", "depth_of_moment",
        "flow_of_clip", "flow_of_moment",
    ]  # fmt: skip
    for q in asked:
        (fold,) = q.folds
        assert isinstance(fold, Fold)
        assert can_be_asked(q)
        assert not set(fold.train.groups) & set(fold.test.groups)
        assert {fold.train.modalities[1].value} == {q.name.partition("_")[0]}
        assert q.notes[0] == "seen"
        assert any(note.startswith("chance") for note in q.notes)


def test_clips_of_one_person_have_no_strangers_so_that_question_is_left_out() -> None:
    asked = belonging(side(0, ("a", "b", "c")), side(5, ("d", "d")), ())
    kept = [q.name for q in asked if can_be_asked(q)]
    assert kept == ["audio_of_moment", "depth_of_moment", "flow_of_moment"]


def test_the_command_line_knows_the_suite() -> None:
    assert load(SUITES[SUITE.name]) is SUITE
