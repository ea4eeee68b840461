"""Fitting a device to its site: sensors and INT8 ranges."""
