"""The configuration file: checked once, unknown keys refused, units in the names.

A class gets its own section, never the whole tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from edge.errors import ConfigError, MissingFileError
from edge.privacy_settings import PrivacySettings, ZoneSettings
from edge.realsense_settings import RealSenseSourceSettings
from edge.section import NAME, Section
from edge.source_settings import (
    FileSourceSettings as FileSourceSettings,
)
from edge.source_settings import (
    GstreamerSourceSettings as GstreamerSourceSettings,
)
from edge.source_settings import (
    LiveSourceSettings as LiveSourceSettings,
)
from edge.source_settings import (
    MediaSourceSettings as MediaSourceSettings,
)
from edge.source_settings import (
    MicrophoneSourceSettings as MicrophoneSourceSettings,
)
from edge.source_settings import (
    RecordingSourceSettings as RecordingSourceSettings,
)
from edge.source_settings import (
    RoomSources,
)
from edge.source_settings import (
    RtspSourceSettings as RtspSourceSettings,
)
from edge.source_settings import (
    SourceSettings as SourceSettings,
)
from edge.source_settings import (
    WebcamSourceSettings as WebcamSourceSettings,
)
from edge.vocabulary import MODALITIES, Modality


class RoomSettings(RoomSources):
    """One watched room and where its samples come from."""

    name: str = Field(pattern=NAME)
    zones: tuple[ZoneSettings, ...] = Field(default=(), max_length=32)  # blanked at ingest


class TlsSettings(Section):
    """TLS towards the broker; client certificate optional."""

    ca_file: Path | None = None  # None: the system's certificate authorities
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> TlsSettings:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self


class MqttSettings(Section):
    """The care home's broker."""

    host: str = Field(default="localhost", min_length=1)
    port: int = Field(default=1883, ge=1, le=65_535)
    username: str | None = None
    password_file: Path | None = None  # a file, so that the secret is not in this one
    tls: TlsSettings | None = None
    keepalive_s: int = Field(default=15, ge=2, le=600)
    heartbeat_s: float = Field(default=10.0, ge=0.5, le=300)


class ModelSettings(Section):
    """Which networks run, and on what."""

    directory: Path | None = None  # None: the models shipped with the package
    # auto: tensorrt where there is an NVIDIA GPU; a network without a good plan runs on the CPU
    backend: Literal["auto", "openvino", "tensorrt"] = "auto"
    plans: Path | None = None  # TensorRT plans; None: see plans.plan_directory
    plan_rooms: int = Field(default=1, ge=1, le=64)  # plans are tuned for so many rooms at once
    # auto: int8 with TensorRT, if the directory has INT8 graphs of all encoders; fp32 on the CPU
    precision: Literal["auto", "fp32", "int8"] = "auto"
    threads: int = Field(default=1, ge=1, le=64)
    modalities: frozenset[Modality] = frozenset(MODALITIES)

    @field_validator("modalities")
    @classmethod
    def _at_least_one(cls, value: frozenset[Modality]) -> frozenset[Modality]:
        if not value:
            raise ValueError("name at least one of rgb, flow, depth, audio")
        return value


class WindowSettings(Section):
    """How samples meet the 15 Hz grid."""

    max_age_ms: float = Field(default=100.0, gt=0, le=1_000)  # an older frame counts as missing
    max_wait_ms: float = Field(
        default=250.0, gt=0, le=5_000
    )  # a stream later than this is not waited for


class AlarmRule(Section):
    """When one class of alarm is raised and when it is over."""

    enter: float = Field(ge=0, le=1)  # smoothed score that starts a candidate
    exit: float = Field(ge=0, le=1)  # below this the evidence is gone
    decisions: int = Field(
        default=2, ge=1, le=120
    )  # consecutive decisions above enter, 0.5 s apart
    refractory_s: float = Field(
        default=10.0, ge=0, le=3_600
    )  # an alarm was closed: no other this soon after its evidence
    # Evidence gone this long (below exit): what comes back is a new alarm, though this one is open.
    # Longer than the 2 s window of a decision, so that one event has left it; short enough that
    # somebody who got up from a crouch (a false alarm) and then falls is not missed.
    renew_s: float = Field(default=3.0, ge=1, le=3_600)

    @model_validator(mode="after")
    def _hysteresis(self) -> AlarmRule:
        if self.exit > self.enter:
            raise ValueError("exit must not be above enter")
        return self


