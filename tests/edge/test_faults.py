from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.cli import main
from edge.compose import open_file
from edge.demo_broker import PrivateBroker
from edge.errors import ConfigError, MissingFileError
from edge.faults import FaultScript, load_faults
from edge.faults_apply import FaultySource
from edge.models import Models
from edge.replay import decision_line, replay_file
from edge.values import Sample, Stream

Make = Callable[..., Path]
EXAMPLE = Path(__file__).parents[2] / "docs" / "faults.example.yaml"
SECOND_NS = 1_000_000_000
START_NS = 5 * SECOND_NS


def script(*faults: dict[str, Any], seed: int = 7) -> FaultScript:
    return FaultScript.model_validate({"seed": seed, "faults": faults})


class Ideal:
    """Every sensor for ten seconds: pictures and depth 15 a second, sound in chunks of 20 ms."""

    streams = frozenset(Stream)
    digest = "ideal"

    def samples(self) -> Iterator[Sample]:
        for chunk in range(500):
            t_ns = START_NS + chunk * 20_000_000
            yield Sample(Stream.AUDIO, t_ns, np.full(320, 1_000, np.int16))
            if chunk % 10 in (0, 3, 7):
                number = np.uint8(1 + chunk // 3)
                yield Sample(Stream.RGB, t_ns, np.full((6, 8, 3), number))
                yield Sample(Stream.DEPTH, t_ns, np.full((6, 8), 1_000 + chunk, np.uint16))


def left(*faults: dict[str, Any], seed: int = 7) -> list[Sample]:
    return list(FaultySource(Ideal(), script(*faults, seed=seed)).samples())


def of(samples: list[Sample], stream: Stream) -> list[Sample]:
    return [sample for sample in samples if sample.stream is stream]


def seconds(samples: list[Sample]) -> list[float]:
    return [(sample.t_ns - START_NS) / 1e9 for sample in samples]


def same(one: list[Sample], other: list[Sample]) -> bool:
    return len(one) == len(other) and all(
        (a.stream, a.t_ns) == (b.stream, b.t_ns) and bool((a.data == b.data).all())
        for a, b in zip(one, other, strict=True)
    )


def test_a_camera_that_is_out_delivers_nothing_for_exactly_so_long() -> None:
    samples = left({"kind": "out", "at_s": 4, "for_s": 2})
    for stream in (Stream.RGB, Stream.DEPTH):
        times = seconds(of(samples, stream))
        assert not [t for t in times if 4 <= t < 6]
        assert len(times) == 150 - 30
    assert len(of(samples, Stream.AUDIO)) == 500


def test_about_so_many_frames_are_lost_at_random_and_the_same_ones_every_time() -> None:
    loss = {"kind": "loss", "share": 0.3, "streams": ["rgb"]}
    first = of(left(loss), Stream.RGB)
    assert 90 <= len(first) <= 120
    assert same(first, of(left(loss), Stream.RGB))
    assert not same(first, of(left(loss, seed=8), Stream.RGB))
    assert len(of(left(loss), Stream.DEPTH)) == 150


def test_each_fault_draws_its_own_numbers() -> None:
    rgb, depth = ({"kind": "loss", "share": 0.5, "streams": [s]} for s in ("rgb", "depth"))
    both = left(rgb, depth)
    assert seconds(of(both, Stream.RGB)) == seconds(of(left(rgb), Stream.RGB))
    assert seconds(of(both, Stream.RGB)) != seconds(of(both, Stream.DEPTH))


def test_a_frozen_camera_repeats_its_last_picture_under_new_times() -> None:
    pictures = of(left({"kind": "freeze", "streams": ["rgb"], "at_s": 2, "for_s": 3}), Stream.RGB)
    frozen = [s for s in pictures if 2 <= (s.t_ns - START_NS) / 1e9 < 5]
    before = next(s for s in reversed(pictures) if s.t_ns - START_NS < 2 * SECOND_NS)
    assert len(pictures) == 150
    assert all((s.data == before.data).all() for s in frozen)
    assert len({id(s.data) for s in frozen}) == len(frozen)


def test_darkness_and_holes_hit_only_their_camera() -> None:
    samples = left({"kind": "dark"}, {"kind": "holes", "share": 0.5, "at_s": 5})
    assert not any(s.data.any() for s in of(samples, Stream.RGB))
    depth = of(samples, Stream.DEPTH)
    assert all(s.data.all() for s in depth if s.t_ns - START_NS < 5 * SECOND_NS)
    late = np.concatenate([s.data for s in depth if s.t_ns - START_NS >= 5 * SECOND_NS])
    assert 0.4 < (late == 0).mean() < 0.6
    assert late.dtype == np.uint16


def sound(samples: list[Sample]) -> np.ndarray:
    return np.concatenate([s.data for s in of(samples, Stream.AUDIO)])


def test_hum_is_a_steady_tone_of_its_frequency_from_its_first_to_its_last_sample() -> None:
    heard = sound(left({"kind": "hum", "at_s": 2.01, "for_s": 4, "hz": 60, "level_dbfs": -20}))
    added = heard.astype(float) - 1_000
    start, end = round(2.01 * 16_000), round(6.01 * 16_000)
    assert not added[:start].any()
    assert not added[end:].any()
    spectrum = np.abs(np.fft.rfft(added[start : start + 16_000]))
    assert sorted(np.argsort(spectrum)[-3:]) == [60, 120, 180]
    assert spectrum[60] / 8_000 == pytest.approx(32_767 / 10, rel=0.02)


def test_silence_is_digital_zero_and_clipping_stays_in_range() -> None:
    assert not sound(left({"kind": "silence"})).any()
    assert set(sound(left({"kind": "clipping", "gain_db": 60}))) == {32_767}


def test_a_clock_that_jumps_moves_the_times_of_its_streams_and_nothing_else() -> None:
    jumped = left({"kind": "clock_jump", "at_s": 3, "by_s": -1.5, "streams": ["depth"]})
    ideal = list(Ideal().samples())
    for before, after in zip(ideal, jumped, strict=True):
        moved = before.stream is Stream.DEPTH and before.t_ns - START_NS >= 3 * SECOND_NS
        assert after.t_ns - before.t_ns == (-1_500_000_000 if moved else 0)
        assert (after.data == before.data).all()


def test_a_clock_that_drifts_is_ever_further_off() -> None:
    drifted = of(left({"kind": "drift", "ppm": 1_000, "streams": ["rgb"], "at_s": 2}), Stream.RGB)
    ideal = of(list(Ideal().samples()), Stream.RGB)
    off = [b.t_ns - a.t_ns for a, b in zip(ideal, drifted, strict=True)]
    assert off[:30] == [0] * 30
    assert off[-1] == pytest.approx(0.001 * (ideal[-1].t_ns - START_NS - 2 * SECOND_NS), abs=1)


def test_times_of_faults_count_from_the_first_sample_also_after_a_jump() -> None:
    jump = {"kind": "clock_jump", "at_s": 1, "by_s": 100}
    times = seconds(of(left(jump, {"kind": "out", "at_s": 4, "for_s": 6}), Stream.RGB))
    assert max(times) == pytest.approx(104, abs=0.1)


def test_the_example_names_every_kind_and_is_valid() -> None:
    kinds = {fault.kind for fault in load_faults(EXAMPLE).faults}
    schema = FaultScript.model_json_schema()
    assert kinds == set(schema["properties"]["faults"]["items"]["discriminator"]["mapping"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("faults: []", ["faults", "at least 1"]),
        ("faults: [{kind: fire}]", ["faults.0", "fire", "'out'"]),
        ("faults: [{kind: loss}]", ["faults.0.loss.share", "required"]),
        ("faults: [{kind: loss, share: 30}]", ["faults.0.loss.share", "1", "30"]),
        ("faults: [{kind: out, for: 5}]", ["faults.0.out.for", "unknown key"]),
        ("faults: [{kind: out, at_s: -1}]", ["faults.0.out.at_s", "-1"]),
        ("faults: [{kind: freeze, streams: [audio]}]", ["streams", "audio"]),
        ("faults: [{kind: out, streams: []}]", ["streams", "at least 1"]),
        ("seed: x\nfaults: [{kind: out}]", ["seed", "x"]),
        (
            "faults: [{kind: broker_outage, at_s: 1, for_s: 5},"
            " {kind: broker_outage, at_s: 3, for_s: 1}]",
            ["overlap at 3 s"],
        ),
        ("- kind: out", ["key: value", "faults.example.yaml"]),
    ],
)
def test_a_mistake_in_a_script_is_named_in_one_line(
    text: str, told: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_faults(path)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in [str(path), *told]), message


def test_a_script_that_is_not_there_points_at_the_example(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"faults\.example\.yaml"):
        load_faults(tmp_path / "none.yaml")


MIXED = (
    {"kind": "loss", "share": 0.3, "at_s": 0.5},
    {"kind": "hum", "at_s": 1, "for_s": 1},
    {"kind": "holes", "share": 0.5, "at_s": 2},
    {"kind": "out", "streams": ["rgb"], "at_s": 3, "for_s": 1.5},
    {"kind": "clock_jump", "at_s": 4.8, "by_s": 0.3},
)


def replayed(path: Path, models: Models, faults: FaultScript | None) -> list[str]:
    return [decision_line(path, d) for d in replay_file(path, models, faults=faults)]


def test_a_replay_with_faults_gives_the_same_bytes_every_time(
    make_recording: Make, models: Models
) -> None:
    path = make_recording(seconds=6, fall_s=1.5)
    first = replayed(path, models, script(*MIXED))
    assert first == replayed(path, models, script(*MIXED))
    assert first != replayed(path, models, script(*MIXED, seed=8))
    assert first != replayed(path, models, None)


def test_a_missing_camera_is_told_and_alarm_ids_tell_the_replays_apart(
    make_recording: Make, models: Models
) -> None:
    path = make_recording(seconds=6, fall_s=0.5)
    out = script({"kind": "out", "streams": ["depth"], "at_s": 2, "for_s": 3.5})
    lines = [json.loads(line) for line in replayed(path, models, out)]
    assert {line["t"] for line in lines if line["missing"].get("depth") == "stale"} >= {4.5, 5.0}
    plain = [json.loads(line) for line in replayed(path, models, None)]
    ids = [[a["id"] for line in found for a in line["alarms"]] for found in (lines, plain)]
    assert all(ids)
    assert not set(ids[0]) & set(ids[1])


def test_the_digest_is_of_what_the_script_says_and_not_of_how_it_is_written(
    make_recording: Make, tmp_path: Path
) -> None:
    one = script({"kind": "out", "streams": ["depth", "rgb"], "at_s": 1})
    other = script({"at_s": 1.0, "streams": ["rgb", "depth"], "kind": "out"})
    assert one.digest == other.digest
    assert one.digest != script({"kind": "out", "at_s": 2}).digest
    source = open_file(make_recording(seconds=1))
    assert FaultySource(source, one).digest != source.digest


def command(models: Path, faults: str, tmp_path: Path, recording: Path) -> list[str]:
    path = tmp_path / "faults.yaml"
    path.write_text(faults, encoding="utf-8")
    shown = ["replay", "--json", "--models", str(models), "--faults", str(path)]
    return [*shown, str(recording)]


def test_alarms_of_a_broker_outage_arrive_after_it_and_decisions_do_not_change(
    make_recording: Make,
    model_directory: Path,
    broker: PrivateBroker,  # only to skip where there is none
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recording = make_recording(seconds=6, fall_s=2)
    outage = "faults: [{kind: broker_outage, at_s: 1.5, for_s: 3}]"
    assert main(command(model_directory, outage, tmp_path, recording)) == 0
    first = capsys.readouterr()
    assert main(command(model_directory, outage, tmp_path, recording)) == 0
    again = capsys.readouterr()
    assert first == again
    assert "1 alarm transitions, 1 of them without a broker; all arrived, 1" in first.err
    assert any(json.loads(line)["alarms"] for line in first.out.splitlines())


def test_a_bad_script_is_one_line_and_status_78(
    make_recording: Make,
    model_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = command(model_directory, "faults: [{kind: fire}]", tmp_path, make_recording(seconds=1))
    assert main(bad) == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "faults.yaml" in line
