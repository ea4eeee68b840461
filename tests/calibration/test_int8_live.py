"""On site: the pipeline's own inputs are counted, and no picture or sound is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration import int8_live
from calibration.__main__ import main
from calibration.int8_clips import DATASET, decoded_in, rows_of
from calibration.rooms import CountingEncoder
from edge.encoders.spec import ENCODERS
from edge.errors import EX_DATA, EX_UNAVAILABLE
from edge.models import ModelStore
from edge.vocabulary import Modality
from engines.quantize import gate
from engines.quantize.histogram import BINS, read_histograms
from engines.quantize.recipe import Original
from engines.training.cache import cached_path

MINUTES = "2"  # at most: it ends with the recordings, however slow the machine


def configuration(folder: Path, *recordings: Path) -> Path:
    rooms = [
        f"  - {{name: r{i}, source: {{type: recording, path: {path}, realtime: false}}}}"
        for i, path in enumerate(recordings)
    ]
    path = folder / "gatehouse.yaml"
    path.write_text("\n".join(["site: s", "device: d", "rooms:", *rooms]))
    return path


def live(settings: Path, model: Path, folder: Path, *options: str) -> int:
    words = ["--model", model, "--live", settings, "--minutes", MINUTES, "--work", folder / "work",
             "--rule", "min_max"]  # fmt: skip
    return main(["int8", *map(str, words), *options])


def test_watching_a_room_gives_int8_encoders(model: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = configuration(tmp_path, recording, recording)
    assert live(settings, model, tmp_path, "--out", str(out)) == 0
    assert len(ModelStore(out).manifest.made_from) == len(ENCODERS)
    assert not list((tmp_path / "work" / "live").iterdir())  # the next one begins anew


def test_only_counts_are_written_and_an_interrupted_run_goes_on(
    model: Path,
    make_noise: Callable[..., Path],
    shipped: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = configuration(tmp_path, make_noise("rgb", "depth", "audio"))

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(int8_live, "candidates", cut)
        assert live(settings, model, tmp_path) == 130
    kept = sorted((tmp_path / "work" / "live").iterdir())
    inputs = decoded_in(tmp_path / "work", ModelStore(model)) / DATASET
    (decoded,) = set((tmp_path / "work").rglob("*.*")) - set(kept)
    assert decoded == cached_path(inputs.parent, rows_of([shipped])[0])  # of the one that ships
    assert [path.stem for path in kept] == ["audio", "depth", "flow", "rgb"]
    for path in kept:
        with np.load(path) as arrays:
            assert set(arrays) == {"model", "seconds", "names", "counts", "limits"}
            assert arrays["counts"].shape == (len(arrays["names"]), BINS)
    seen, seconds = read_histograms(kept[0], int8_live._digest(original(model)))
    assert seen
    assert seconds > 0
    assert live(settings, model, tmp_path, "--out", str(tmp_path / "out")) == 0


def original(model: Path, modality: Modality = Modality.AUDIO) -> Any:
    spec = ENCODERS[modality]
    return Original(spec, ModelStore(model).read_encoder(spec))


def test_a_sensor_that_shows_nothing_is_named(
    model: Path,
    make_noise: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = configuration(tmp_path, make_noise("rgb", "audio"))
    assert live(settings, model, tmp_path) == EX_DATA
    assert "no usable depth" in capsys.readouterr().err
    assert not (tmp_path / "work" / "live" / "depth.npz").exists()  # the next run begins anew
    mended = configuration(tmp_path, make_noise("rgb", "depth", "audio"))
    assert live(mended, model, tmp_path) == 0


def test_what_was_refused_may_be_watched_for_longer(
    model: Path, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, out = configuration(tmp_path, recording), str(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(gate, "LEAST_COSINE", 1.1)
        assert live(settings, model, tmp_path, "--out", out) == EX_DATA
    counts = list((tmp_path / "work" / "live").iterdir())
    assert len(counts) == len(ENCODERS)
    assert live(settings, model, tmp_path, "--out", out) == 0
    assert not any(path.exists() for path in counts)


def test_what_the_shipped_recording_shows_is_counted_too(
    model: Path, make_noise: Callable[..., Path], shipped: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nobody may fall, or call for help, while it watches."""
    settings = configuration(tmp_path, make_noise("rgb", "depth", "audio", seconds=2.0))
    monkeypatch.setattr(int8_live, "candidates", lambda original, *_: {"": original.fp32})
    totals = []
    for always in (shipped, make_noise("rgb", "depth", "audio", seconds=1.5)):
        monkeypatch.setattr("calibration.int8.demo_recording", lambda given=always: given)
        work = tmp_path / always.parent.name
        assert live(settings, model, work) == 0
        seen, _ = read_histograms(work / "work" / "live" / "flow.npz",
                                  int8_live._digest(original(model, Modality.FLOW)))  # fmt: skip
        totals.append(next(iter(seen.values())).counts.sum())
    assert totals[0] > 1.5 * totals[1]


def test_a_room_that_cannot_be_opened_ends_the_run(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(b"not a recording")
    assert live(configuration(tmp_path, broken), model, tmp_path) in (EX_DATA, EX_UNAVAILABLE)


def test_each_frame_of_a_batch_is_measured_and_its_features_go_on() -> None:
    seen = []

    def run(frame: np.ndarray) -> np.ndarray:
        seen.append(frame.shape)
        return frame.reshape(1, -1)

    encoder = CountingEncoder(Modality.RGB, run)
    np.testing.assert_array_equal(encoder.encode(np.arange(6).reshape(3, 2)),
                                  np.arange(6).reshape(3, 2))  # fmt: skip
    assert seen == [(1, 2)] * 3
    assert encoder.frames == 3
