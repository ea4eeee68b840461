"""What every part of a configuration file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Names become MQTT topic levels: letters, digits, hyphen, underscore; at most 64."""


class Section(BaseModel):
    """A frozen part of the configuration that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
