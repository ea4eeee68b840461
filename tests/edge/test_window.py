from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.settings import WindowSettings
from edge.values import PATCH_SAMPLES, Reason, Sample, Step, Stream, Tick
from edge.window import GridSynchroniser

S = 1_000_000_000
START = 77 * S


def rgb(t: float, value: int = 0) -> Sample:
    return Sample(Stream.RGB, START + round(t * S), np.full((4, 6, 3), value % 256, np.uint8))


def depth(t: float) -> Sample:
    return Sample(Stream.DEPTH, START + round(t * S), np.full((3, 4), 1_000, np.uint16))


def sound(t: float, seconds: float = 0.05, value: int = 16_384) -> Sample:
    data = np.full(round(seconds * 16_000), value, np.int16)
    return Sample(Stream.AUDIO, START + round(t * S), data)


def film(seconds: float, rate: float = 30) -> list[Sample]:
    return [rgb(k / rate, k) for k in range(round(seconds * rate))]


def noise(seconds: float, chunk: float = 0.05) -> list[Sample]:
    return [sound(k * chunk, chunk, k + 1) for k in range(round(seconds / chunk))]


def run(
    samples: Iterable[Sample],
    streams: frozenset[Stream] = frozenset({Stream.RGB}),
    max_wait_ms: float = 250,
) -> tuple[list[Step], list[Tick], GridSynchroniser]:
    sync = GridSynchroniser(streams, WindowSettings(max_wait_ms=max_wait_ms))
    output = [out for sample in samples for out in sync.push(sample)] + sync.flush()
    times = [(out.t_ns, isinstance(out, Tick)) for out in output]
    assert times == sorted(times)
    steps = [out for out in output if isinstance(out, Step)]
    return steps, [out for out in output if isinstance(out, Tick)], sync


def decisions(ticks: list[Tick]) -> list[float]:
    return [round((tick.t_ns - START) / S, 3) for tick in ticks if tick.decides]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (2.0, [1.0, 1.5, 2.0]),
        (0.5, [0.5]),
        (1.2, [1.0, 1.2]),
        (1.0, [1.0]),
        (2.6, [1.0, 1.5, 2.0, 2.5, 2.6]),
    ],
)
def test_decisions_fall_every_half_second_from_one_second_and_at_the_end(
    seconds: float, expected: list[float]
) -> None:
    _, ticks, _ = run(film(seconds))
    assert decisions(ticks) == expected
    _, ticks, _ = run(noise(seconds), frozenset({Stream.AUDIO}))
    assert decisions(ticks) == expected


def test_a_single_picture_gives_one_step_and_one_decision() -> None:
    steps, ticks, _ = run([rgb(0)])
    assert len(steps) == 1
    assert steps[0].rgb is not None
    assert [tick.decides for tick in ticks] == [True]


def test_the_first_tick_of_a_longer_file_only_encodes() -> None:
    _, ticks, _ = run(film(2))
    assert [tick.decides for tick in ticks] == [False, True, True, True]


def test_nothing_in_gives_nothing_out() -> None:
    assert run([])[:2] == ([], [])


