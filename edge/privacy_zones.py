"""Areas of the picture that nobody looks at: blanked as the first thing that happens to a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.privacy_settings import ZoneSettings
from edge.values import Mask, Sample, Stream

MARGIN_PX = 2
"""Blanked around a zone as well: cameras halve the resolution of colour, and depth frays."""


class ZoneMask:
    """One room's zones. Not thread-safe: belongs to the room's source thread.

    Blanked are all pixels that a zone touches and MARGIN_PX around it: RGB becomes black, depth 0
    (no return). The same value in every frame, so that nothing moves there and flow sees nothing.
    """

    def __init__(self, zones: Sequence[ZoneSettings]) -> None:
        self._zones = tuple(zones)
        self._masks: dict[tuple[Stream, int, int], Mask] = {}

    def blank(self, sample: Sample) -> Sample:
        """The sample with its zones blanked; the array given is left as it was."""
        if not any(sample.stream in zone.streams for zone in self._zones):
            return sample
        import cv2

        visible = np.invert(self.mask(sample.stream, *sample.data.shape[:2])).view(np.uint8)
        return replace(sample, data=cv2.bitwise_and(sample.data, sample.data, mask=visible))

    def mask(self, stream: Stream, height: int, width: int) -> Mask:
        """returns: (height, width), True where blanked"""
        key = (stream, height, width)
        if key not in self._masks:
            zones = [zone for zone in self._zones if stream in zone.streams]
            self._masks[key] = _drawn(zones, height, width)
        return self._masks[key]


def _drawn(zones: Sequence[ZoneSettings], height: int, width: int) -> Mask:
    import cv2

    canvas = np.zeros((height, width), np.uint8)
    for zone in zones:
        corners = np.array(zone.polygon) * (width, height) - 0.5  # pixel centres are whole numbers
        cv2.fillPoly(canvas, [_fixed_point(corners)], 1, cv2.LINE_8, _FRACTION_BITS)
    side = 2 * MARGIN_PX + 1
    return np.asarray(cv2.dilate(canvas, np.ones((side, side), np.uint8)) > 0)


_FRACTION_BITS = 4


def _fixed_point(corners: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.rint(corners * (1 << _FRACTION_BITS)), np.int32)
