from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.sound_clock import JUMP_NS, SoundClock

MS = 1_000_000
CHUNK, CHUNK_NS = 320, 20 * MS


@given(st.integers(1, 2_000), st.integers(0, 10**15))
def test_stamps_without_jitter_are_kept_exactly(count: int, start_ns: int) -> None:
    clock = SoundClock()
    stamps = [start_ns + index * CHUNK_NS for index in range(count)]
    assert [clock.place(stamp, CHUNK) for stamp in stamps] == stamps


@given(st.lists(st.integers(-20 * MS, 20 * MS), min_size=300, max_size=300))
def test_jitter_of_stamps_leaves_no_gap_in_the_sound(jitter: list[int]) -> None:
    clock = SoundClock()
    placed = [clock.place(index * CHUNK_NS + off, CHUNK) for index, off in enumerate(jitter)]
    gaps = np.diff(placed) - CHUNK_NS
    assert np.abs(gaps).max() <= 1.3 * MS


def test_a_drifting_card_is_followed() -> None:
    clock = SoundClock()
    drift = 1 + 300e-6
    for index in range(100_000):  # 33 minutes, in which the card loses 0.6 s
        stamp = round(index * CHUNK_NS * drift)
        assert abs(clock.place(stamp, CHUNK) - stamp) < MS


def test_a_gap_is_a_gap() -> None:
    clock = SoundClock()
    assert clock.place(0, CHUNK) == 0
    later = CHUNK_NS + JUMP_NS + 1
    assert clock.place(later, CHUNK) == later
    assert clock.place(later + CHUNK_NS, CHUNK) == later + CHUNK_NS
