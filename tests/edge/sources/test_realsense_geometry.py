"""What a camera says of its lenses."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ConfigError, DeviceError
from edge.realsense_settings import PictureSettings, RealSenseSourceSettings
from edge.sources.realsense import library
from edge.sources.realsense.geometry import Geometry, read_geometry
from edge.sources.realsense.synthetic import (
    COLOR_FOCAL,
    DEPTH_FOCAL,
    Look,
    SyntheticBus,
    SyntheticCamera,
)

PICTURE = PictureSettings(width=160, height=120)


@pytest.fixture
def bus() -> SyntheticBus:
    try:
        return SyntheticBus()
    except ConfigError as error:
        pytest.skip(str(error))


def read(bus: SyntheticBus, color: PictureSettings | None = PICTURE) -> Geometry:
    return read_geometry(RealSenseSourceSettings(type="realsense", depth=PICTURE, color=color), bus)


def test_lenses_scale_and_the_way_between_them_are_read_without_a_picture(
    bus: SyntheticBus,
) -> None:
    bus.plug(SyntheticCamera(look=Look(scale_m=0.000_25, baseline_m=0.06)))
    found = read(bus)
    assert found.depth is not None
    assert found.color is not None
    assert (found.depth.width, found.depth.height) == (160, 120)
    assert found.depth.fx == pytest.approx(DEPTH_FOCAL * 160)
    assert found.color.fy == pytest.approx(COLOR_FOCAL * 160)
    assert (found.color.cx, found.color.cy) == (80, 60)
    assert found.depth.model == "brown_conrady"
    assert found.depth.distortion == (0,) * 5
    assert found.depth_scale_m == pytest.approx(0.000_25)
    assert found.rotation is not None
    assert np.array_equal(found.rotation, np.eye(3))
    assert found.translation_m == pytest.approx([0.06, 0, 0])


def test_points_go_from_depth_to_colour_as_librealsense_moves_them(bus: SyntheticBus) -> None:
    rs = library.load()
    camera = SyntheticCamera(look=Look(turn_rad=0.3, baseline_m=0.06))
    bus.plug(camera)
    found = read(bus)
    assert found.rotation is not None
    assert found.translation_m is not None
    device = bus.devices()[0]
    depth, color = (sensor.get_stream_profiles()[0] for sensor in device.query_sensors())
    point = [0.4, -0.2, 2.0]
    expected = rs.rs2_transform_point_to_point(depth.get_extrinsics_to(color), point)
    moved = found.rotation @ np.array(point) + found.translation_m
    assert moved == pytest.approx(expected, abs=1e-6)
    assert abs(moved[1] - point[1]) > 0.1


def test_a_stream_that_is_off_has_no_lens(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera())
    found = read(bus, color=None)
    assert found.depth is not None
    assert (found.color, found.rotation, found.translation_m) == (None, None, None)


def test_without_a_camera_that_is_the_error(bus: SyntheticBus) -> None:
    with pytest.raises(DeviceError, match="no RealSense camera"):
        read(bus)
