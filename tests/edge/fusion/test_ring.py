"""The feature ring on the CPU simulator, through real PyCUDA."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.fusion import kernel
from edge.fusion.kernel import to_half
from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES, Modality

M = len(MODALITIES)


def keep(features: np.ndarray) -> np.ndarray:
    """Runs in the simulator's process: what the ring holds of some features of depth."""
    from simulator import compile_kernel

    from edge.device import open_device
    from edge.fusion.ring import FeatureRing

    with open_device() as device:
        ring = FeatureRing(device, device.module(compile_kernel(kernel.source(), ())), 5)
        stream, given = device.stream(), device.upload(features)
        for _ in range(2):  # the second time they wrap
            tickets = ring.put(Modality.DEPTH, given, len(features), stream)
        shape = (1, M, len(features))
        rows = ring.rows(np.broadcast_to(tickets, shape), np.ones(shape, np.bool_))
        assert (rows[0, [0, 1, 3]] == kernel.ROW_MISSING).all()  # nobody has written those
        stream.synchronize()
        return device.download(ring.memory)[rows[0, MODALITIES.index(Modality.DEPTH)]]


def test_the_ring_rounds_keeps_what_is_too_large_finite_and_shows_what_is_no_number(
    simulator: Any,
) -> None:
    features = np.random.default_rng(0).standard_normal((3, FEATURE_DIM)).astype(np.float32)
    features[0, :3] = 1e6, -1e6, np.nan
    wanted = to_half(features)
    np.testing.assert_array_equal(simulator.run(keep, features), wanted)
    assert wanted[0, :2].tolist() == [65504, -65504]
    assert np.isnan(wanted[0, 2])


def rows_of_six() -> list[int]:
    """Runs in the simulator's process: rows of the tickets 0 ... 6 after six features of RGB."""
    from simulator import compile_kernel

    from edge.device import open_device
    from edge.fusion.ring import FeatureRing

    with open_device() as device:
        ring = FeatureRing(device, device.module(compile_kernel(kernel.source(), ())), 5)
        stream, given = device.stream(), device.upload(np.zeros((3, FEATURE_DIM), np.float32))
        for _ in range(2):
            ring.put(Modality.RGB, given, 3, stream)
        shape = (1, M, 7)
        rows = ring.rows(np.broadcast_to(np.arange(7), shape), np.ones(shape, np.bool_))
        return [int(row) for row in rows[0, MODALITIES.index(Modality.RGB)]]


def test_a_ticket_is_good_from_writing_until_its_row_is_written_again(simulator: Any) -> None:
    assert simulator.run(rows_of_six) == [kernel.ROW_MISSING, 1, 2, 3, 4, 0, kernel.ROW_MISSING]
