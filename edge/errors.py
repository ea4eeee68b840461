"""One error tree. Every message names the remedy; ``cli`` catches the root, exits with its status.

Statuses are sysexits(3) where one fits, so that systemd can tell a retry from a mistake
(``RestartPreventExitStatus=78`` and friends).
"""

from __future__ import annotations

EX_OK = 0
EX_SOME_FAILED = 1
EX_USAGE = 64
EX_DATA = 65
EX_NO_INPUT = 66
EX_UNAVAILABLE = 69
EX_DAMAGED = 74
EX_CONFIG = 78


class GatehouseError(Exception):
    """Root of all errors a user may meet; ``str(error)`` is one line that names the remedy."""

    exit_code = EX_SOME_FAILED


class UsageError(GatehouseError):
    """The command line asks for something that does not exist."""

    exit_code = EX_USAGE


class ConfigError(GatehouseError):
    """The configuration is not valid; retrying will not help."""

    exit_code = EX_CONFIG


class PrivacyError(ConfigError):
    """The privacy policy of this device forbids it."""


class SourceError(GatehouseError):
    """A source cannot deliver."""

    exit_code = EX_UNAVAILABLE


class MediaError(SourceError):
    """A file is empty, damaged, or not media at all."""

    exit_code = EX_DATA


class MissingFileError(SourceError):
    """A file is not there, or may not be read."""

    exit_code = EX_NO_INPUT


class DeviceError(SourceError):
    """A sensor is not there or has stopped."""


class DeviceAbsentError(DeviceError):
    """Nothing answers at that name or address."""


class DeviceBusyError(DeviceError):
    """Another program has it."""


class DeviceDeniedError(DeviceError):
    """It is there, but this user, or this name and password, may not use it."""


class DeviceLostError(DeviceError):
    """It delivered, and then stopped: unplugged, switched off, restarted."""


class DeviceSilentError(DeviceError):
    """It is open, says that all is well, and delivers nothing."""


class DeviceFormatError(DeviceError):
    """It delivers what cannot be turned into pictures or sound here."""


class ModelError(GatehouseError):
    """A model is missing, or is not the one its digest promises."""

    exit_code = EX_DAMAGED


class CudaError(GatehouseError):
    """A CUDA call failed, or there is no CUDA here; the context, if any, can still be used."""

    exit_code = EX_UNAVAILABLE


class CudaLostError(CudaError):
    """The CUDA context is broken for good; only a new process gets another (systemd starts it)."""


class PlanError(ModelError):
    """A compiled engine is not to be trusted: damaged, foreign, or writable by others."""


class MissingPlanError(PlanError):
    """No engine was compiled for this model, this board and this TensorRT."""

    exit_code = EX_CONFIG


class StoreError(GatehouseError):
    """The outbox cannot be read or written."""

    exit_code = EX_DAMAGED


class BrokerError(GatehouseError):
    """The broker is down, or refuses this device."""

    exit_code = EX_UNAVAILABLE


def one_line(error: Exception) -> str:
    """An error for people: ours as it is, any other as the bug that it is."""
    if isinstance(error, GatehouseError):
        return str(error)
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{told}; this is a bug in gatehouse, please report it"
