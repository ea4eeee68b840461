from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.errors import MediaError
from edge.vocabulary import SOUNDS
from engines.training.truth import Interval, Truth, read_truth


def spans(*rows: tuple[str, float, float]) -> Truth:
    return Truth(tuple(Interval(*row) for row in rows), ())


FALL = spans(("walk", 0, 2), ("fall", 2, 3.2), ("on_floor", 3.2, 6))


@pytest.mark.parametrize(
    ("t_s", "action"),
    [(2.0, "walk"), (2.2, "walk"), (2.5, "fall"), (3.5, "fall"), (4.0, "on_floor")],
)
def test_a_fall_wins_as_soon_as_a_third_of_a_second_is_seen(t_s: float, action: str) -> None:
    assert FALL.action_at(t_s) == action


def test_a_brief_action_wins_over_what_surrounds_it() -> None:
    truth = spans(("stand", 0, 2), ("sit_down", 2, 3), ("sit", 3, 6))
    assert [truth.action_at(t) for t in (2.3, 2.5, 3.3, 3.6)] == [
        "stand",
        "sit_down",
        "sit_down",
        "sit",
    ]


def test_nothing_is_said_before_the_first_span() -> None:
    assert spans(("walk", 5, 6)).action_at(2.0) is None


def test_a_sound_is_heard_unknown_or_absent_by_how_much_of_it_is_in_the_window() -> None:
    truth = Truth((), (Interval("speech", 3.0, 5.0), Interval("cough", 0.0, 0.2)))
    speech, cough = SOUNDS.index("speech"), SOUNDS.index("cough")
    assert truth.sounds_at(2.9)[speech] == 0
    assert np.isnan(truth.sounds_at(3.1)[speech])
    assert truth.sounds_at(3.3)[speech] == 1
    assert truth.sounds_at(1.0)[cough] == 1
    assert truth.sounds_at(2.3)[cough] == 0


def test_a_truth_file_is_read_and_strange_words_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.truth.json"
    sounds = [
        {"label": None, "start_s": 0, "end_s": 1},
        {"label": "cough", "start_s": 0, "end_s": 1},
    ]
    span = {"action": "walk", "start_s": 0, "end_s": 4}
    file.write_text(json.dumps({"spans": [span], "sounds": sounds}))
    truth = read_truth(file)
    assert truth.action_at(1) == "walk"
    assert len(truth.sounds) == 1
    file.write_text(json.dumps({"spans": [{**span, "action": "fly"}], "sounds": []}))
    with pytest.raises(MediaError, match="fly"):
        read_truth(file)
    file.write_text("{}")
    with pytest.raises(MediaError, match="ground truth"):
        read_truth(file)
