"""Light and exposure: what is set on the camera before it starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.errors import ConfigError, DeviceError
from edge.realsense_settings import RealSenseSourceSettings
from edge.sources.realsense import library

_HZ = {50: 1, 60: 2}  # librealsense's numbers for the mains


def apply(rs: Any, device: Any, settings: RealSenseSourceSettings) -> None:
    """Set emitter, exposure and clock; what is left to the camera is left out.

    Raises: ConfigError when the camera lacks what is asked for, or its range; DeviceError when it
    does not answer.
    """
    for sensor in device.query_sensors():
        _set_if_there(sensor, rs.option.global_time_enabled, 0)  # see docs/realsense.md
    if settings.depth is not None:
        sensor = _sensor(device, lambda found: found.is_depth_sensor())
        if sensor is not None:
            _set_if_there(sensor, rs.option.emitter_enabled, int(settings.emitter))
        _set(sensor, rs.option.laser_power, settings.laser_power_mw, "laser_power_mw")
        _set_exposure(rs, sensor, settings.depth_exposure_us, "depth_exposure_us")
    if settings.color is not None:
        sensor = _sensor(device, lambda found: _is_for_color(rs, found))
        _set_exposure(rs, sensor, settings.color_exposure, "color_exposure")
        mains = None if settings.mains_hz is None else _HZ[settings.mains_hz]
        _set(sensor, rs.option.power_line_frequency, mains, "mains_hz")


def _sensor(device: Any, wanted: Callable[[Any], bool]) -> Any | None:
    return next((sensor for sensor in device.query_sensors() if wanted(sensor)), None)


def _is_for_color(rs: Any, sensor: Any) -> bool:
    """Whether colour has a sensor of its own; a D405 takes it from the depth sensor."""
    kinds = {profile.stream_type() for profile in sensor.get_stream_profiles()}
    return rs.stream.color in kinds and not sensor.is_depth_sensor()


def _set_exposure(rs: Any, sensor: Any | None, value: float | None, key: str) -> None:
    if sensor is not None:
        _set_if_there(sensor, rs.option.enable_auto_exposure, int(value is None))
    _set(sensor, rs.option.exposure, value, key)


def _set_if_there(sensor: Any, option: Any, value: float) -> None:
    if sensor.supports(option) and not sensor.is_option_read_only(option):
        _write(sensor, option, value)


def _set(sensor: Any | None, option: Any, value: float | None, key: str) -> None:
    if value is None:
        return
    if sensor is None or not sensor.supports(option) or sensor.is_option_read_only(option):
        raise ConfigError(f"this camera has no {option.name} to set; remove {key}")
    ends = sensor.get_option_range(option)
    if not ends.min <= value <= ends.max:
        told = f"this camera takes {ends.min:g} to {ends.max:g}, not {value:g}"
        raise ConfigError(f"{key}: {told}; choose a value between")
    _write(sensor, option, value)


def _write(sensor: Any, option: Any, value: float) -> None:
    try:
        sensor.set_option(option, float(value))
    except RuntimeError as error:
        told = library.reason(error)
        raise DeviceError(f"{option.name} cannot be set ({told}); replug the camera") from error