class DecisionSettings(Section):
    """Thresholds on smoothed, calibrated scores; the defaults are those of the model card."""

    smoothing_s: float = Field(default=0.0, ge=0, le=5)  # time constant of the exponential average
    fall: AlarmRule = AlarmRule(enter=0.85, exit=0.425, decisions=2)
    on_floor: AlarmRule = AlarmRule(enter=0.2, exit=0.1, decisions=6)
    violence: AlarmRule = AlarmRule(enter=0.8, exit=0.4, decisions=2)
    distress_call: AlarmRule = AlarmRule(enter=0.9, exit=0.45, decisions=2)
    glass_break: AlarmRule = AlarmRule(enter=0.8, exit=0.4, decisions=1)
    long_lie_s: float = Field(default=10.0, ge=1, le=3_600)  # on the floor this long after a fall
    resolve_s: float = Field(
        default=20.0, ge=1, le=3_600
    )  # evidence gone this long closes an alarm
    repeat_s: float = Field(default=60.0, ge=1, le=3_600)  # unacknowledged alarms are said again
    escalate_s: float = Field(default=180.0, ge=1, le=86_400)
    expire_s: float = Field(default=3_600.0, ge=60, le=604_800)


class Settings(Section):
    """The whole file."""

    site: str = Field(pattern=NAME)
    device: str = Field(pattern=NAME)
    state_dir: Path = Path("/var/lib/gatehouse")
    mqtt: MqttSettings = MqttSettings()
    models: ModelSettings = ModelSettings()
    window: WindowSettings = WindowSettings()
    decision: DecisionSettings = DecisionSettings()
    privacy: PrivacySettings = PrivacySettings()
    rooms: tuple[RoomSettings, ...] = Field(min_length=1)

    @field_validator("rooms")
    @classmethod
    def _distinct(cls, rooms: tuple[RoomSettings, ...]) -> tuple[RoomSettings, ...]:
        names = [room.name for room in rooms]
        if len(set(names)) != len(names):
            raise ValueError("two rooms have the same name")
        return rooms

    @model_validator(mode="after")
    def _one_room_a_camera(self) -> Settings:
        feeds = [source for room in self.rooms for source in room.feeds.values()]
        serials = [f.serial for f in feeds if isinstance(f, RealSenseSourceSettings)]
        if len(serials) > 1 and (None in serials or len(set(serials)) < len(serials)):
            raise ValueError("rooms: give each RealSense camera its own serial")
        return self

    @model_validator(mode="after")
    def _rules_name_rooms(self) -> Settings:
        named = {room for rule in self.privacy.switched_off for room in rule.rooms or ()}
        unknown = sorted(named - {room.name for room in self.rooms})
        if unknown:  # a rule that silently matches nothing would leave a sensor on
            raise ValueError(
                f"privacy.switched_off: no room is called {unknown[0]!r}; check its spelling"
            )
        return self


Form = TypeVar("Form", bound=BaseModel)


def load_settings(path: Path) -> Settings:
    """Read and check a YAML configuration.

    Raises: MissingFileError, ConfigError; the message names file, key and what it should be.
    """
    return load_yaml(path, Settings, "docs/gatehouse.example.yaml")


def load_yaml(path: Path, form: type[Form], example: str) -> Form:
    """Read and check any YAML file of ``key: value`` lines.  example: where people should start

    Raises: as load_settings.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFileError(f"{path}: no such file; start from {example}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error
    try:
        data = yaml.safe_load(text)
    # A date that does not exist is a ValueError to PyYAML, and endless brackets a RecursionError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{path}: not valid YAML: {problem}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines; start from {example}")
    try:
        return form.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    """One line for the first problem, and how many more there are."""
    first, *rest = error.errors(include_url=False)
    where = ".".join(str(part) for part in first["loc"]) or "(top level)"
    if first["type"] == "extra_forbidden":
        what = "unknown key; remove it or check its spelling"
    else:
        what = first["msg"].removeprefix("Value error, ")
        if not isinstance(first.get("input"), (dict, list)) and first["type"] != "missing":
            what += f", got {first['input']!r}"
    more = f" (and {len(rest)} more)" if rest else ""
    return f"{where}: {what}{more}"
