"""Gatehouse on the device: from sensors to alarms, one way."""

__version__ = "0.1.0"
