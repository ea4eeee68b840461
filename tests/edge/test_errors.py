from __future__ import annotations

import pytest

from edge import errors
from edge.errors import GatehouseError, SourceError


def every_error(root: type[GatehouseError] = GatehouseError) -> list[type[GatehouseError]]:
    return [root, *(found for child in root.__subclasses__() for found in every_error(child))]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("UsageError", 64),
        ("MediaError", 65),
        ("MissingFileError", 66),
        ("SourceError", 69),
        ("DeviceError", 69),
        ("BrokerError", 69),
        ("ModelError", 74),
        ("StoreError", 74),
        ("ConfigError", 78),
    ],
)
def test_an_error_has_the_documented_exit_status(name: str, status: int) -> None:
    assert getattr(errors, name).exit_code == status


def test_no_error_looks_like_success_or_like_a_signal() -> None:
    found = every_error()
    assert len(found) > 9
    assert all(errors.EX_OK < error.exit_code < 126 for error in found)


@pytest.mark.parametrize("name", ["MediaError", "MissingFileError", "DeviceError"])
def test_whatever_is_wrong_with_a_source_can_be_caught_as_one(name: str) -> None:
    with pytest.raises(SourceError, match="plug it in"):
        raise getattr(errors, name)("no camera; plug it in")
