from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import EX_CONFIG, EX_NO_INPUT, ConfigError, MissingFileError
from edge.privacy_settings import PrivacySettings
from edge.settings import (
    DecisionSettings,
    ModelSettings,
    MqttSettings,
    WindowSettings,
    load_settings,
)

EXAMPLE = Path(__file__).parents[2] / "docs" / "gatehouse.example.yaml"
SMALLEST = """\
site: here
device: box
rooms:
  - name: one
    source: {type: webcam}
"""


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gatehouse.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_shows_every_default_truthfully() -> None:
    settings = load_settings(EXAMPLE)
    assert settings.mqtt == MqttSettings()
    assert settings.models == ModelSettings()
    assert settings.window == WindowSettings()
    assert settings.decision == DecisionSettings()
    assert settings.privacy == PrivacySettings()


def test_site_device_and_one_room_are_enough(tmp_path: Path) -> None:
    settings = load_settings(config(tmp_path, SMALLEST))
    assert settings.rooms[0].source.type == "webcam"


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("colour: red\n", ["colour", "unknown key"]),
        ("mqtt: {prot: 1883}\n", ["mqtt.prot", "unknown key"]),
        ("mqtt: {port: 70000}\n", ["mqtt.port", "65535", "70000"]),
        ("window: {max_age_ms: 100 ms}\n", ["window.max_age_ms", "number", "100 ms"]),
        ("decision: {long_lie: 10}\n", ["decision.long_lie", "unknown key"]),
        ("decision: {fall: {enter: 0.2, exit: 0.5}}\n", ["decision.fall", "exit"]),
        ("models: {modalities: []}\n", ["models.modalities", "at least one"]),
        ("mqtt: {tls: {cert_file: a.pem}}\n", ["mqtt.tls", "go together"]),
        ("privacy: {switched_off: [{streams: [rgb], start: 22:00, end: 23:00}]}\n", ["in quotes"]),
        ("privacy: {switched_off: [{streams: [rgb], rooms: [two]}]}\n", ["no room", "two"]),
        ("privacy: {timezone: Berlin}\n", ["privacy.timezone", "Europe/Berlin"]),
        ("device: [\n", ["not valid YAML"]),
        ("since: 2001-99-99\n", ["not valid YAML", "month"]),
        (f"since: {'[' * 3_000}\n", ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, addition: str, told: list[str]) -> None:
    path = config(tmp_path, SMALLEST + addition)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert caught.value.exit_code == EX_CONFIG
    assert "\n" not in message
    assert all(part in message for part in [str(path), *told]), message


def test_two_rooms_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = SMALLEST + "  - name: one\n    source: {type: webcam}\n"
    with pytest.raises(ConfigError, match="same name"):
        load_settings(config(tmp_path, twice))


def test_a_room_name_that_breaks_topics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rooms\.0\.name"):
        load_settings(config(tmp_path, SMALLEST.replace("name: one", "name: a/b")))


def test_a_file_that_is_not_there_points_at_the_example(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gatehouse\.example\.yaml") as caught:
        load_settings(tmp_path / "none.yaml")
    assert caught.value.exit_code == EX_NO_INPUT


def test_a_list_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key: value"):
        load_settings(config(tmp_path, "- a\n- b\n"))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(binary)


def test_the_rules_that_the_example_only_shows_are_valid_as_well(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    shown = {"timezone:", "switched_off:", "-"}

    def uncommented(line: str) -> str:
        text = line.strip().removeprefix("# ")
        inside = line.startswith("  # ") and text.split()[:1] and text.split()[0] in shown
        return line.replace("# ", "", 1) if inside else line

    settings = load_settings(config(tmp_path, "\n".join(map(uncommented, lines))))
    assert settings.privacy.timezone == "Europe/Berlin"
    assert len(settings.privacy.switched_off) == 2
