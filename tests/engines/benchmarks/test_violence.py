from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.errors import MissingFileError
from edge.values import FEATURE_DIM
from edge.vocabulary import Modality
from engines.benchmarks import violence
from engines.benchmarks.features import Encoded, EncodedSet
from engines.benchmarks.items import Question, Workbench
from engines.benchmarks.splits import read_splits
from engines.training.datasets import ClipInputs, Part
from engines.training.manifest import Row
from engines.training.split import group_of

HEAD = "path,dataset,modalities,label,group\n"


def encoded(row: Row) -> Encoded:
    """Pictures in every clip, sound in the fights alone."""
    frames, ticks = np.arange(15) * 2_000_000_000 // 15, np.array([500_000_000, 1_000_000_000])
    there = {Modality.RGB: 15, Modality.FLOW: 15}
    if row.label == "fight":
        there[Modality.AUDIO] = 2
    parts = {
        m: Part(np.zeros(0), np.arange(n), np.ones((n, 2), np.float32)) for m, n in there.items()
    }
    features = {m: np.ones((n, FEATURE_DIM), np.float16) for m, n in there.items()}
    inputs = ClipInputs(frames, ticks, np.array([False, True]), parts)
    return Encoded(row, group_of(row), inputs, features)


def encode_rows(
    rows: Sequence[Row], bench: Workbench, progress: Callable[[str, int, int], None]
) -> EncodedSet:
    return EncodedSet(tuple(encoded(row) for row in rows), ("one.mp4: damaged",))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips of every source video that the split names, a fight and a calm one."""
    monkeypatch.setattr(violence, "encode_rows", encode_rows)
    split = read_splits()["surv_fight"]
    videos = [group.partition("|")[2] for group in sorted(split.train | split.test)]
    lines = [
        f"{label}/{i}.mp4,surv_fight,rgb+audio?,{label},{video}"
        for i, video in enumerate(videos)
        for label in violence.CLASSES
    ]
    (tmp_path / "manifest.csv").write_text(HEAD + "\n".join(lines) + "\n")
    return tmp_path


def questions(data: Path, manifest: Path | None = None) -> list[Question]:
    named = None if manifest is None else str(manifest)
    bench = Workbench(str(data), "", None, 1, named)
    return list(violence.SUITE.questions(bench, lambda task, done, total: None))


def test_source_videos_are_disjoint_and_all_clips_are_asked_of(data: Path) -> None:
    recorded, dropped = questions(data)
    split = read_splits()["surv_fight"]
    for question in (recorded, dropped):
        fold = question.folds[0]
        assert set(fold.train.groups) == split.train
        assert set(fold.test.groups) == split.test
        assert any("72 %" in note for note in question.notes)
        assert any("1 clips could not be read" in note for note in question.notes)
    assert (recorded.name, dropped.name) == ("as_recorded", "sound_dropped")


def test_sound_gives_a_fight_away_until_it_is_dropped_by_the_name_alone(data: Path) -> None:
    recorded, dropped = questions(data)

    def accuracy(question: Question, baseline: str) -> float:
        fold = question.folds[0]
        said = question.baselines[baseline](fold).scores.argmax(axis=1)
        return float((said == fold.test.labels).mean())

    assert accuracy(recorded, "has sound") == 1
    assert accuracy(dropped, "has sound") < 0.95
    assert set(recorded.baselines) == {"has sound", "clip length", "source video"}
    for side in ("train", "test"):
        before, after = getattr(recorded.folds[0], side), getattr(dropped.folds[0], side)
        deaf = violence.deafened(after)
        assert 0 < deaf.sum() < len(after)
        assert not after.valid[deaf, 2].any()
        assert (after.valid[~deaf] == before.valid[~deaf]).all()


def test_more_clips_are_judged_instead_of_the_committed_ones(data: Path) -> None:
    more = data / "more.csv"
    more.write_text(HEAD + "a.mp4,surv_fight,rgb,fight,new1\nb.mp4,surv_fight,rgb,noFight,new2\n")
    recorded = questions(data, more)[0]
    assert set(recorded.folds[0].test.groups) == {"surv_fight|new1", "surv_fight|new2"}
    assert set(recorded.folds[0].train.groups) == read_splits()["surv_fight"].train
    assert any("2 clips of --manifest" in note for note in recorded.notes)
    more.write_text(HEAD + "a.mp4,urfd,rgb,crouch,P9|x|y\n")
    assert set(questions(data, more)[0].folds[0].test.groups) == read_splits()["surv_fight"].test


def test_without_clips_it_says_where_they_should_be(data: Path) -> None:
    (data / "manifest.csv").write_text(HEAD)
    with pytest.raises(MissingFileError, match="--data"):
        questions(data)
