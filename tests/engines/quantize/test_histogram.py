"""Running histograms: exact, whatever the order, and nothing else is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engines.quantize.histogram import (
    BINS,
    EMPTY,
    Histogram,
    read_histograms,
    write_histograms,
)

VALUES = arrays(np.float32, st.integers(0, 30), elements=st.floats(-(2.0**66), 2.0**66, width=32))


def same(a: Histogram, b: Histogram) -> bool:
    return a.top == b.top and a.largest == b.largest and bool(np.array_equal(a.counts, b.counts))


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_the_order_of_batches_does_not_matter(batches: list[np.ndarray]) -> None:
    forwards, backwards = EMPTY, EMPTY
    for batch in batches:
        forwards = forwards.add(batch)
    for batch in batches[::-1]:
        backwards = backwards.add(batch)
    assert same(forwards, backwards)
    assert forwards.counts.sum() == sum(map(len, batches))


@settings(deadline=None)
@given(VALUES)
def test_every_magnitude_is_in_its_bin(values: np.ndarray) -> None:
    seen = EMPTY.add(values)
    bins = np.floor(np.abs(values.astype(np.float64)) * (BINS / seen.top)).astype(int)
    np.testing.assert_array_equal(seen.counts, np.bincount(bins, minlength=BINS))
    assert seen.largest == np.abs(values).max(initial=0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_is_not_counted(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        EMPTY.add(np.array([1.0, bad], np.float32))


def test_counts_of_an_interrupted_run_are_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "work" / "rgb.npz"
    seen = {"/b": EMPTY.add(np.array([0.5, -3], np.float32)), "/a": EMPTY}
    write_histograms(path, seen, "digest", 12.5)
    found, seconds = read_histograms(path, "digest")
    assert seconds == 12.5
    assert found.keys() == seen.keys()
    assert all(same(found[name], seen[name]) for name in seen)
    assert [file.name for file in path.parent.iterdir()] == ["rgb.npz"]


def test_counts_of_another_model_or_a_damaged_file_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "rgb.npz"
    assert read_histograms(path, "digest") == ({}, 0.0)
    write_histograms(path, {"/a": EMPTY}, "another", 1.0)
    assert read_histograms(path, "digest") == ({}, 0.0)
    path.write_bytes(path.read_bytes()[:100])
    assert read_histograms(path, "another") == ({}, 0.0)
