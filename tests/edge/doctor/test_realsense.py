"""gatehouse doctor: RealSense cameras."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from edge.doctor.findings import State
from edge.doctor.realsense import realsense
from edge.errors import ConfigError
from edge.realsense_settings import PictureSettings, RealSenseSourceSettings
from edge.sources.realsense import library
from edge.sources.realsense.synthetic import Look, SyntheticBus, SyntheticCamera

SMALL = PictureSettings(width=160, height=120)


def source(**given: Any) -> RealSenseSourceSettings:
    return RealSenseSourceSettings(type="realsense", **{"color": SMALL, "depth": SMALL, **given})


@pytest.fixture
def bus() -> SyntheticBus:
    try:
        return SyntheticBus()
    except ConfigError as error:
        pytest.skip(str(error))


def test_a_camera_that_offers_what_is_wanted_is_named(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera("S1"))
    (found,) = realsense("camera left", source(serial="S1"), bus)
    assert found.state is State.OK
    assert "S1 (firmware 5.16.0.1, USB 3.2)" in found.told


def test_a_camera_that_is_not_there_fails_with_those_that_are(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera("S1"))
    (found,) = realsense("camera left", source(serial="S2"), bus)
    assert found.state is State.FAIL
    assert "no RealSense camera S2" in found.told
    assert "there are: S1" in str(found.remedy)


def test_a_picture_it_does_not_offer_fails_with_a_list(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera())
    (found,) = realsense("camera left", source(depth=PictureSettings()), bus)
    assert found.state is State.FAIL
    assert "set its depth to one of: 160x120@30" in str(found.remedy)


def test_a_slow_cable_is_a_warning(bus: SyntheticBus) -> None:
    bus.plug(SyntheticCamera(look=Look(usb="2.1")))
    (found,) = realsense("camera left", source(), bus)
    assert found.state is State.WARN
    assert "USB 3" in str(found.remedy)


def test_without_the_library_its_package_is_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    (found,) = realsense("camera left", source())
    assert found.state is State.FAIL
    assert found.remedy == library.PACKAGE
