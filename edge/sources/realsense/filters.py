"""librealsense's own post-processing of depth, in the order its makers recommend."""

from __future__ import annotations

from typing import Any

from edge.realsense_settings import DepthFilterSettings

_HOLES = {"left": 0, "farthest": 1, "nearest": 2}


class DepthFilters:
    """Decimation, spatial and temporal smoothing, hole filling; remembers earlier pictures."""

    def __init__(self, rs: Any, settings: DepthFilterSettings, stereo: bool) -> None:
        """stereo: the camera measures disparity, in which its noise is the same at any distance"""
        self._blocks: list[Any] = []
        option = rs.option
        if settings.decimation > 1:
            self._add(rs.decimation_filter(), {option.filter_magnitude: settings.decimation})
        smooth: list[tuple[Any, dict[Any, float]]] = []
        if settings.spatial:
            values = {
                option.filter_smooth_alpha: settings.spatial_alpha,
                option.filter_smooth_delta: settings.spatial_delta,
            }
            smooth.append((rs.spatial_filter(), values))
        if settings.temporal:
            values = {
                option.filter_smooth_alpha: settings.temporal_alpha,
                option.filter_smooth_delta: settings.temporal_delta,
                option.holes_fill: settings.temporal_persistence,
            }
            smooth.append((rs.temporal_filter(), values))
        if smooth and stereo:
            smooth = [(rs.disparity_transform(True), {}), *smooth]
            smooth.append((rs.disparity_transform(False), {}))
        for block, values in smooth:
            self._add(block, values)
        if settings.hole_filling != "off":
            filling = rs.hole_filling_filter()
            self._add(filling, {option.holes_fill: _HOLES[settings.hole_filling]})

    def process(self, frames: Any) -> Any:
        """A frameset in, one whose depth is filtered out; colour passes as it is."""
        for block in self._blocks:
            frames = block.process(frames).as_frameset()
        return frames

    def _add(self, block: Any, values: dict[Any, float]) -> None:
        for option, value in values.items():
            block.set_option(option, float(value))
        self._blocks.append(block)
