"""``python -m calibration int8`` on a small model: measure, refuse, install."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration import int8 as command
from calibration import int8_judge
from calibration.__main__ import main
from calibration.int8_clips import Sample, sample
from edge.errors import EX_DAMAGED, EX_DATA, EX_NO_INPUT, EX_USAGE
from edge.models import ModelStore, open_models
from edge.settings import ModelSettings
from edge.vocabulary import Modality
from engines.quantize import gate
from engines.quantize.accuracy import FP32, INT8, TaskScore
from engines.quantize.recipe import Original, Quantised
from engines.training.datasets import encoder_batch, load_inputs


def int8(*options: object, model: Path, work: Path) -> int:
    words = ["--model", model, "--work", work, "--workers", 1, *options]
    return main(["int8", *map(str, words)])


def test_clips_become_a_model_that_runs_in_both_precisions(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert int8("--clips", recording, "--out", out, model=model, work=tmp_path) == 0
    shown = capsys.readouterr().out
    for told in ("min_max", "percentile", "entropy", "alone dB", "times faster", str(out)):
        assert told in shown
    exact = open_models(ModelSettings(directory=out))
    small = open_models(ModelSettings(directory=out, precision="int8"))
    (decoded,) = tmp_path.glob("inputs/**/*.npz")
    for m, part in load_inputs(decoded).parts.items():
        frames = encoder_batch(m, part.tensors[:4])
        wanted, found = exact.encoders[m].encode(frames), small.encoders[m].encode(frames)
        assert 0 < np.abs(wanted - found).max() < 0.1 * np.abs(wanted).max()


def test_layers_named_in_the_specification_stay_float(
    model: Path, recording: Path, tmp_path: Path
) -> None:
    options = ("--clips", recording, "--modalities", "audio", "--out", tmp_path / "out")
    assert int8(*options, model=model, work=tmp_path) == 0
    files = json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    assert files["audio.int8.onnx"]["int8"]["float_layers"] == [
        "/normalise/Conv",
        "/normalise/Conv_1",
    ]
    assert "rgb.int8.onnx" not in files


def test_without_out_nothing_is_written(
    model: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(model.iterdir())
    options = ("--clips", recording, "--modalities", "flow", "--rule", "min_max")
    assert int8(*options, model=model, work=tmp_path) == 0
    assert sorted(model.iterdir()) == before
    assert "--out" in capsys.readouterr().out


def test_what_was_decoded_is_not_decoded_again(
    model: Path, recording: Path, tmp_path: Path
) -> None:
    clip = shutil.copy(recording, tmp_path / "clip.mcap")
    options = ("--clips", clip, "--modalities", "flow", "--rule", "min_max")
    assert int8(*options, model=model, work=tmp_path) == 0
    made = sorted(tmp_path.glob("inputs/**/*.npz"))
    assert len(made) == 2  # and the one that ships
    first = [path.stat().st_mtime_ns for path in made]
    assert int8(*options, model=model, work=tmp_path) == 0
    assert [path.stat().st_mtime_ns for path in made] == first
    assert int8("--clips", made[0], *options[2:], model=model, work=tmp_path / "other") == 0


def test_a_sensor_that_no_clip_has_is_named(
    model: Path, make_noise: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = int8("--clips", make_noise("depth"), model=model, work=tmp_path)
    assert status == EX_DATA
    assert "no rgb, flow, audio" in capsys.readouterr().err


def test_features_that_drift_install_nothing(
    model: Path,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gate, "LEAST_COSINE", 1.1)
    options = ("--clips", recording, "--modalities", "flow", "--out", tmp_path / "out")
    assert int8(*options, model=model, work=tmp_path) == EX_DATA
    assert "nothing was installed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_loss_on_labelled_clips_installs_nothing(
    model: Path,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lost = {
        FP32: [TaskScore("rooms", "decisions", 0.9, 10)],
        INT8: [TaskScore("rooms", "decisions", 0.88, 10)],
    }
    monkeypatch.setattr(int8_judge, "judge_clips", lambda *_: lost)
    monkeypatch.setattr(int8_judge, "judges", lambda *_: [])
    options = ("--clips", recording, "--modalities", "flow", "--judge", "m.csv")
    assert int8(*options, "--out", tmp_path / "out", model=model, work=tmp_path) == EX_DATA
    told = capsys.readouterr()
    assert "-2.00" in told.out
    assert "2.00 points" in told.err
    assert not (tmp_path / "out").exists()


def test_labelled_clips_are_decoded_and_judged(
    model: Path,
    recording: Path,
    make_noise: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [f"{recording},surv_fight,rgb+depth,{label},g{label}" for label in ("fight", "noFight")]
    second = tmp_path / "second.mcap"
    shutil.copy(recording, second)
    rows[1] = rows[1].replace(str(recording), str(second))
    (tmp_path / "m.csv").write_text("\n".join(["path,dataset,modalities,label,group", *rows]))
    other = make_noise("rgb", seconds=2.0)
    options = ("--clips", other, "--modalities", "flow", "--judge", tmp_path / "m.csv")
    assert int8(*options, model=model, work=tmp_path) == 0
    assert "violence" in capsys.readouterr().out


def test_what_the_shipped_recording_shows_is_counted_beside_ones_own(
    model: Path,
    make_noise: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[int] = []
    real = command.quantise

    def count(original: Original, inputs: Sample, *rest: Any) -> Quantised:
        counted.append(inputs.count)
        return real(original, inputs, *rest)

    monkeypatch.setattr(command, "quantise", count)
    options = ("--modalities", "flow", "--rule", "min_max")
    own = make_noise("rgb", seconds=2.0)
    for clips in ((), ("--clips", own)):
        assert int8(*clips, *options, model=model, work=tmp_path) == 0
    smallest = min(tmp_path.glob("inputs/**/*.npz"), key=lambda path: path.stat().st_size)
    assert counted[1] == counted[0] + sample([smallest], 512)[Modality.FLOW].count


def test_in_place_the_model_gains_int8(model: Path, recording: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(model, tmp_path / "own"))
    options = ("--clips", recording, "--modalities", "flow", "--out", own)
    assert int8(*options, model=own, work=tmp_path) == 0
    assert ModelStore(own).manifest.made_from.keys() == {"flow.int8.onnx"}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--frames", "3"], EX_USAGE),
        (["--live", "x.yaml", "--clips", "y"], EX_USAGE),
        (["--clips", "/nowhere/at/all.mcap"], EX_NO_INPUT),
        (["--live", "/nowhere/at/all.yaml"], EX_NO_INPUT),
        (["--judge", "/nowhere/at/all.csv"], EX_NO_INPUT),
        (["--out", "/dev/null/out"], EX_DAMAGED),
        (["--alone", "/dev/null/out"], EX_DAMAGED),
        (["--work", "/dev/null/work"], EX_DAMAGED),
    ],
)
def test_mistakes_are_one_line(
    model: Path, options: list[str], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert int8(*options, model=model, work=tmp_path / "work") == status
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "work" / "inputs").exists()  # it was said before the long work
