"""The source type ``realsense``: which camera, which pictures, what light, which filters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from edge.section import Section
from edge.values import Stream


class PictureSettings(Section):
    """A size and rate that the camera offers; see docs/realsense.md."""

    width: int = Field(default=640, ge=16, le=4_096)
    height: int = Field(default=480, ge=16, le=4_096)
    fps: int = Field(default=30, ge=1, le=300)  # the grid takes 15; 30 halves the wait


class DepthFilterSettings(Section):
    """librealsense's post-processing of depth, in the order in which it is applied."""

    decimation: int = Field(default=2, ge=1, le=8)  # of width and height; 1: off
    spatial: bool = True  # smooths surfaces, keeps edges
    spatial_alpha: float = Field(default=0.5, ge=0.25, le=1)  # 1: no smoothing
    spatial_delta: int = Field(default=20, ge=1, le=50)  # a larger step is an edge
    temporal: bool = True  # averages over pictures where nothing moves
    temporal_alpha: float = Field(default=0.4, ge=0, le=1)  # 1: no memory
    temporal_delta: int = Field(default=20, ge=1, le=100)  # a larger change is motion
    temporal_persistence: int = Field(default=3, ge=0, le=8)  # holes shown as before; 0: never
    hole_filling: Literal["off", "left", "farthest", "nearest"] = "off"  # it invents distances


class RealSenseSourceSettings(Section):
    """An Intel RealSense camera; left out, an option is the camera's own choice."""

    type: Literal["realsense"]
    serial: str | None = Field(default=None, min_length=1)  # None: the only one plugged in
    color: PictureSettings | None = PictureSettings()  # null: off
    depth: PictureSettings | None = PictureSettings()
    align: Literal["color", "depth", "none"] = "color"  # whose point of view both pictures get
    emitter: bool = True  # the infrared dots: depth of bare walls, and in the dark
    laser_power_mw: float | None = Field(default=None, ge=0)
    depth_exposure_us: float | None = Field(default=None, gt=0)  # None: automatic
    color_exposure: float | None = Field(default=None, gt=0)  # in the sensor's unit: D435 100 us
    mains_hz: Literal[50, 60] | None = None  # lamps flicker at twice this
    filters: DepthFilterSettings = DepthFilterSettings()

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB and DEPTH, as far as they are on."""
        wanted = {Stream.RGB: self.color, Stream.DEPTH: self.depth}
        return frozenset(stream for stream, picture in wanted.items() if picture is not None)

    @model_validator(mode="after")
    def _something(self) -> RealSenseSourceSettings:
        if self.color is None and self.depth is None:
            raise ValueError("color and depth are both off; leave one on")
        return self