def test_grid_points_do_not_drift() -> None:
    steps, _, _ = run(film(20, 15))
    assert [step.index for step in steps] == list(range(300))
    assert all(step.t_ns == START + step.index * S // 15 for step in steps)


def test_a_step_shows_the_newest_picture_at_or_before_it() -> None:
    steps, _, _ = run(film(2, 30))
    shown = [int(step.rgb[0, 0, 0]) for step in steps if step.rgb is not None]
    assert shown == [2 * k for k in range(30)]


def test_time_stamps_rounded_to_a_millisecond_do_not_shift_pictures() -> None:
    rounded = [rgb(round(k / 15, 3), k) for k in range(30)]
    steps, _, _ = run(rounded)
    assert [int(step.rgb[0, 0, 0]) for step in steps if step.rgb is not None] == list(range(30))


def test_an_old_picture_counts_as_stale_and_an_unoffered_stream_as_absent() -> None:
    steps, ticks, _ = run([rgb(0), rgb(0.5)])
    assert [step.rgb is not None for step in steps] == [True, True, *[False] * 6, True]
    assert steps[3].missing == {Stream.RGB: Reason.STALE, Stream.DEPTH: Reason.ABSENT}
    assert steps[0].missing == {Stream.DEPTH: Reason.ABSENT}
    assert ticks[-1].missing == {Stream.AUDIO: Reason.ABSENT}


def test_a_camera_that_starts_after_the_microphone_is_missing_at_first() -> None:
    both = sorted([*noise(1), *(rgb(0.02 + k / 15) for k in range(14))], key=lambda s: s.t_ns)
    steps, _, _ = run(both, frozenset({Stream.RGB, Stream.AUDIO}))
    assert steps[0].t_ns == START
    assert [step.rgb is None for step in steps] == [True] + [False] * 14


def test_the_patch_ends_at_the_tick_and_is_padded_at_the_start() -> None:
    _, ticks, _ = run(noise(2), frozenset({Stream.AUDIO}))
    first, second = ticks[0].audio, ticks[1].audio
    assert first is not None
    assert second is not None
    assert first.dtype == np.float32
    assert not first[: PATCH_SAMPLES - 8_000].any()
    assert first[PATCH_SAMPLES - 8_000] == np.float32(1 / 32_768)
    assert first[-1] == np.float32(10 / 32_768)
    assert second[-1] == np.float32(20 / 32_768)
    assert np.count_nonzero(second == 0) == 0


def test_a_small_gap_is_silence_and_a_long_one_is_stale() -> None:
    chunks = [chunk for chunk in noise(3) if not 0.6 < (chunk.t_ns - START) / S < 0.9]
    _, ticks, _ = run(chunks, frozenset({Stream.AUDIO}))
    patch = ticks[1].audio
    assert patch is not None
    silent = np.count_nonzero(patch == 0)
    assert silent == 0.25 * 16_000
    steps_and_sound = sorted([*film(3), *noise(0.5)], key=lambda s: s.t_ns)
    _, ticks, _ = run(steps_and_sound, frozenset({Stream.RGB, Stream.AUDIO}))
    assert [tick.audio is None for tick in ticks] == [False, True, True, True, True, True]
    assert ticks[1].missing == {Stream.AUDIO: Reason.STALE}


def test_chunk_times_that_jitter_do_not_tear_the_sound() -> None:
    shaken = [
        Sample(chunk.stream, chunk.t_ns + (k % 3) * 2_000_000, chunk.data)
        for k, chunk in enumerate(noise(1))
    ]
    _, ticks, _ = run(shaken, frozenset({Stream.AUDIO}))
    patch = ticks[-1].audio
    assert patch is not None
    assert np.count_nonzero(patch == 0) == 0


def test_a_stream_that_lags_is_not_waited_for_and_its_late_samples_are_counted() -> None:
    streams = frozenset({Stream.RGB, Stream.DEPTH})
    sync = GridSynchroniser(streams, WindowSettings(max_wait_ms=250))
    output = sync.push(depth(0))
    for picture in film(1):
        output += sync.push(picture)
    steps = [out for out in output if isinstance(out, Step)]
    assert steps[-1].t_ns <= START + round((29 / 30 - 0.25) * S) < steps[-1].t_ns + S // 15
    assert steps[-1].missing == {Stream.DEPTH: Reason.STALE}
    assert sync.push(depth(0.3)) == []
    assert sync.dropped == {Stream.DEPTH: 1}


def test_repeated_and_backward_samples_are_dropped_and_counted() -> None:
    clean = film(2)
    dirty = [*clean[:20], clean[19], clean[5], *clean[20:]]
    steps, ticks, sync = run(dirty)
    expected_steps, expected_ticks, _ = run(clean)
    assert same(steps, expected_steps)
    assert same(ticks, expected_ticks)
    assert sync.dropped == {Stream.RGB: 2}


def test_one_wild_time_stamp_is_dropped() -> None:
    clean = film(2)
    steps, _, sync = run([*clean[:20], rgb(1_000), *clean[20:]])
    assert same(steps, run(clean)[0])
    assert sync.dropped == {Stream.RGB: 1}


def test_after_a_long_jump_the_window_is_emptied_and_time_goes_on() -> None:
    jumped = [*film(1), *(rgb(3_600 + k / 30) for k in range(30))]
    steps, ticks, sync = run(jumped)
    assert len(steps) + len(ticks) < 100
    gap = [step for step in steps if START + 2 * S < step.t_ns < START + 3_600 * S]
    assert len(gap) >= 29
    assert all(step.rgb is None for step in gap)
    assert steps[-1].rgb is not None
    assert all(step.t_ns == START + step.index * S // 15 for step in steps)
    assert sync.dropped == {Stream.RGB: 1}


def test_a_sample_of_an_unknown_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="depth"):
        GridSynchroniser(frozenset({Stream.RGB}), WindowSettings()).push(depth(0))


@settings(deadline=None)
@given(
    lengths=st.tuples(*[st.floats(0.05, 3)] * 3),
    starts=st.tuples(*[st.floats(0, 0.2)] * 3),
    order=st.randoms(use_true_random=False),
)
def test_interleaving_does_not_change_the_output(
    lengths: tuple[float, float, float], starts: tuple[float, float, float], order: object
) -> None:
    queues = [
        [rgb(starts[0] + k / 30, k) for k in range(max(1, round(lengths[0] * 30)))],
        [depth(starts[1] + k / 15) for k in range(max(1, round(lengths[1] * 15)))],
        [sound(starts[2] + k * 0.05) for k in range(max(1, round(lengths[2] * 20)))],
    ]
    in_order = sorted([s for queue in queues for s in queue], key=lambda s: s.t_ns)
    shuffled = []
    while any(queues):
        queue = order.choice([queue for queue in queues if queue])  # type: ignore[attr-defined]
        shuffled.append(queue.pop(0))
    one = run(in_order, frozenset(Stream), max_wait_ms=5_000)
    other = run(shuffled, frozenset(Stream), max_wait_ms=5_000)
    assert same(one[0], other[0])
    assert same(one[1], other[1])
    assert not other[2].dropped


@settings(deadline=None)
@given(frames=st.integers(1, 120), rate=st.sampled_from([7.5, 15.0, 25.0, 29.97, 30.0]))
def test_the_number_of_decisions_follows_from_the_length(frames: int, rate: float) -> None:
    _, ticks, _ = run([rgb(k / rate) for k in range(frames)])
    end = (frames - 1) / rate + (1 / 15 if frames == 1 else min(1 / 15, 1 / rate))
    regular = [0.5 * j for j in range(2, 40) if 0.5 * j < end - 0.001]
    assert decisions(ticks)[: len(regular)] == regular
    assert len(decisions(ticks)) == len(regular) + 1
    assert abs((ticks[-1].t_ns - START) / S - end) <= 0.001


def same(one: list[Step] | list[Tick], other: list[Step] | list[Tick]) -> bool:
    return [describe(out) for out in one] == [describe(out) for out in other]


def describe(out: Step | Tick) -> tuple[object, ...]:
    if isinstance(out, Tick):
        return (out.t_ns, out.origin_ns, content(out.audio), dict(out.missing), out.decides)
    return (out.index, out.t_ns, content(out.rgb), content(out.depth_mm), dict(out.missing))


def content(array: np.ndarray | None) -> bytes | None:
    return None if array is None else array.tobytes()


def test_a_step_knows_the_field_of_view_of_the_depth_it_shows() -> None:
    streams = frozenset({Stream.RGB, Stream.DEPTH})
    known = [replace(depth(k / 15), depth_hfov_deg=74.0) for k in range(8)]
    unknown = [depth(k / 15) for k in range(8, 15)]
    steps, _, _ = run([*film(2.0), *known, *unknown], streams, max_wait_ms=5_000)
    assert {s.depth_hfov_deg for s in steps[:8]} == {74.0}
    assert {s.depth_hfov_deg for s in steps[8:15]} == {None}
    assert steps[-1].depth_mm is None
    assert steps[-1].depth_hfov_deg is None
