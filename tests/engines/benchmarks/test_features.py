from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import MediaError
from edge.sources.recording import RecordingWriter
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.features import (
    Encoded,
    decision_windows,
    encode_rows,
    items_of,
    last_window,
    thinned,
    whole_clip,
)
from engines.benchmarks.items import Workbench
from engines.training.datasets import ClipInputs, Part
from engines.training.manifest import Row

RGB, AUDIO = MODALITIES.index(Modality.RGB), MODALITIES.index(Modality.AUDIO)


def encoded_clip(frames: int = 30, missing: tuple[int, ...] = (), sound: bool = True) -> Encoded:
    """Frame i has feature i + 1; there is sound at every tick or not at all."""
    frames_ns = np.arange(frames) * 2_000_000_000 // 15
    ticks_ns = np.arange(1, frames * 2 // 7 + 1) * 500_000_000
    places = np.array([i for i in range(frames) if i not in missing])
    parts = {Modality.RGB: Part(np.zeros(0), places, np.full((len(places), 2), 0.5, np.float32))}
    features = {Modality.RGB: numbered(places + 1)}
    if sound:
        heard = np.arange(len(ticks_ns))
        parts[Modality.AUDIO] = Part(np.zeros(0), heard, np.ones((len(heard), 2), np.float32))
        features[Modality.AUDIO] = numbered(heard + 1)
    inputs = ClipInputs(frames_ns, ticks_ns, ticks_ns >= 1_000_000_000, parts)
    row = Row(Path("c"), "c", "made", "rgb", "fight", "g")
    return Encoded(row, "made|g", inputs, features)


def numbered(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, None], FEATURE_DIM, axis=1).astype(np.float16)


def test_a_short_clip_stands_at_the_newest_steps() -> None:
    piece = whole_clip(encoded_clip(frames=4, missing=(1,)))[0]
    assert piece.valid[RGB].tolist() == [False] * 11 + [True, False, True, True]
    assert piece.features[RGB, -4:, 0].tolist() == [1, 0, 3, 4]
    assert piece.quality[RGB].tolist() == [0.5, 0.5, 0.75]


def test_a_long_clip_is_thinned_evenly_from_its_first_frame_to_its_last() -> None:
    piece = whole_clip(encoded_clip(frames=43))[0]
    assert piece.features[RGB, :, 0].tolist() == list(range(1, 44, 3))
    assert whole_clip(encoded_clip(frames=43), steps=50)[0].valid[RGB].sum() == 43
    assert thinned(5, 9) == [0, 1, 2, 3, 4]
    assert thinned(100, 3) == [0, 50, 99]


def test_a_clip_without_anything_gives_no_item() -> None:
    assert whole_clip(encoded_clip(frames=2, missing=(0, 1), sound=False)) == []


def test_windows_end_at_the_ticks_and_hold_the_last_two_seconds() -> None:
    clip = encoded_clip(frames=30)
    windows = decision_windows(clip)
    assert [piece.t_s for piece in windows] == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert windows[0].valid[RGB].sum() == 8
    assert windows[2].valid[RGB].all()
    assert windows[2].features[RGB, :, 0].tolist() == list(range(2, 17))
    assert [piece.t_s for piece in last_window(clip)] == [4.0]
    assert clip.seconds == 4.0


def test_items_keep_the_modalities_asked_for_and_the_labels_given() -> None:
    silent, both = encoded_clip(sound=False), encoded_clip()
    pieces = [*whole_clip(silent), *whole_clip(both)]
    items = items_of(pieces, ("calm", "fight"), [Modality.AUDIO], lambda p: p.clip.row.label)
    assert len(items) == 1  # nothing of the silent clip is left
    assert items.features.shape == (1, 1, VIDEO_STEPS, FEATURE_DIM)
    assert items.labels.tolist() == [1]
    assert items.groups == ("made|g",)
    two = items_of(
        pieces, ("fight",), [Modality.RGB, Modality.AUDIO], lambda p: "fight", lambda p: "x"
    )
    assert two.tags == ("x", "x")
    assert two.valid[:, 1].any(axis=1).tolist() == [False, True]
    assert len(items_of(pieces, ("fight",), [Modality.RGB], lambda p: None)) == 0
    with pytest.raises(ValueError, match="dance"):
        items_of(pieces, ("fight",), [Modality.RGB], lambda p: "dance")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two seconds of a noisy picture."""
    path, rng = tmp_path / "a.mcap", np.random.default_rng(0)
    with RecordingWriter(path, depth_hfov_deg=87.0) as writer:
        for index in range(30):
            picture = rng.integers(60, 200, (60, 80, 3)).astype(np.uint8)
            writer.rgb(5_000_000_000 + index * 1_000_000_000 // 15, picture)
    return path


def test_clips_are_decoded_and_encoded_once(tmp_path: Path, recording: Path) -> None:
    pytest.importorskip("openvino", reason="needs openvino")
    rows = [
        Row(recording, "a.mcap", "rooms", "", "walk", "body1|seed1"),
        Row(tmp_path / "none.mcap", "none.mcap", "rooms", "", "walk", "body2|seed2"),
    ]
    told: list[str] = []
    bench = Workbench("", str(tmp_path / "work"), None, 1)
    found = encode_rows(rows, bench, lambda task, done, total: told.append(task))
    assert [clip.row.name for clip in found.clips] == ["a.mcap"]
    assert len(found.problems) == 1
    assert found.clips[0].features[Modality.RGB].shape == (15, FEATURE_DIM)
    assert told == ["decode", "decode", "encode"]
    told.clear()
    encode_rows(rows[:1], bench, lambda task, done, total: told.append(task))
    assert told == []
    with pytest.raises(MediaError, match="none of 1 clips"):
        encode_rows(rows[1:], bench, lambda task, done, total: None)


def test_what_decodes_is_named_by_what_it_does() -> None:
    from engines.benchmarks.code import DECODING, code_digest, meaning

    assert meaning("x = 1  # one\n") == meaning("x = 1")
    assert meaning('def f():\n    "Doc."\n') == meaning('def f():\n    "Other."\n')
    assert meaning("x = 1") != meaning("x = 2")
    assert code_digest(DECODING) == code_digest(DECODING) != code_digest(DECODING[1:])
